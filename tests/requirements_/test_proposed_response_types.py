"""CRD page Response Types: the types that policies propose, over whole calls of every hook."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from every_answer import every_answer
from every_hook import (
    HOOK_NAMES,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    minimal_orders,
    updates,
)
from fhir.resources.R4B import get_fhir_model_class
from hook_requests import coverage, order_sign, patient, service_request
from proposal_library import (
    APP,
    DEFINITIONS,
    EVERY_KIND,
    PLAIN_DRUG,
    PROPOSED,
    SMALLER,
    addition,
    correction,
    dynamic,
    form,
    proposing,
    replacement,
    update,
)
from response_models import COVERAGE_INFORMATION, response_problems
from response_types import card_problems, misfits, response_type, topic
from small_library import organization, part, reason, small_index, write_library

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.crd.request.configuration import ALWAYS_EMITTED
from cds_service.crd.request.hooks import HOOKS
from cds_service.fhir.resource import encode
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import Settings

MEMBER = (patient(), coverage("acme", None, subscriberId="old"))
TYPES = set(PROPOSED.values())
# The types whose cards each hook shows, of those that the policy proposes.
SHOWN: Mapping[str, set[str]] = {
    "order-sign": TYPES - {"adjustCoverage"},
    "order-select": TYPES - {"adjustCoverage", "formCompletion"},
    "order-dispatch": TYPES - {"adjustCoverage"},
    "appointment-book": {"formCompletion", "adjustCoverage", "launchSMART"},
    "encounter-start": {"adjustCoverage", "launchSMART"},
    "encounter-discharge": {"adjustCoverage", "launchSMART"},
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A library whose one policy proposes one thing of each kind."""
    every_kind = proposing(*EVERY_KIND.values())
    return small_index(tmp_path_factory.mktemp("proposals") / "library", *DEFINITIONS, every_kind)


def response(
    index: PolicyIndex,
    hook: str,
    version: str = "2.2",
    settings: Mapping[str, object] | None = None,
) -> JsonObject:
    """The response of a hook to a member of the payer that proposes."""
    about = asked_about(hook, "0001T")
    return ask(call(hook, about, version=version, member=MEMBER, settings=settings), index=index)


def proposals(answered: JsonObject) -> list[JsonObject]:
    """The cards of a response that propose something, or launch an app, by their topics."""
    return [card for card in answered["cards"] if topic(card) in PROPOSED]


def proposed(answered: JsonObject, kind: str) -> list[JsonObject]:
    """The cards of one response type, by their topics."""
    return [card for card in proposals(answered) if PROPOSED[topic(card)] == kind]


def actions(cards: list[JsonObject]) -> list[JsonObject]:
    """The actions of all suggestions of some cards."""
    return [
        action
        for card in cards
        for suggestion in card["suggestions"]
        for action in suggestion.get("actions", ())
    ]


@pytest.mark.crd("resp-5", "resp-13", "resp-56", "resp-58", "resp-65", "resp-71", "resp-72")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_every_proposal_fits_the_model_of_its_response_type(
    index: PolicyIndex, hook: str, version: str
) -> None:
    """That of its topic; each type comes on every hook whose readers it is for."""
    answered = response(index, hook, version)
    cards = answered["cards"]

    assert {response_type(card, PROPOSED) for card in cards} == {"externalReference"} | SHOWN[hook]
    assert [problem for card in cards for problem in misfits(card, version, PROPOSED)] == []
    assert [problem for card in cards for problem in card_problems(card, version)] == []
    assert response_problems(answered, version) == []


@pytest.mark.crd("resp-13", "resp-52")
def test_every_response_of_the_built_in_policies_fits_the_models_too() -> None:
    """Those of the examples among them."""
    answers = every_answer()

    assert any(updates(answered.response) for answered in answers)
    for answered in answers:
        assert response_problems(answered.response, answered.version) == []


@pytest.mark.crd("resp-14", "resp-15")
def test_all_eight_response_types_come_from_policy_data(tmp_path: Path) -> None:
    """Coverage information is a system action, the others are cards."""
    undecided = (part("covered", "conditional"), part("info-needed", "OTH"), reason())
    every_kind = proposing(*EVERY_KIND.values(), determination=undecided)
    index = small_index(tmp_path / "library", *DEFINITIONS, every_kind)
    responses = [response(index, hook) for hook in HOOK_NAMES]
    cards = [card for answered in responses for card in answered["cards"]]

    assert {response_type(card, PROPOSED) for card in cards} == TYPES | {
        "externalReference",
        "instructions",
    }
    assert [problem for card in cards for problem in misfits(card, "2.2", PROPOSED)] == []
    assert all(annotations(answered) for answered in responses)


@pytest.mark.crd("resp-3")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_suggestion_has_a_uuid_of_its_own(index: PolicyIndex, version: str) -> None:
    """Feedback says by it which of them was taken."""
    for hook in HOOK_NAMES:
        cards = response(index, hook, version)["cards"]
        suggestions = [suggestion for card in cards for suggestion in card.get("suggestions", ())]
        ids = [suggestion.get("uuid") for suggestion in suggestions]
        assert ids
        assert all(ids)
        assert len(set(ids)) == len(ids)


@pytest.mark.crd("resp-53", "resp-54")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_alternate_is_one_update_or_a_delete_and_a_create(
    index: PolicyIndex, version: str
) -> None:
    """Which of them is the author's choice, who knows how much of the order is left."""
    small, great = proposed(response(index, "order-sign", version), "alternateRequest")

    assert [(action["type"]) for action in actions([small])] == ["update"]
    assert [(action["type"]) for action in actions([great])] == ["delete", "create"]
    assert actions([great])[0]["resourceId"] == "ServiceRequest/order-1"


@pytest.mark.crd("resp-55")
def test_an_updated_order_is_whole_and_changed_only_as_the_policy_proposes(
    index: PolicyIndex,
) -> None:
    """Not even the coverage information of the same response is on it."""
    small, _ = proposed(response(index, "order-sign"), "alternateRequest")
    (changed,) = actions([small])

    assert changed["resource"] == {
        **asked_about("order-sign", "0001T"),
        "code": SMALLER,
        "quantityQuantity": {"value": 1},
        "occurrenceDateTime": "2026-12-24",
    }


@pytest.mark.crd("resp-55", "resp-56", "resp-57", "resp-58", "resp-62", "resp-65")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["ServiceRequest", "DeviceRequest", "MedicationRequest"])
def test_every_created_resource_is_valid_and_has_what_its_profile_requires(
    tmp_path: Path, kind: str, version: str
) -> None:
    """Orders of each type that definitions fill, in place of one like them and beside another."""
    names = {"ServiceRequest": "smaller", "DeviceRequest": "device", "MedicationRequest": "drug"}
    orders = [make(defined=names[kind]) for make in (replacement, addition, update)]
    policy = proposing(*orders, form(), codes=(), kind=kind)
    index = small_index(tmp_path / "library", *DEFINITIONS, policy)
    order = minimal_orders("0001T")[kind]
    answered = ask(call("order-sign", order, version=version, member=MEMBER), index=index)
    all_actions = actions(proposals(answered))
    made = [action["resource"] for action in all_actions if action["type"] != "delete"]

    assert response_problems(answered, version) == []
    for card in proposals(answered):
        assert misfits(card, version, PROPOSED) == []
    assert sorted(resource["resourceType"] for resource in made) == sorted([kind] * 3 + ["Task"])
    for resource in made:
        get_fhir_model_class(resource["resourceType"]).model_validate_json(encode(resource))


@pytest.mark.crd("resp-55")
def test_a_drug_is_replaced_by_the_drug_of_the_definition(tmp_path: Path) -> None:
    """With its dosage and quantity, for the same patient by the same prescriber."""
    policy = proposing(replacement(defined="drug"), codes=(), kind="MedicationRequest")
    index = small_index(tmp_path / "library", *DEFINITIONS, policy)
    order = minimal_orders("0001T")["MedicationRequest"]
    answered = ask(call("order-select", order, member=MEMBER), index=index)
    created = actions(answered["cards"][1:])[1]["resource"]

    assert created.pop("id") not in ("", order["id"])
    assert created == {
        "resourceType": "MedicationRequest",
        "status": "draft",
        "intent": "order",
        "subject": order["subject"],
        "authoredOn": order["authoredOn"],
        "requester": order["requester"],
        "medicationCodeableConcept": PLAIN_DRUG,
        "dosageInstruction": [{"text": "one tablet a day"}],
        "dispenseRequest": {"quantity": {"value": 28}},
    }


def test_alternatives_of_one_rule_share_a_card_of_which_one_can_be_taken(tmp_path: Path) -> None:
    """The policy may recommend one of them; each topic has a card of its own."""
    below = [
        update("one", precheckBehavior="yes"),
        update("two", defined="test"),
        replacement("three"),
    ]
    index = small_index(tmp_path / "library", *DEFINITIONS, proposing(*below))
    both, alone = response(index, "order-sign")["cards"][1:]

    assert both["selectionBehavior"] == alone["selectionBehavior"] == "at-most-one"
    assert [
        (suggestion["label"], suggestion.get("isRecommended")) for suggestion in both["suggestions"]
    ] == [("Do one", True), ("Do two", None)]
    assert both["summary"] == "Do one, or Do two"
    assert "- Do two: In the order, do two by hand." in both["detail"]


@pytest.mark.crd("resp-11")
def test_a_card_says_in_words_what_would_be_done_and_to_which_order(index: PolicyIndex) -> None:
    """So that it can be done by hand."""
    cards = response(index, "order-sign")["cards"][1:]

    assert cards
    for card in cards:
        assert "by hand" in card["detail"]
        assert "This is about the order “0001T”" in card["detail"]


@pytest.mark.crd("resp-71")
def test_a_corrected_coverage_is_the_clients_own_with_one_thing_changed(index: PolicyIndex) -> None:
    """One suggestion, one update."""
    (card,) = proposed(response(index, "appointment-book"), "adjustCoverage")
    (action,) = actions([card])

    assert action["resource"] == {**MEMBER[1], "subscriberId": "S-1"}
    assert "extension" not in card  # it is about no one order


@pytest.mark.crd("resp-71")
def test_each_correction_of_a_coverage_has_a_card_of_its_own(tmp_path: Path) -> None:
    """With a single suggestion, as the guide has it."""
    below = [correction("name"), correction("number", dynamicValue=[dynamic("network", "'N-1'")])]
    library = small_index(tmp_path / "library", *DEFINITIONS, proposing(*below))
    cards = proposed(response(library, "encounter-start"), "adjustCoverage")

    assert [len(card["suggestions"]) for card in cards] == [1, 1]
    assert [problem for card in cards for problem in misfits(card, "2.2", PROPOSED)] == []


def test_a_coverage_is_corrected_once_however_many_appointments_there_are(
    index: PolicyIndex,
) -> None:
    """Each would propose the same."""
    appointments = [
        {**asked_about("appointment-book", "0001T"), "id": name} for name in ("one", "two")
    ]
    answered = ask(call("appointment-book", *appointments, member=MEMBER), index=index)

    assert len(proposed(answered, "adjustCoverage")) == 1
    assert len(proposed(answered, "formCompletion")) == 2


@pytest.mark.crd("resp-72")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_app_is_launched_by_a_link_with_its_context(index: PolicyIndex, version: str) -> None:
    """From 2.2 on beside a suggestion that does nothing, for the model has it so."""
    (card,) = proposed(response(index, "order-sign", version), "launchSMART")

    assert card["links"] == [
        {"label": "Do app", "url": APP, "type": "smart", "appContext": "tool-1"}
    ]
    assert ("suggestions" in card) is (version == "2.2")


@pytest.mark.crd("resp-1", "resp-2")
def test_a_proposal_is_information_and_never_a_warning(index: PolicyIndex) -> None:
    """Whatever the answer that it comes with."""
    cards = response(index, "order-sign")["cards"]

    assert [card["indicator"] for card in cards] == ["warning"] + ["info"] * (len(cards) - 1)


@pytest.mark.crd("resp-4")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_proposal_is_signed_with_the_payers_name(index: PolicyIndex, hook: str) -> None:
    """As every card is."""
    cards = proposals(response(index, hook))

    assert cards
    assert {card["source"]["label"] for card in cards} == {"Acme"}


@pytest.mark.crd("resp-25")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_proposal_carries_coverage_information(index: PolicyIndex, hook: str) -> None:
    """Not even an order that is proposed; it is in the action of the same response."""
    answered = response(index, hook)

    assert updates(answered)
    assert COVERAGE_INFORMATION not in encode(answered["cards"]).decode()


@pytest.mark.crd("dev-5", "dev-14")
@pytest.mark.parametrize("off", sorted(PROPOSED))
def test_each_proposed_type_can_be_switched_off_and_the_rest_stays(
    index: PolicyIndex, off: str
) -> None:
    """`false` removes the cards of the topic it names, and no other."""
    for hook in HOOK_NAMES:
        usual = topics(response(index, hook))
        assert topics(response(index, hook, settings={off: False})) == [
            other for other in usual if other != off
        ]


def topics(answered: JsonObject) -> list[str]:
    """The topics of a response's cards."""
    return list(map(topic, answered["cards"]))


@pytest.mark.crd("dev-14")
def test_a_limit_of_cards_counts_proposals_too(index: PolicyIndex) -> None:
    """The warning stays, and nothing of the coverage information is lost."""
    answered = response(index, "order-sign", settings={"max-cards": 2})

    assert topics(answered) == ["guideline", "therapy-alternatives-req"]
    assert updates(answered)


@pytest.mark.crd("dev-5", "dev-8", "dev-9")
def test_discovery_offers_a_switch_for_each_type_that_the_policies_propose(
    index: PolicyIndex,
) -> None:
    """And for no other, the same on every hook."""
    offered = [
        hook.service(index.topics).to_json()["extension"]["davinci-crd.configuration-options"]
        for hook in HOOKS.values()
    ]

    assert all(options == offered[0] for options in offered)
    assert {option["code"] for option in offered[0]} == PROPOSED.keys() | ALWAYS_EMITTED | {
        "max-cards"
    }


@pytest.mark.crd("dev-5")
def test_the_options_over_http_are_those_of_the_loaded_policies(tmp_path: Path) -> None:
    """An EHR's settings screen shows what this payer can send."""
    directory = write_library(
        tmp_path / "library", organization(), *DEFINITIONS, proposing(addition())
    )
    settings = Settings(
        library=(directory,),
        builtin_library=False,
        database_url=f"sqlite:///{tmp_path / 'log.sqlite3'}",
    )
    service = build_service(settings, ehr=None)
    services = (
        open_site(service, settings).app.test_client().get("/cds-services").get_json()["services"]
    )
    service.log.close()

    for offered in services:
        codes = {
            option["code"] for option in offered["extension"]["davinci-crd.configuration-options"]
        }
        assert codes == ALWAYS_EMITTED | {"clinical-reminder", "max-cards"}


def test_what_an_order_states_already_is_not_proposed_again(index: PolicyIndex) -> None:
    """As with every card: an EHR that calls twice is not answered twice."""
    (annotated,) = updates(response(index, "order-sign"))
    again = ask(call("order-sign", annotated, member=MEMBER), index=index)

    assert again == {"cards": []}


@pytest.mark.crd("resp-25")
def test_an_alternate_to_an_annotated_order_carries_no_coverage_information(
    index: PolicyIndex,
) -> None:
    """What was determined for the order does not hold for the other one."""
    told = {"url": COVERAGE_INFORMATION, "extension": [{"url": "covered", "valueCode": "covered"}]}
    annotated = {**asked_about("order-sign", "0001T"), "extension": [told]}
    answered = ask(call("order-sign", annotated, member=MEMBER), index=index)
    (changed, *_) = actions(proposed(answered, "alternateRequest"))

    assert "extension" not in changed["resource"]


def test_the_request_of_a_2_0_client_is_proposed_for_likewise(index: PolicyIndex) -> None:
    """Without a version, and without a selection of its own."""
    prefetch = {"patient": MEMBER[0], "coverage": MEMBER[1]}
    answered = ask(order_sign(service_request("0001T"), prefetch=prefetch), index=index)

    assert response_problems(answered, "2.0") == []
    assert len(answered["cards"]) == 1 + len(SHOWN["order-sign"]) + 1  # two alternates
