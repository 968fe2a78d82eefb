"""Tokens in records: whatever a client or an EHR puts where, no record holds an access token."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes import builtin_index
from hook_requests import order_sign
from replaying import evaluator, payload_of, prefetched, record_call
from scripted_ehr import ScriptedEhr

from cds_service.authoring.replay import Verdict, replay_as_it_was
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

TOKEN = 'canary "token" d41d8cd9'  # noqa: S105  # one that JSON writes otherwise
SERVER = "https://ehr.example.invalid/fhir"


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def call(**elements: Any) -> JsonObject:
    """A call that brings a token, and more."""
    authorization = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300}
    request = {
        **order_sign(version="2.2"),
        "fhirServer": SERVER,
        "fhirAuthorization": authorization,
    }
    return {**request, **elements}


HEADER = f"Bearer {TOKEN}"

# Where a client may paste its token, each a change of a call.
PLACES: dict[str, Callable[[JsonObject], object]] = {
    "a member of another name": lambda sent: sent.update(Authorization=HEADER),
    "the member of CDS Hooks 1.0": lambda sent: sent.update(oauth={"token": TOKEN}),
    "the extension": lambda sent: sent["extension"].update(other={"headers": [HEADER]}),
    "the scope": lambda sent: sent["fhirAuthorization"].update(scope=TOKEN),
    "the context": lambda sent: sent["context"].update(session=[TOKEN]),
    "an order": lambda sent: order_in(sent).update(note=[{"text": HEADER}]),
    "a refused body": lambda sent: sent["context"].update(userId={"token": TOKEN}),
    "the name of a member": lambda sent: sent["context"].update({TOKEN: True}),
}


def order_in(sent: JsonObject) -> JsonObject:
    """The order of a call."""
    order: JsonObject = sent["context"]["draftOrders"]["entry"][0]["resource"]
    return order


@pytest.mark.crd("sec-6")
@pytest.mark.parametrize("place", PLACES)
def test_a_token_that_stands_elsewhere_too_is_kept_nowhere(place: str, index: PolicyIndex) -> None:
    """The rest of the call is."""
    sent = call()
    PLACES[place](sent)
    record = record_call(index, sent)

    assert b"canary" not in record.payload
    assert payload_of(record)["request"]["fhirServer"] == SERVER


@pytest.mark.crd("sec-6")
def test_a_member_that_no_hook_request_has_is_not_kept(index: PolicyIndex) -> None:
    """It may be another token, such as one in a header that was pasted into the body."""
    more = {"authorization": "Basic c2VjcmV0", "oauth": {"token": "secret"}, "user": "Dr"}
    kept = payload_of(record_call(index, call(**more)))["request"]

    assert not set(more) & set(kept)


@pytest.mark.crd("sec-6")
def test_a_token_under_its_own_name_is_not_kept_in_an_extension(index: PolicyIndex) -> None:
    """Another one than that of the call."""
    secret = {"fhirAuthorization": {"access_token": "another"}, "Access-Token": "another"}
    request = call()
    request["extension"]["com.example"] = [secret, {"kept": "this"}]
    record = record_call(index, request)

    assert b"another" not in record.payload
    assert payload_of(record)["request"]["extension"]["com.example"][1] == {"kept": "this"}


@pytest.mark.crd("sec-6")
def test_a_token_that_an_ehr_repeats_is_not_kept(index: PolicyIndex) -> None:
    """What it gave is, but for that."""
    request = call(prefetch={})
    held = [{**found, "text": {"div": HEADER}} for found in prefetched(order_sign())]
    record = record_call(index, request, ehr=ScriptedEhr(held))

    assert record.status == 200
    assert [found["text"]["div"] for found in payload_of(record)["resources"]]
    assert b"canary" not in record.payload
    replay = replay_as_it_was(payload_of(record), evaluator(index), program="0")
    assert replay.verdict is not Verdict.DIFFERS
