"""CRD page Deviations and Extensions: of several orders, each card says which one it is about."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from every_answer import every_card
from every_hook import (
    LISTED,
    MEMBERS,
    ORDER_HOOKS,
    UNLISTED,
    VERSIONS,
    JsonObject,
    ask,
    asked_about,
    call,
    minimal_orders,
    reference,
)
from hook_requests import bundle, coverage, patient
from proposal_library import DEFINITIONS, EVERY_KIND, proposing
from small_library import AUTHORIZATION_NEEDED, part, policy, reason, rule, small_index

from cds_service.fhir.resource import encode

ABOUT = re.compile(r"This is about the order (“[^”]*”(?: \([^()]*\))?)[.,]")
LONG = "Ablation under image guidance with all that belongs to it and is done together, of the "
CUT = "Ablation under image guidance with all that belongs to it and is done…"
IDS = ("k7-a", "k7-b", "k7-c")  # which no clinician could make anything of
PLACES = ("1st", "2nd", "3rd")
DAYS = ("2026-12-01", "2026-12-08", "2026-12-15")
# The words and the days of orders, and how cards call them, of so many.
NAMED: Mapping[str, tuple[Sequence[JsonObject], Callable[[int], Sequence[str]]]] = {
    "other words": (
        [{"text": "Left lobe"}, {"text": "Right lobe"}, {"text": "Both lobes"}],
        lambda _: ["“Left lobe”", "“Right lobe”", "“Both lobes”"],
    ),
    "no words": ([{}] * 3, lambda count: placed(UNLISTED, count)),
    "the same words": ([{"text": "Ablation"}] * 3, lambda count: placed("Ablation", count)),
    "words that are alike once cut": (
        [{"text": f"{LONG}{which} lobe"} for which in ("left", "right", "other")],
        lambda count: placed(CUT, count),
    ),
    "other days": (
        [{"day": day} for day in DAYS],
        lambda _: [f"“{UNLISTED}” (dated {day})" for day in DAYS],
    ),
}
HOOKS = (*ORDER_HOOKS, "appointment-book")
# What has to be done first, with a form.
DEMANDING = (
    *AUTHORIZATION_NEEDED,
    part("doc-needed", "admin"),
    reason(),
    {"url": "questionnaire", "valueCanonical": f"{DEFINITIONS[-1]['url']}|1"},
)


def placed(title: str, count: int) -> list[str]:
    """The names of so many orders between which a reader sees no difference."""
    return [f"“{title}” (the {place} of {count} like it)" for place in PLACES[:count]]


def orders(hook: str, code: str, which: Sequence[JsonObject]) -> list[JsonObject]:
    """What a hook is about, several times: with these words, on these days."""
    return [
        {**asked_about(hook, code, drawn.get("text", "")), "id": identity, **on(hook, drawn)}
        for identity, drawn in zip(IDS, which, strict=False)
    ]


def on(hook: str, drawn: JsonObject) -> JsonObject:
    """The elements that say for which day it is."""
    if "day" not in drawn:
        return {}
    if hook == "appointment-book":
        return {"start": f"{drawn['day']}T10:00:00Z", "end": f"{drawn['day']}T11:00:00Z"}
    return {"occurrenceDateTime": drawn["day"]}


def named(cards: Sequence[JsonObject]) -> dict[str, set[str]]:
    """How cards call the order that they are about, by the resource that each is linked to."""
    names: dict[str, set[str]] = {}
    for card in cards:
        (about,) = card["extension"]["davinci-crd.associated-resource"]
        literal = about if isinstance(about, str) else about["reference"]
        (name,) = ABOUT.findall(card["detail"])
        names.setdefault(literal, set()).add(name)
    return names


@pytest.mark.crd("dev-24", "dev-25")
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", NAMED)
@pytest.mark.parametrize("hook", HOOKS)
def test_of_several_orders_each_card_says_in_words_which_one_it_is_about(
    hook: str, how: str, version: str, count: int
) -> None:
    """By what a clinician sees of them; where they see no difference, by their place."""
    which, names = NAMED[how]
    about = orders(hook, UNLISTED, which[:count])
    cards = ask(call(hook, *about, version=version, member=MEMBERS["commercial"]))["cards"]

    assert len(cards) == 2 * count  # each policy's answer, and what to do
    assert named(cards) == {
        reference(order): {name} for order, name in zip(about, names(count), strict=False)
    }
    assert not any(identity in card["detail"] for card in cards for identity in IDS)


@pytest.mark.crd("dev-24")
def test_orders_of_the_same_words_are_told_apart_by_their_codes() -> None:
    """Which an order of other codes shows."""
    about = [
        {**asked_about("order-sign", code, "Ablation"), "id": code} for code in (LISTED, "0601T")
    ]

    assert named(ask(call("order-sign", *about))["cards"]) == {
        "ServiceRequest/0600T": {"“Ablation” (code 0600T)"},
        "ServiceRequest/0601T": {"“Ablation” (code 0601T)"},
    }


@pytest.mark.crd("dev-24")
@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_the_orders_behind_appointments_are_told_apart_too(version: str) -> None:
    """Two appointments, each for an order, and the orders alike."""
    behind = orders("order-sign", LISTED, [{}, {}])
    appointments = [
        {**asked_about("appointment-book"), "id": f"a-{number}", "basedOn": [{"reference": name}]}
        for number, name in enumerate(map(reference, behind))
    ]
    about = call("appointment-book", *appointments, version=version, sent=behind)

    assert named(ask(about)["cards"]) == {
        "ServiceRequest/k7-a": {"“0600T” (the 1st of 2 like it)"},
        "ServiceRequest/k7-b": {"“0600T” (the 2nd of 2 like it)"},
    }


@pytest.mark.crd("dev-24")
def test_a_selected_order_is_told_from_those_that_are_not_selected() -> None:
    """They are in the context as well, and no card is about them."""
    drafts = orders("order-select", LISTED, [{}, {}, {}])
    about = call("order-select", drafts[1])
    about["context"]["draftOrders"] = bundle(*drafts)

    assert named(ask(about)["cards"]) == {"ServiceRequest/k7-b": {"“0600T” (the 2nd of 3 like it)"}}


@pytest.mark.crd("dev-24")
def test_proposals_name_their_order_likewise(tmp_path: Path) -> None:
    """Whatever the card: the correction of a Coverage alone is about no order."""
    library = proposing(*EVERY_KIND.values(), determination=DEMANDING)
    index = small_index(tmp_path / "library", *DEFINITIONS, library)
    member = (patient(), coverage("acme", None, subscriberId="old"))
    about = orders("order-sign", "0001T", [{}, {}])
    settings = {"max-cards": 20}
    cards = ask(call("order-sign", *about, member=member, settings=settings), index=index)["cards"]
    topics = {card["source"]["topic"]["code"] for card in cards}

    assert topics >= {"guideline", "claim"}
    assert len(cards) == 2 * len(topics) == 14
    assert named(cards) == {
        "ServiceRequest/k7-a": {"“0001T” (the 1st of 2 like it)"},
        "ServiceRequest/k7-b": {"“0001T” (the 2nd of 2 like it)"},
    }


@pytest.mark.crd("dev-24")
@pytest.mark.parametrize(
    ("kind", "element", "behind"),
    [
        ("MedicationRequest", "medication", "Medication"),
        ("DeviceRequest", "code", "Device"),
    ],
)
def test_orders_are_named_by_what_they_refer_to(
    tmp_path: Path, kind: str, element: str, behind: str
) -> None:
    """An order of a drug or a device may say what is ordered by reference alone."""
    order = {**minimal_orders()[kind], f"{element}Reference": {"reference": ""}}
    del order[f"{element}CodeableConcept"]
    words = "type" if behind == "Device" else "code"
    held = [{"resourceType": behind, "id": name, words: {"text": f"The {name}"}} for name in IDS]
    about = [
        {**order, "id": name, f"{element}Reference": {"reference": f"{behind}/{name}"}}
        for name in IDS
    ]
    index = small_index(tmp_path / "library", policy(rule(kind=kind, codes=())))
    member = (patient(), coverage("acme", None))
    answered = ask(call("order-sign", *about, member=member, sent=held), index=index)

    assert named(answered["cards"]) == {f"{kind}/{name}": {f"“The {name}”"} for name in IDS}


@pytest.mark.crd("dev-24")
def test_a_selected_drug_is_told_from_one_like_it_that_is_not_selected(tmp_path: Path) -> None:
    """Though both name their Medication by reference alone."""
    order = {**minimal_orders()["MedicationRequest"], "medicationReference": {"reference": ""}}
    del order["medicationCodeableConcept"]
    held = {"resourceType": "Medication", "id": "m", "code": {"text": "The drug"}}
    drafts = [
        {**order, "id": name, "medicationReference": {"reference": "Medication/m"}} for name in IDS
    ]
    every_drug = policy(rule(kind="MedicationRequest", codes=()), hooks=("order-select",))
    index = small_index(tmp_path / "library", every_drug)
    member = (patient(), coverage("acme", None))
    about = call("order-select", drafts[1], member=member, sent=[held])
    about["context"]["draftOrders"] = bundle(*drafts)

    assert named(ask(about, index=index)["cards"]) == {
        reference(drafts[1]): {"“The drug” (the 2nd of 3 like it)"}
    }


@pytest.mark.crd("dev-24")
@pytest.mark.parametrize("member", ["nobody", "commercial"])
def test_advice_and_hints_name_their_order_likewise(member: str) -> None:
    """Without a Coverage, and of orders in words alone."""
    about = [
        {**asked_about("order-sign"), "id": name, "code": {"text": "NanoKnife"}} for name in IDS
    ]
    cards = ask(call("order-sign", *about, version="2.0", member=MEMBERS[member]))["cards"]

    assert named(cards) == {
        reference(order): {name} for order, name in zip(about, placed("NanoKnife", 3), strict=True)
    }


@pytest.mark.crd("dev-25")
def test_every_card_is_linked_to_a_resource_that_came() -> None:
    """The resource a card is about is one that came in the request."""
    for answered, card in every_card():
        for about in card["extension"]["davinci-crd.associated-resource"]:
            kind, identity = (about if answered.version == "2.0" else about["reference"]).split("/")
            assert f'"{identity}"' in encode(answered.request).decode()
            assert kind in ("ServiceRequest", "Appointment", "Encounter")
