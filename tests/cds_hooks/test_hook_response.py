"""The hook response: no malformed card can be made, and the JSON has CDS Hooks' shape."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.response import Card, HookResponse, Indicator, Link, SystemAction
from cds_service.fhir.coding import Coding

REASON = Coding("https://reasons.example.invalid", "other", "Another reason")


def card(**elements: Any) -> Card:
    """A card with all it must have."""
    needed: dict[str, Any] = {
        "uuid": "00000000-0000-4000-8000-000000000001",
        "summary": "Not covered by this plan",
        "detail": "Why, and what to do.",
        "indicator": Indicator.INFO,
        "source_label": "A payer",
        "topic": "guideline",
    }
    return Card(**{**needed, **elements})


@pytest.mark.cds_hooks("card-1")
@pytest.mark.parametrize("length", [1, 138, 139])
def test_a_summary_has_fewer_than_140_characters(length: int) -> None:
    """139 characters are the most a summary may have."""
    assert len(card(summary="s" * length).summary) == length


@pytest.mark.cds_hooks("card-1")
@pytest.mark.parametrize("length", [0, 140, 141, 1000])
def test_no_card_has_a_longer_summary_or_none(length: int) -> None:
    """140 characters are too many already; a card without a summary says nothing."""
    with pytest.raises(ValueError, match=f"summary of {length} characters"):
        card(summary="s" * length)


@pytest.mark.cds_hooks("card-1")
@pytest.mark.parametrize("letter", ["é", "患", "\U0001f9ea"])
def test_characters_of_a_summary_are_counted_not_bytes(letter: str) -> None:
    """A letter of four bytes is one character."""
    assert card(summary=letter * 139).summary == letter * 139


@settings(max_examples=100, deadline=None)
@given(summary=st.text(max_size=160))
def test_a_card_exists_exactly_with_a_fit_summary(summary: str) -> None:
    """No card carries a summary that a client may refuse."""
    try:
        made = card(summary=summary).summary
    except ValueError:
        made = ""

    assert made == (summary if len(summary) < 140 else "")


@pytest.mark.cds_hooks("coding-3")
def test_an_override_reason_has_a_display() -> None:
    """cds-resp-4: a reason to choose from is shown by its display."""
    with pytest.raises(ValueError, match="cds-resp-4"):
        card(override_reasons=(REASON, Coding("https://reasons.example.invalid", "silent")))


def test_reasons_with_displays_are_kept() -> None:
    """Reasons that can be shown stand on the card in their order."""
    assert card(override_reasons=(REASON, REASON)).override_reasons == (REASON, REASON)


@pytest.mark.parametrize("missing", ["detail", "source_label"])
def test_a_card_says_who_speaks_and_what_of(missing: str) -> None:
    """A card has a detail that names what it speaks of, and the payer's brand."""
    with pytest.raises(ValueError, match="without detail or source label"):
        card(**{missing: ""})


def test_no_card_is_critical() -> None:
    """`critical` is for danger to life; coverage is not."""
    assert {str(indicator) for indicator in Indicator} == {"info", "warning"}


def test_a_link_is_absolute() -> None:
    """A link has label, URL and type; an app context is for SMART links alone (cds-resp-3)."""
    link = Link(label="The policy", url="https://crd.example.invalid/policies/1")

    assert link.to_json() == {
        "label": "The policy",
        "url": "https://crd.example.invalid/policies/1",
        "type": "absolute",
    }


@pytest.mark.crd("resp-52")
def test_a_system_action_updates_a_whole_resource() -> None:
    """An update carries the resource itself and a description, and no `resourceId`."""
    order = {"resourceType": "ServiceRequest", "id": "1"}

    action = SystemAction(description="Record it", resource=order).to_json()

    assert action == {"type": "update", "description": "Record it", "resource": order}
    assert action["resource"] is order


def test_a_response_with_nothing_to_say_has_no_cards_and_no_actions() -> None:
    """`cards` may be empty; `systemActions` that are none are left out."""
    assert HookResponse(()).to_json() == {"cards": []}


def test_a_response_holds_its_cards_and_actions_in_order() -> None:
    """What was put into a response leaves in that order."""
    response = HookResponse(({"uuid": "1"}, {"uuid": "2"}), ({"type": "update"},))

    assert response.to_json() == {
        "cards": [{"uuid": "1"}, {"uuid": "2"}],
        "systemActions": [{"type": "update"}],
    }


def test_a_2_0_client_is_told_that_there_are_no_actions() -> None:
    """CRD 2.0 clients want `systemActions` on primary hooks, empty if need be (design: 4.1)."""
    assert HookResponse((), ()).to_json() == {"cards": [], "systemActions": []}
