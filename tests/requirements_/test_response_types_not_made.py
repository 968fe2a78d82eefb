"""CRD page Response Types: of the eight there are, five are never made here; what says so in requirements.csv holds."""

import pytest
from every_answer import Answered, every_answer
from response_types import response_types

MADE = ["externalReference", "instructions"]


@pytest.fixture(scope="module")
def answers() -> tuple[Answered, ...]:
    """Answers to members of every kind, and those of the examples."""
    return every_answer()


@pytest.mark.crd("resp-59")
def test_no_form_is_asked_for_beside_dtr(answers: tuple[Answered, ...]) -> None:
    """No Task is created, by a card or by an action."""
    written = [
        action["resource"] for one in answers for action in one.response.get("systemActions", ())
    ]

    assert "Task" not in {resource["resourceType"] for resource in written}
    assert not any("suggestions" in card for one in answers for card in one.cards)


@pytest.mark.crd("resp-69", "resp-70")
def test_no_coverage_is_adjusted(answers: tuple[Answered, ...]) -> None:
    """No Coverage is updated, under X12's rules or outside them, for clinicians or for anyone else."""
    written = [
        action["resource"] for one in answers for action in one.response.get("systemActions", ())
    ]

    assert "Coverage" not in {resource["resourceType"] for resource in written}
    assert not any("suggestions" in card for one in answers for card in one.cards)


def test_every_card_is_of_a_type_made_here(answers: tuple[Answered, ...]) -> None:
    """No alternates, no additional orders, no forms, no coverage updates, no apps."""
    assert {kind for one in answers for card in one.cards for kind in response_types(card)} == set(
        MADE
    )


def test_nothing_is_created_or_deleted(answers: tuple[Answered, ...]) -> None:
    """So no Questionnaire either; every action is an update."""
    actions = [action for one in answers for action in one.response.get("systemActions", ())]

    assert {action["type"] for action in actions} == {"update"}
