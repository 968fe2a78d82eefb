"""CRD page Response Types: forms that policies ask for. A Task names one, and none is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from every_answer import every_answer
from every_hook import (
    HOOK_NAMES,
    PRIMARY,
    VERSIONS,
    JsonObject,
    ask,
    asked_about,
    call,
    minimal_orders,
    reference,
    updates,
)
from hook_requests import coverage, patient
from proposal_library import DEFINITIONS, PROPOSED, form, proposing
from response_types import misfits, topic
from small_library import AUTHORIZATION_NEEDED, part, reason, small_index

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.fhir.resource import encode
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import Settings

MEMBER = (patient(), coverage("acme", None))
QUESTIONNAIRE = next(found for found in DEFINITIONS if found["resourceType"] == "Questionnaire")
CANONICAL = f"{QUESTIONNAIRE['url']}|{QUESTIONNAIRE['version']}"
# A rule that wants the form completed: its coverage information names it as well.
DEMANDING = (
    *AUTHORIZATION_NEEDED,
    part("doc-needed", "admin"),
    reason(),
    {"url": "questionnaire", "valueCanonical": CANONICAL},
)
DTR = ("$questionnaire-package", "$next-question", "$log-questionnaire-errors")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A library whose one policy asks for a form."""
    asking = proposing(form(), determination=DEMANDING)
    return small_index(tmp_path_factory.mktemp("forms") / "library", *DEFINITIONS, asking)


def asked_for(answered: JsonObject) -> list[JsonObject]:
    """The actions of the cards that ask for forms, by their topic."""
    cards = [card for card in answered["cards"] if PROPOSED.get(topic(card)) == "formCompletion"]
    return [
        action
        for card in cards
        for suggestion in card["suggestions"]
        for action in suggestion["actions"]
    ]


def response(index: PolicyIndex, hook: str, version: str = "2.2", **elements: Any) -> JsonObject:
    """The response about one resource of the hook's kind."""
    about = asked_about(hook, "0001T", **elements)
    return ask(call(hook, about, version=version, member=MEMBER), index=index)


def resource_types(value: Any) -> Iterator[str]:
    """The types of all resources in a JSON value, whatever holds them."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and "resourceType" in value:
        yield value["resourceType"]
    for held in inner:
        yield from resource_types(held)


@pytest.mark.crd("resp-62", "resp-65")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_a_form_is_a_task_by_the_payer_for_the_patient_because_of_the_order(
    index: PolicyIndex, hook: str, version: str
) -> None:
    """It names the Questionnaire, in each version as its profile has it."""
    answered = response(index, hook, version)
    (card,) = [card for card in answered["cards"] if topic(card) in PROPOSED]
    (creation,) = asked_for(answered)
    task = creation["resource"]

    assert misfits(card, version, PROPOSED) == []
    assert (creation["type"], task["resourceType"]) == ("create", "Task")
    assert task["basedOn"] == [{"reference": reference(asked_about(hook))}]
    assert task["for"] == {"reference": "Patient/member-1"}
    assert task["requester"]["identifier"]["value"] == "acme"
    assert task["reasonCode"] == {"text": "To be kept with the claims"}
    assert task["input"][0]["valueCanonical"] == CANONICAL


@pytest.mark.crd("dev-19", "dev-20")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_no_questionnaire_is_sent_with_the_task_that_names_it(
    index: PolicyIndex, hook: str, version: str
) -> None:
    """So there is none that the client might have, and no condition under which to create one."""
    answered = response(index, hook, version)

    assert [action["resource"]["resourceType"] for action in asked_for(answered)] == ["Task"]
    assert CANONICAL in encode(asked_for(answered)).decode()
    assert "Questionnaire" not in set(resource_types(answered))
    assert "if-none-exist" not in encode(answered).decode()


@pytest.mark.crd("dev-19", "dev-20")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", sorted(minimal_orders()))
def test_no_questionnaire_is_sent_for_an_order_of_any_kind(
    tmp_path: Path, kind: str, version: str
) -> None:
    """Nor by an action of the response's own."""
    about = minimal_orders("0001T")[kind]
    asking = proposing(form(), determination=DEMANDING, kind=kind, codes=())
    made = small_index(tmp_path / "library", *DEFINITIONS, asking)
    answered = ask(call("order-sign", about, version=version, member=MEMBER), index=made)

    assert len(asked_for(answered)) == 1
    assert "Questionnaire" not in set(resource_types(answered))


@pytest.mark.crd("dev-19", "dev-20")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_built_in_policies_send_no_questionnaire(hook: str) -> None:
    """They ask for no form at all."""
    answers = [answered.response for answered in every_answer() if answered.hook == hook]

    assert any(map(updates, answers))
    assert {"Questionnaire", "Task"}.isdisjoint(resource_types(answers))


@pytest.mark.crd("resp-59")
@pytest.mark.parametrize("operation", DTR)
def test_forms_are_asked_for_while_no_dtr_is_available_from_this_server(
    tmp_path: Path, operation: str
) -> None:
    """Which is the last of the guide's three conditions under which none may be."""
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'log.sqlite3'}")
    service = build_service(settings, ehr=None)
    application = open_site(service, settings).app
    client = application.test_client()
    paths = [f"{base}/Questionnaire/{operation}" for base in ("", "/fhir", "/dtr", "/r4")]
    statuses = {client.post(path, json={}).status_code for path in paths}
    rules = [rule.rule for rule in application.url_map.iter_rules()]
    service.log.close()

    assert statuses <= {404, 405}  # below /fhir, where artifacts are read, as any other POST
    assert rules
    assert [rule for rule in rules if "uestionnaire" in rule or "next-question" in rule] == []


@pytest.mark.crd("resp-59")
def test_the_built_in_policies_ask_for_no_form() -> None:
    """No Task is created, by a card or by an action."""
    answers = every_answer()

    assert any(updates(answered.response) for answered in answers)
    for answered in answers:
        assert "Task" not in set(resource_types(answered.response))


@pytest.mark.crd("resp-62")
@pytest.mark.parametrize(
    ("encounter", "is_known"),
    [({"reference": "Encounter/1"}, True), ({"reference": "#encounter"}, False), (None, False)],
)
def test_a_form_is_for_the_encounter_of_the_order_if_the_client_knows_it(
    index: PolicyIndex, encounter: JsonObject | None, is_known: bool
) -> None:
    """What the order contains is nothing that another resource could refer to."""
    (creation,) = asked_for(response(index, "order-sign", encounter=encounter))

    assert creation["resource"].get("encounter") == (encounter if is_known else None)


@pytest.mark.crd("resp-62")
def test_a_forms_payer_is_the_one_that_the_coverage_refers_to(index: PolicyIndex) -> None:
    """As the client's server knows it; what only the Coverage contains is named by identifier."""
    (identified,) = coverage("acme")["payor"]
    named = {"reference": "Organization/payer-1", **identified}
    contained = {**named, "reference": "#payer-1"}
    for payor, expected in ((named, named), (contained, identified)):
        member = (patient(), coverage("acme", None, payor=[payor]))
        about = asked_about("order-sign", "0001T")
        answered = ask(call("order-sign", about, member=member), index=index)
        (creation,) = asked_for(answered)
        assert creation["resource"]["requester"] == {
            **expected,
            "type": "Organization",
            "display": "Acme",
        }
