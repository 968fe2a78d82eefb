"""CRD page Foundation: response time, codes, cards, missing data and records."""

import json
import logging
import time
from typing import Any

import pytest
from every_answer import every_card
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    TOKEN,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    ask_raw,
    asked_about,
    call,
    covered,
    facts,
    hosted,
    minimal_orders,
    record_of,
    with_token,
)
from fakes import FakeLog, fake_pipeline
from hook_requests import HOOK_INSTANCE, coverage, patient
from scripted_ehr import ScriptedEhr, always

from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import HookError
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

ONE_SECOND = 1.0  # what the fake pipeline may spend on queries
BRANDS = {"icare": "iCare", "anthem": "Anthem"}  # by the payer's identifier


@pytest.mark.crd("found-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_every_hook_answers_though_the_ehr_does_not(hook: str) -> None:
    """All queries of a call share one deadline, however many rounds they take."""
    unread = with_token(call(hook, member=[coverage(payor=[{"reference": "Organization/payer"}])]))
    ehr = ScriptedEhr([patient()], fails=lambda query: query.startswith("Organization"))
    before = time.monotonic()
    response = ask(unread, ehr=ehr)

    assert set(response) >= {"cards"}
    assert (
        before + ONE_SECOND
        <= min(ehr.deadlines)
        == max(ehr.deadlines)
        <= time.monotonic() + ONE_SECOND
    )


@pytest.mark.crd("found-2")
def test_queries_end_well_before_the_guides_five_seconds() -> None:
    """The default leaves a second of the guide's five; an operator may set more, under ten."""
    assert Settings().ehr_seconds <= 4


@pytest.mark.crd("found-10")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://www.ama-assn.org/go/cpt", "0600t"),
        ("http://www.ama-assn.org/go/cpt", " 0600T "),
        ("http://www.ama-assn.org/go/cpt", "0600T-53"),
        ("http://www.ama-assn.org/go/cpt", "0600T:53"),
        ("https://www.ama-assn.org/go/cpt/", "0600T"),
        ("urn:oid:2.16.840.1.113883.6.12", "0600T"),
    ],
)
def test_one_service_written_in_many_ways_gets_one_answer(
    hook: str, system: str, code: str
) -> None:
    """Case, blanks, modifiers and the spelling of code systems change no determination."""
    about = asked_about(hook, "CODE")
    written = json.loads(json.dumps(about).replace('"CODE"', json.dumps(code)).replace(CPT, system))

    assert covered(ask(call(hook, written))) == ["not-covered"]


@pytest.mark.crd("found-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_order_no_policy_speaks_of_earns_no_card(hook: str, version: str) -> None:
    """An order without a policy gets no card."""
    response = ask(call(hook, asked_about(hook, NOT_IN_A_POLICY), version=version))

    assert response["cards"] == []


@pytest.mark.crd("found-13")
def test_a_member_is_shown_their_own_payers_policies_alone() -> None:
    """If a Coverage names the payer, every card is that payer's."""
    shown = set()
    for answered, card in every_card():
        sent = json.dumps(answered.request["prefetch"], default=str)
        payers = {brand for name, brand in BRANDS.items() if f'"value": "{name}"' in sent}
        assert not payers or card["source"]["label"] in payers
        shown |= payers

    assert shown == {"iCare", "Anthem"}


@pytest.mark.crd("found-15")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_one_service_a_hook_answers_for_every_payer_and_plan(hook: str) -> None:
    """Each hook has one service, which answers for all payers and plans."""
    services = [crd_hook.service() for crd_hook in HOOKS.values()]

    assert [service.hook for service in services].count(hook) == 1
    for name in ("medicare", "commercial", "california"):
        assert len(annotations(ask(call(hook, member=MEMBERS[name])))) == 1


def with_surprises(value: Any) -> Any:
    """The same JSON with an unexpected element in every object."""
    if isinstance(value, dict):
        return {
            **{name: with_surprises(inner) for name, inner in value.items()},
            "unexpected": {"of": ["us"]},
        }
    return [with_surprises(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.crd("found-33", "hook-23")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_unexpected_elements_everywhere_change_nothing(hook: str, version: str) -> None:
    """Unexpected elements of the envelope, context, prefetch and resources are ignored."""
    request = call(hook, version=version)

    assert facts(ask(with_surprises(request))) == facts(ask(request))


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_is_not_known_is_named_and_the_rest_is_said(hook: str, version: str) -> None:
    """With an unknown plan the response names the policy and what it depends on."""
    response = ask(call(hook, version=version, member=MEMBERS["plan unknown"]))

    assert covered(response) == ["conditional"]
    assert annotations(response)[0]["info-needed"] == ["OTH"]
    assert "which plan" in response["cards"][1]["summary"]


@pytest.mark.crd("found-34", "impl-2", "resp-43")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_cannot_be_read_does_not_take_the_others_with_it(version: str) -> None:
    """If the code of one order cannot be read from the EHR, the other order is answered."""
    drug = {
        **minimal_orders()["MedicationRequest"],
        "medicationReference": {"reference": "Medication/m"},
    }
    del drug["medicationCodeableConcept"]
    request = with_token(call("order-sign", drug, asked_about("order-sign"), version=version))

    assert covered(ask(request, ehr=ScriptedEhr(fails=always))) == [
        "indeterminate" if version == "2.2" else "conditional",
        "not-covered",
    ]


@pytest.mark.crd("found-34")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_without_a_coverage_an_older_client_learns_of_the_policies_there_are(hook: str) -> None:
    """Without a Coverage no order is annotated, but the policy of each payer has a card."""
    response = ask(call(hook, version="2.0", member=MEMBERS["nobody"]))

    assert annotations(response) == []
    assert {card["source"]["label"] for card in response["cards"]} == {"iCare", "Anthem"}


@pytest.mark.crd("found-11", "found-37")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_each_call_and_its_answer_are_kept_as_they_were(hook: str, version: str) -> None:
    """The record has the request and the response byte for byte, and the assertion id."""
    request = call(hook, version=version)
    log = FakeLog()
    answer = fake_pipeline(hosted(), hook=hook, log=log).respond(encode(request))
    (record,) = log.records

    assert (record.hook, record.hook_instance, record.version) == (hook, HOOK_INSTANCE, version)
    assert (record.request, record.response) == (encode(request), answer)
    (assertion,) = [parts["coverage-assertion-id"][0] for parts in annotations(json.loads(answer))]
    assert assertion.encode() in record.decisions


@pytest.mark.crd("found-37")
@pytest.mark.parametrize(
    "refused",
    [call("order-sign", member=MEMBERS["elsewhere"]), call("order-sign", version="9.9")],
    ids=["payer not hosted", "version not spoken"],
)
def test_a_refused_call_is_kept_too(refused: JsonObject) -> None:
    """A refused call is recorded: the guide asks for all invocations and responses."""
    log = FakeLog()
    with pytest.raises(HookError):
        fake_pipeline(hosted(), hook="order-sign", log=log).respond(encode(refused))

    assert len(log.records) == 1


@pytest.mark.crd("found-40")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_white_space_is_sent_that_says_nothing(hook: str) -> None:
    """The response is JSON without insignificant white space."""
    sent = ask_raw(call(hook))

    assert sent.decode() == json.dumps(json.loads(sent), separators=(",", ":"), ensure_ascii=False)


@pytest.mark.crd("sec-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_came_is_kept_in_the_log_of_answers_alone_and_without_its_token(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The patient is in the audit record but not in the process's log; the token is in neither."""
    caplog.set_level(logging.DEBUG)
    (record,) = record_of(with_token(call(hook))).records

    assert TOKEN.encode() not in record.request + record.response + record.decisions
    assert "member-1" not in caplog.text
    assert LISTED not in caplog.text
