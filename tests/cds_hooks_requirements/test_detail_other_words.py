"""CDS Hooks, Card Attributes: words of a detail that few policies and orders have are words too."""

from pathlib import Path

import pytest
from every_hook import LISTED, JsonObject, ask, asked_about, call
from gfm import Shown, show
from hook_requests import coverage, patient
from proposal_library import questionnaire
from small_library import organization, part, policy, reason, rule
from wire import open_wire

OURS = {"p", "strong", "ul", "li"}
HOSTILE = "**a** <b>c</b> ~~d~~ [e](/f) `g` _h_ | i"


def shown(response: JsonObject) -> list[Shown]:
    """What the details of an answer's cards show."""
    return [show(card["detail"]) for card in response["cards"]]


@pytest.mark.cds_hooks("card-2")
def test_a_policys_other_words_are_shown_letter_for_letter(tmp_path: Path) -> None:
    """The titles of a form and of a document beside the policy, whom to ask, what it depends on."""
    asked = {**questionnaire("asked"), "title": f"Form {HOSTILE}"}
    desk = {"name": f"Desk {HOSTILE}", "telecom": [{"system": "other", "value": HOSTILE}]}
    determined = (
        *(part("covered", "covered"), part("pa-needed", "auth-needed")),
        *(part("doc-needed", "clinical"), part("doc-purpose", "OTH")),
        reason("The documents go with the authorization request."),
        {"url": "dependency", "valueReference": {"display": f"Order {HOSTILE}"}},
        {"url": "questionnaire", "valueCanonical": asked["url"]},
        {"url": "contact", "valueContactDetail": desk},
    )
    beside = {"type": "documentation", "label": "Form", "display": HOSTILE}
    written = policy(rule(determination=determined), relatedArtifact=[beside])
    wire = open_wire(tmp_path / "library", organization(), asked, written)
    member = (patient(), coverage("acme", None))
    order = asked_about("order-sign", "0001T", "An order")
    details = shown(wire.answer(call("order-sign", order, member=member)))
    items = " ".join(item for detail in details for item in detail.items)

    for words in (
        "Form: Form {}.",
        "Contact Desk {0}: other {0}.",
        "on Order {}.",
        "also: Form {}.",
    ):
        assert words.format(HOSTILE) in items
    assert {tag for detail in details for tag in detail.tags} <= OURS
    assert [link for detail in details for link in detail.links] == []


@pytest.mark.cds_hooks("card-2")
def test_what_tells_orders_apart_is_shown_letter_for_letter() -> None:
    """The codes of two orders of one name."""
    codes = ("__a__", "__b__")
    orders = [
        asked_about("order-sign", LISTED, "An order", id=f"order-{number}")
        for number in range(len(codes))
    ]
    for order, code in zip(orders, codes, strict=True):
        order["code"]["coding"].append({"system": "https://ehr.example.invalid", "code": code})
    details = shown(ask(call("order-sign", *orders)))

    assert [detail.paragraphs[-1] for detail in details] == [
        f"This is about the order “An order” (code {LISTED}, {code}), billed as {LISTED}."
        for code in codes
    ]
