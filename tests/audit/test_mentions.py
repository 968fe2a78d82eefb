"""Mentions: whatever a call was about, it is found by; also where nothing was determined."""

from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import order_sign, service_request
from replaying import record_call
from signed_logs import AUDIT_KEY

from cds_service.audit.mentions import Mention, mention
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import decode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

EXAMPLES = Path(__file__).parents[2] / "examples"
CODE = mention("code", f"{CPT}|0600T", b"")
ORDER = Mention("order", "ServiceRequest/order-1")


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def example(name: str) -> JsonObject:
    """The request of an example."""
    request: JsonObject = decode((EXAMPLES / name / "request.json").read_bytes())
    return request


def mentioned(index: PolicyIndex, request: JsonObject) -> set[Mention]:
    """What the record of a call is found by."""
    return set(record_call(index, request).mentions)


def test_a_call_without_coverage_is_found_by_what_it_was_about(index: PolicyIndex) -> None:
    """What its policies say to a member is advice, and in a dispute it is looked for too."""
    found = mentioned(index, example("order-sign-no-coverage"))

    assert {ORDER, CODE} <= found
    assert "date" in {mention.name for mention in found}


@pytest.mark.parametrize("version", ["2.2", "9.9"])
def test_a_refused_call_is_found_by_its_orders_and_codes(version: str, index: PolicyIndex) -> None:
    """Nothing was decided for them."""
    assert {ORDER, CODE} <= mentioned(index, order_sign(version=version, prefetch={}))


def test_an_order_that_nothing_was_said_of_is_found(index: PolicyIndex) -> None:
    """Beside one that something was determined for."""
    other = service_request("93799", id="order-2", doNotPerform=True)
    found = mentioned(index, order_sign(service_request(), other, version="2.2"))

    assert {ORDER, Mention("order", "ServiceRequest/order-2"), CODE} <= found
    assert mention("code", f"{CPT}|93799", AUDIT_KEY) in found
