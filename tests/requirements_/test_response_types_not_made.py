"""CRD page Response Types: the built-in policies propose nothing; five of the eight are not made.

Those that policies can propose are in test_proposed_response_types.
"""

import pytest
from every_answer import Answered, every_answer
from every_hook import JsonObject, updates
from response_types import response_types

MADE = {"externalReference", "instructions"}


@pytest.fixture(scope="module")
def answers() -> tuple[Answered, ...]:
    """Responses to members of every kind, and those of the examples."""
    return every_answer()


def written(answers: tuple[Answered, ...]) -> list[JsonObject]:
    """The resources of all system actions."""
    return [resource for answered in answers for resource in updates(answered.response)]


@pytest.mark.crd("resp-59")
def test_no_form_is_asked_for_beside_dtr(answers: tuple[Answered, ...]) -> None:
    """No Task is created, by a card or by an action."""
    assert "Task" not in {resource["resourceType"] for resource in written(answers)}
    assert not any("suggestions" in card for answered in answers for card in answered.cards)


@pytest.mark.crd("resp-69", "resp-70")
def test_no_coverage_is_adjusted(answers: tuple[Answered, ...]) -> None:
    """No Coverage is updated, under X12's rules or outside them, for clinicians or for others."""
    assert "Coverage" not in {resource["resourceType"] for resource in written(answers)}
    assert not any("suggestions" in card for answered in answers for card in answered.cards)


def test_every_card_is_of_a_type_made_here(answers: tuple[Answered, ...]) -> None:
    """No alternates, no additional orders, no forms, no coverage updates, no apps."""
    cards = [card for answered in answers for card in answered.cards]

    assert {kind for card in cards for kind in response_types(card)} == MADE


def test_nothing_is_created_or_deleted(answers: tuple[Answered, ...]) -> None:
    """Every action is an update, so no Questionnaire is created either."""
    actions = [
        action for answered in answers for action in answered.response.get("systemActions", ())
    ]

    assert {action["type"] for action in actions} == {"update"}
