"""Replays of calls as a payer's day has them: several authorizations, refusals, larger limits."""

from pathlib import Path
from typing import Any

import pytest
from hook_requests import bundle, coverage, order_sign, patient, service_request
from replaying import evaluator, payload_of, record_call
from small_library import AUTHORIZATION_NEEDED, policy, reason, rule, small_index

from cds_service.audit.record import AuditRecord
from cds_service.authoring.replay import Replay, Verdict, replay_as_it_is, replay_as_it_was
from cds_service.crd.decision.authorizations import Sought
from cds_service.fhir.coding import CPT
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]


def demanding(name: str, code: str) -> JsonObject:
    """A rule for one code that demands an authorization."""
    determined = [*AUTHORIZATION_NEEDED, reason(f"because of {name}")]
    return rule(name, codes=[code], determination=determined)


def coded(*codes: str) -> JsonObject:
    """A call about an order with these codes, for member M-1 of acme."""
    codings = [{"system": CPT, "code": code} for code in codes]
    order = {**service_request(occurrenceDateTime="2026-11-20"), "code": {"coding": codings}}
    prefetch = {
        "patient": patient(),
        "coverage": bundle(coverage("acme", None, subscriberId="M-1")),
    }
    return order_sign(order, version="2.2", prefetch=prefetch)


class Register:
    """Authorizations by code; a code that it does not have has none."""

    def __init__(self, **numbers: str) -> None:
        self.numbers = numbers

    def find(self, sought: Sought) -> str:
        """The number for the first code."""
        return self.numbers.get(f"c{sought.codings[0].code}", "")


def replayed(record: AuditRecord, index: PolicyIndex) -> Replay:
    """A replay by the library of the time."""
    return replay_as_it_was(payload_of(record), evaluator(index), program="0")


def test_each_rule_has_the_authorization_that_it_had_then(tmp_path: Path) -> None:
    """Two rules, two numbers; one determination names the smaller alone."""
    index = small_index(tmp_path, policy(demanding("first", "0001T"), demanding("second", "0002T")))
    register = Register(c0001T="PA-1", c0002T="PA-2")
    record = record_call(index, coded("0001T", "0002T"), authorizations=register)

    assert b"Authorization PA-2 is on file" in record.payload
    assert replayed(record, index) == Replay(verdict=Verdict.SAME)


def test_an_authorization_that_no_determination_names_is_kept(tmp_path: Path) -> None:
    """One rule has one and another none: what is determined is a demand, with both reasons."""
    index = small_index(tmp_path, policy(demanding("first", "0001T"), demanding("second", "0002T")))
    record = record_call(index, coded("0001T", "0002T"), authorizations=Register(c0001T="PA-1"))

    assert b"Authorization PA-1 is on file" in record.payload
    assert '"authorization":' not in str(payload_of(record)["decisions"])
    assert replayed(record, index) == Replay(verdict=Verdict.SAME)


def test_what_was_sought_in_vain_is_in_the_record(tmp_path: Path) -> None:
    """So it is known not to have been there, also where the policies of then are not kept."""
    before = small_index(tmp_path / "before", policy(demanding("first", "0001T")))
    after = small_index(tmp_path / "after", policy(demanding("other", "0001T")))
    record = payload_of(record_call(before, coded("0001T")))

    replay = replay_as_it_is(record, evaluator(after), was=None, program="0")

    assert replay.remarks == ()


@pytest.mark.parametrize("version", ["9.9", "2.2"])
def test_a_refusal_is_the_same_but_for_its_trace(version: str, tmp_path: Path) -> None:
    """The trace id is the id of the error; it is the call's own, and no difference."""
    index = small_index(tmp_path, policy(demanding("first", "0001T")))
    request = order_sign(version=version, prefetch={})
    record = record_call(index, request, trace_id="0af7651916cd43dd8448eb211c80319c")

    assert record.status in (412, 422)
    assert b'"id":"0af7651916cd43dd8448eb211c80319c"' in record.payload
    assert replayed(record, index) == Replay(verdict=Verdict.SAME)
