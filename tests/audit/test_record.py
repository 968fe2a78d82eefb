"""The audit record: everything of a call but the token."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import NOON, FakeLog, builtin_index, fake_pipeline
from hook_requests import (
    COMMERCIAL_PPO,
    HOOK_INSTANCE,
    bundle,
    coverage,
    order_sign,
    patient,
    service_request,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values, pairs, words
from kept_records import KeptRecord

from cds_service.audit.redaction import redact_refused, without_token
from cds_service.errors import NotRecorded
from cds_service.fhir.resource import encode
from cds_service.policy.run.index import PolicyIndex

CANARY = "canary-token-d41d8cd9"
SERVER = "https://ehr.example.invalid/fhir"
KEPT = ["token_type", "expires_in", "scope", "subject", "patient"]
AUTHORIZATION: dict[str, Any] = {
    "access_token": CANARY,
    "token_type": "Bearer",
    "expires_in": 30,
    "scope": "user/Coverage.rs",
    "subject": "crd-service",
    "patient": "member-1",
    "refresh_token": f"{CANARY}-refresh",
    "id_token": f"{CANARY}-id",
    "extension": {"vendor": f"{CANARY}-extension"},
}
MEMBERS = {
    "hook": "order-sing",
    "hookInstance": 17,
    "fhirServer": SERVER,
    "context": {"userId": "Practitioner/1"},
    "prefetch": {"patient": None},
    "extension": {"davinci-crd.requestedVersion": "2.2"},
}

secrets = st.sampled_from([CANARY, [CANARY], {"token": CANARY}, {"x": [{CANARY: 1}]}])
secret_names = st.one_of(
    st.sampled_from(["access_token", "Access_Token", "refresh_token"]), words
).filter(lambda name: name not in KEPT)


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def recorded(index: PolicyIndex, request: Any) -> KeptRecord:
    """The record one call leaves."""
    log = FakeLog()
    fake_pipeline(index, log=log).respond(encode(request))
    (record,) = log.records
    return record


def strings_in(value: Any) -> Iterator[str]:
    """Every string in a JSON value, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from strings_in([*value.values()])
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)


@pytest.mark.crd("sec-6")
@settings(max_examples=200, deadline=None)
@given(
    body=json_objects,
    known=st.dictionaries(st.sampled_from(KEPT[1:]), words, max_size=5),
    unknown=st.dictionaries(secret_names, secrets, min_size=1, max_size=4),
)
def test_no_token_is_kept_under_any_name(body: Any, known: Any, unknown: Any) -> None:
    """Only named members of fhirAuthorization are kept: a token under a new name stays out."""
    kept = without_token({**body, "fhirAuthorization": {**unknown, **known}})

    assert CANARY not in encode(kept).decode()
    assert kept["fhirAuthorization"] == known


@pytest.mark.crd("sec-6")
@pytest.mark.parametrize(
    "stated", [CANARY, f"Bearer {CANARY}", [CANARY], {"access_token": CANARY}], ids=repr
)
def test_no_token_is_kept_where_its_type_is_due(stated: Any) -> None:
    """Some paste the whole header there; the call is refused, and recorded."""
    sent = {**MEMBERS, "fhirAuthorization": {**AUTHORIZATION, "token_type": stated}}
    kept = redact_refused(encode(sent), sent)

    assert CANARY not in encode(kept).decode()
    assert kept["fhirAuthorization"] == {name: AUTHORIZATION[name] for name in KEPT[1:]}


@pytest.mark.parametrize("stated", ["Bearer", "bearer", "", None])
def test_the_type_of_a_token_is_kept(stated: Any) -> None:
    """And that there is none."""
    kept = without_token({"fhirAuthorization": {"access_token": CANARY, "token_type": stated}})

    assert kept == {"fhirAuthorization": {"token_type": stated}}


@pytest.mark.crd("sec-6")
@settings(max_examples=50, deadline=None)
@given(
    body=json_objects, authorization=st.sampled_from([CANARY, [CANARY], [{"access_token": CANARY}]])
)
def test_an_authorization_of_another_shape_is_not_kept_at_all(
    body: Any, authorization: Any
) -> None:
    """A token where an object is due is not kept either."""
    kept = without_token({**body, "fhirAuthorization": authorization})

    assert CANARY not in encode(kept).decode()


@settings(max_examples=100, deadline=None)
@given(body=json_objects)
def test_all_else_is_kept_as_it_came(body: Any) -> None:
    """Every other member stays the very same, in its order; the request itself is not edited."""
    sent = {**body, "fhirAuthorization": dict(AUTHORIZATION)}
    before = copy.deepcopy(sent)

    kept = without_token(sent)

    assert list(kept) == list(sent)
    assert all(kept[name] is value for name, value in sent.items() if name != "fhirAuthorization")
    assert encode(sent) == encode(before)


@settings(max_examples=50, deadline=None)
@given(
    body=json_values.filter(
        lambda value: isinstance(value, dict) and "fhirAuthorization" not in value
    )
)
def test_a_request_without_authorization_is_kept_whole(body: Any) -> None:
    """Nothing is added where there was nothing to take away."""
    assert without_token(body) == body


def test_a_refused_request_is_kept_by_its_members() -> None:
    """Of an object that breaks the schema all that a hook request has is kept, in its order."""
    sent = {"extension": {}, "hook": "order-sing", "context": [1, {"patientId": "member-1"}]}

    kept = redact_refused(encode(sent), sent)

    assert encode(kept) == encode(sent)


@pytest.mark.crd("sec-6")
def test_a_refused_request_is_kept_less_its_token() -> None:
    """Its fhirAuthorization is kept as that of a request that is answered."""
    sent = {**MEMBERS, "fhirAuthorization": AUTHORIZATION}

    kept = redact_refused(encode(sent), sent)

    assert kept == without_token(sent)
    assert CANARY not in encode(kept).decode()


@pytest.mark.crd("sec-6")
@settings(max_examples=100, deadline=None)
@given(
    unknown=st.dictionaries(
        st.one_of(st.sampled_from(["fhirauthorization", "Authorization", "access_token"]), words),
        secrets,
        min_size=1,
        max_size=4,
    ).map(lambda found: {name: value for name, value in found.items() if name not in MEMBERS})
)
def test_a_refused_request_is_kept_without_members_unknown_to_cds_hooks(unknown: Any) -> None:
    """A token may stand under a name that is misspelled or made up: no such member is kept."""
    sent = {**MEMBERS, **unknown}

    kept = redact_refused(encode(sent), sent)

    assert kept == MEMBERS


@pytest.mark.crd("sec-6")
@pytest.mark.parametrize(
    "parsed", [None, CANARY, [CANARY], [{"access_token": CANARY}], 17, True], ids=repr
)
def test_a_refused_body_that_is_no_object_is_kept_as_its_length_and_digest(parsed: Any) -> None:
    """A token could stand anywhere in it; the digest still tells two such bodies apart."""
    kept = redact_refused(b"abc", parsed)

    # The SHA-256 of `abc`: FIPS 180-2, appendix B.1.
    assert kept == {
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_redacting_does_not_edit_the_request() -> None:
    """What came is what is refused; only the copy that is kept lacks members."""
    sent = {**MEMBERS, "fhirAuthorization": dict(AUTHORIZATION), "access_token": CANARY}
    before = copy.deepcopy(sent)

    redact_refused(encode(sent), sent)

    assert sent == before


@pytest.mark.crd("sec-6")
def test_a_call_leaves_a_record_without_its_token(index: PolicyIndex) -> None:
    """No part of the record of a call holds its token; scopes and subject stay."""
    record = recorded(index, order_sign(fhirServer=SERVER, fhirAuthorization=AUTHORIZATION))

    assert CANARY not in repr(record)
    assert json.loads(record.request)["fhirAuthorization"] == {
        name: AUTHORIZATION[name] for name in KEPT
    }


@pytest.mark.crd("found-11", "found-37")
def test_a_record_holds_the_request_and_the_response(index: PolicyIndex) -> None:
    """Both are kept whole, with the hook, its instance, the version and the time."""
    request = order_sign(version="2.2")
    log = FakeLog()

    response = fake_pipeline(index, log=log).respond(encode(request))

    (record,) = log.records
    assert (record.hook, record.hook_instance, record.version, record.at) == (
        "order-sign",
        HOOK_INSTANCE,
        "2.2",
        NOON,
    )
    assert record.response == response
    assert pairs(record.request) == pairs(encode(request))


@pytest.mark.crd("found-37")
def test_an_answer_that_cannot_be_recorded_is_not_given(index: PolicyIndex) -> None:
    """A log that refuses turns the answer into an error."""
    pipeline = fake_pipeline(index, log=FakeLog(broken=True))

    with pytest.raises(NotRecorded):
        pipeline.respond(encode(order_sign()))


def test_decisions_name_the_rules_they_rest_on(index: PolicyIndex) -> None:
    """Each order is kept with coverage, payer and plan, and the rules of pinned policies."""
    (decision,) = json.loads(recorded(index, order_sign(version="2.2")).decisions)

    assert {name: decision[name] for name in ("order", "coverage", "payer", "plan")} == {
        "order": "ServiceRequest/order-1",
        "coverage": "Coverage/coverage-1",
        "payer": "icare",
        "plan": "icare-medicare-advantage",
    }
    (determined,) = decision["determined"]
    assert determined["covered"] == "not-covered"
    assert determined["rules"] != []
    assert all(
        "icare-wi-pa-1266" in rule and "|" in rule and "#" in rule for rule in determined["rules"]
    )


def test_the_assertion_id_kept_is_the_one_sent(index: PolicyIndex) -> None:
    """An assertion an EHR asks about is found in the log by its id."""
    record = recorded(index, order_sign(version="2.2"))
    (decision,) = json.loads(record.decisions)

    assert decision["assertion"] in set(strings_in(json.loads(record.response)))


def test_an_order_no_rule_speaks_of_is_a_decision_too(index: PolicyIndex) -> None:
    """Where no policy answers, the record has no rules but the reason."""
    request = order_sign(
        service_request("99999", system="https://codes.example.invalid"), version="2.2"
    )

    (decision,) = json.loads(recorded(index, request).decisions)

    (determined,) = decision["determined"]
    assert (determined["covered"], determined["rules"], determined["reasons"]) == (
        "indeterminate",
        [],
        ["no-policy-found"],
    )


def test_an_unknown_payer_and_plan_are_kept_as_unknown(index: PolicyIndex) -> None:
    """What is not known is empty, not absent and not guessed."""
    prefetch = {"patient": patient(), "coverage": bundle(coverage("another"))}

    (decision,) = json.loads(recorded(index, order_sign(prefetch=prefetch)).decisions)

    assert (decision["payer"], decision["plan"]) == ("", "")


def test_every_order_has_its_decision(index: PolicyIndex) -> None:
    """Two orders in one call are two decisions, in the order they came."""
    orders = [service_request(id=identity) for identity in ("first", "second")]
    prefetch = {"patient": patient("CA"), "coverage": bundle(coverage("anthem", COMMERCIAL_PPO))}

    decisions = json.loads(recorded(index, order_sign(*orders, prefetch=prefetch)).decisions)

    assert [decision["order"] for decision in decisions] == [
        "ServiceRequest/first",
        "ServiceRequest/second",
    ]
