"""Suggestions, actions and links that CDS Hooks forbids cannot be constructed."""

from collections.abc import Callable
from typing import Any

import pytest

from cds_service.cds_hooks.response import (
    Action,
    ActionType,
    Card,
    Indicator,
    Link,
    LinkType,
    Selection,
    Suggestion,
)

ORDER = {"resourceType": "ServiceRequest", "id": "order-1"}
CREATION = Action(type=ActionType.CREATE, description="Add it", resource=ORDER)


def suggestion(number: int = 1, **elements: Any) -> Suggestion:
    """A suggestion with one action."""
    whole = {"uuid": f"u-{number}", "label": "Do it", "actions": (CREATION,), **elements}
    return Suggestion(**whole)


def card(**elements: Any) -> Card:
    """A card with the elements that each must have."""
    return Card(
        uuid="u",
        summary="A summary",
        detail="A detail",
        indicator=Indicator.INFO,
        source_label="Acme",
        topic="guideline",
        **elements,
    )


def test_a_suggestion_is_written_with_its_uuid_and_its_actions() -> None:
    """An action holds a resource, or the id of the one it deletes, and never an empty element."""
    removal = Action(type=ActionType.DELETE, description="Remove it", resource_id="Type/1")
    written = suggestion(actions=(removal, CREATION), is_recommended=True).to_json()

    assert written == {
        "label": "Do it",
        "uuid": "u-1",
        "isRecommended": True,
        "actions": [
            {"type": "delete", "description": "Remove it", "resourceId": "Type/1"},
            {"type": "create", "description": "Add it", "resource": ORDER},
        ],
    }


def test_a_suggestion_without_actions_has_no_list_of_them() -> None:
    """CDS Hooks allows no empty list."""
    assert suggestion(actions=()).to_json() == {"label": "Do it", "uuid": "u-1"}


def test_a_link_that_launches_an_app_may_carry_its_context() -> None:
    """Any other link has none."""
    link = Link(label="An app", url="https://x.invalid", type=LinkType.SMART, app_context="7")

    assert link.to_json() == {
        "label": "An app",
        "url": "https://x.invalid",
        "type": "smart",
        "appContext": "7",
    }


@pytest.mark.crd("resp-3")
@pytest.mark.parametrize(("uuid", "words"), [("", "Do it"), ("u-1", "")])
def test_a_suggestion_without_uuid_or_label_cannot_be_made(uuid: str, words: str) -> None:
    """Feedback names suggestions by their uuids."""
    with pytest.raises(ValueError, match="uuid"):
        Suggestion(uuid=uuid, label=words)


@pytest.mark.cds_hooks("card-5", "suggestion-2", "action-2", "action-5", "link-4")
@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: card(suggestions=(suggestion(),)), "cds-resp-6"),
        (lambda: card(selection=Selection.ANY), "cds-resp-6"),
        (
            lambda: card(
                suggestions=(suggestion(is_recommended=True), suggestion(2, is_recommended=True)),
                selection=Selection.AT_MOST_ONE,
            ),
            "cds-resp-1",
        ),
        (lambda: Link(label="x", url="https://x.invalid", app_context="7"), "cds-resp-3"),
        (lambda: Action(type=ActionType.CREATE, description="", resource=ORDER), "cds-resp-5"),
        (lambda: Action(type=ActionType.CREATE, description="x"), "cds-resp-2"),
        (lambda: Action(type=ActionType.DELETE, description="x", resource=ORDER), "cds-resp-2"),
        (lambda: Action(type=ActionType.UPDATE, description="x", resource_id="T/1"), "cds-resp-2"),
    ],
)
def test_what_cds_hooks_forbids_cannot_be_made(make: Callable[[], object], rule: str) -> None:
    """Each invariant of the response is one of the values' own."""
    with pytest.raises(ValueError, match=rule):
        make()


def test_any_number_of_suggestions_may_be_recommended_where_any_may_be_taken() -> None:
    """cds-resp-1 is about `at-most-one` alone."""
    both = (suggestion(is_recommended=True), suggestion(2, is_recommended=True))

    assert card(suggestions=both, selection=Selection.ANY).suggestions == both
