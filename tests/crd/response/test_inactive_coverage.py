"""Cards for coverage that has ended: on every hook, in every version, once for each Coverage."""

from typing import Any

import pytest
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    ORDER_HOOKS,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    reason_codes,
    reference,
)
from hook_requests import coverage, patient, service_request
from response_types import card_problems, misfits, response_type

from cds_service.crd.response.inactive_coverage import _NAMED

CANCELLED = MEMBERS["cancelled"]
ENDED = (patient(), coverage(period={"end": "2026-10-31"}))
SUMMARY = "Check the member's current coverage: this one of iCare is not active"


def shown(hook: str, *about: JsonObject, **with_call: Any) -> list[JsonObject]:
    """The cards of a call about a cancelled coverage, unless another member is given."""
    cards: list[JsonObject] = ask(call(hook, *about, **{"member": CANCELLED, **with_call}))["cards"]
    return cards


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("code", [LISTED, NOT_IN_A_POLICY])
def test_a_coverage_that_has_ended_gets_a_card_beside_what_is_written(
    code: str, hook: str, version: str
) -> None:
    """Whether or not a policy would have addressed the order."""
    response = ask(call(hook, asked_about(hook, code), version=version, member=CANCELLED))
    (stated,) = annotations(response)
    (card,) = response["cards"]

    assert stated["covered"] == ["not-covered"]
    assert reason_codes(stated) == (["no-active-coverage"] if version == "2.2" else [])
    assert (card["summary"], card["indicator"]) == (SUMMARY, "warning")
    assert card["source"]["label"] == "iCare"


@pytest.mark.crd("resp-13", "resp-23", "resp-24")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_card_is_an_instructions_card_by_its_model(hook: str, version: str) -> None:
    """There is no policy to link to, so it cannot be an External Reference."""
    (card,) = shown(hook, version=version)

    assert response_type(card) == "instructions"
    assert [*card_problems(card, version), *misfits(card, version)] == []


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (CANCELLED, "its status is cancelled"),
        ((patient(), coverage(status="entered-in-error")), "its status is entered-in-error"),
        (ENDED, "its period does not hold that date"),
        ((patient(), coverage(period={"start": "2027"})), "its period does not hold that date"),
    ],
    ids=["cancelled", "entered in error", "ended", "not begun"],
)
def test_the_card_says_why_and_what_to_do(member: Any, words: str) -> None:
    """A clinician, or whoever sits at the desk, can act on it."""
    (card,) = shown("order-sign", member=member)

    assert words in card["detail"]
    assert "Check with the member or iCare which coverage is in force" in card["detail"]


@pytest.mark.crd("dev-24")
@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_one_card_is_about_all_orders_of_the_coverage(hook: str) -> None:
    """Ten orders are no ten warnings; each is named in words and by reference."""
    orders = [
        {**service_request(id=f"order-{name}"), "code": {"text": f"Service {name}"}}
        for name in ("1", "2", "3")
    ]
    (card,) = shown(hook, *orders)

    assert card["extension"]["davinci-crd.associated-resource"] == [
        {"reference": reference(order)} for order in orders
    ]
    assert all(f"“Service {name}”" in card["detail"] for name in ("1", "2", "3"))


def test_a_card_about_very_many_orders_names_some_and_counts_the_rest() -> None:
    """A card is read by a person."""
    orders = [service_request(id=f"order-{number}") for number in range(_NAMED + 5)]
    (card,) = shown("order-sign", *orders)

    assert "It is also about 5 more orders." in card["detail"]
    assert card["detail"].count("This is about the order") == _NAMED


def test_each_coverage_that_has_ended_gets_its_own_card() -> None:
    """An older client is answered for all of them."""
    member = (*CANCELLED, coverage("anthem", id="second", status="cancelled"))
    cards = shown("order-sign", version="2.0", member=member)

    assert {card["source"]["label"] for card in cards} == {"iCare", "Anthem"}


@pytest.mark.crd("dev-14")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_card_is_switched_off_as_next_step_cards_are_and_counts_as_one(hook: str) -> None:
    """The extension stays, and is switched by itself."""
    without_card = ask(call(hook, member=CANCELLED, settings={"claim": False}))
    without_any = ask(call(hook, member=CANCELLED, settings={"max-cards": 0}))
    without_action = ask(call(hook, member=CANCELLED, settings={"coverage-info": False}))

    assert (without_card["cards"], len(annotations(without_card))) == ([], 1)
    assert (without_any["cards"], len(annotations(without_any))) == ([], 1)
    assert ([card["summary"] for card in without_action["cards"]]) == [SUMMARY]
    assert annotations(without_action) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_order_states_already_is_not_shown_again(version: str) -> None:
    """Nothing new, say nothing."""
    first = ask(call("order-sign", version=version, member=CANCELLED))
    (action,) = first["systemActions"]
    again = ask(call("order-sign", action["resource"], version=version, member=CANCELLED))

    assert again["cards"] == []


@pytest.mark.parametrize("member", ["medicare", "plan unknown", "elsewhere"])
def test_a_coverage_that_may_be_active_gets_no_such_card(member: str) -> None:
    """Only what is known to have ended is called so."""
    summaries = {
        card["summary"] for card in shown("order-sign", version="2.0", member=MEMBERS[member])
    }

    assert SUMMARY not in summaries


def test_the_card_holds_nothing_of_the_member() -> None:
    """Neither the number nor the dates of the coverage, nor who the patient is."""
    secret = coverage(
        subscriberId="SECRET-1",
        identifier=[{"value": "SECRET-2"}],
        period={"start": "1999-01-02", "end": "2001-03-04"},
    )
    (card,) = shown("order-sign", member=(patient(name=[{"family": "SECRET-3"}]), secret))

    assert not any(word in str(card) for word in ("SECRET", "1999", "2001", "member-1"))
