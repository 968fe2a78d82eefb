"""CRD page Response Types: the built-in policies propose nothing; five of the eight are not made.

Those that policies can propose are in test_proposed_response_types and test_proposed_forms.
"""

from pathlib import Path

import pytest
from every_answer import Answered, every_answer
from every_hook import HOOK_NAMES, JsonObject, ask, asked_about, call, updates
from hook_requests import coverage, patient
from proposal_library import DEFINITIONS, EVERY_KIND, proposing
from response_models import COVERAGE_INFORMATION
from response_types import misfits, response_type
from small_library import small_index


@pytest.fixture(scope="module")
def answers() -> tuple[Answered, ...]:
    """Responses to members of every kind, and those of the examples."""
    return every_answer()


def written(answers: tuple[Answered, ...]) -> list[JsonObject]:
    """The resources of all system actions; there are some."""
    resources = [resource for answered in answers for resource in updates(answered.response)]
    assert resources
    return resources


@pytest.mark.crd("resp-69", "resp-70")
def test_no_coverage_is_adjusted(answers: tuple[Answered, ...]) -> None:
    """No Coverage is updated, under X12's rules or outside them, for clinicians or for others."""
    assert "Coverage" not in {resource["resourceType"] for resource in written(answers)}
    assert not any("suggestions" in card for answered in answers for card in answered.cards)


@pytest.mark.crd("resp-22", "resp-24")
def test_every_card_is_of_a_type_made_here(answers: tuple[Answered, ...]) -> None:
    """No alternates, no additional orders, no forms, no coverage updates, no apps."""
    cards = [(card, answered.version) for answered in answers for card in answered.cards]

    assert {response_type(card) for card, _ in cards} == {"externalReference", "instructions"}
    assert [problem for card, version in cards for problem in misfits(card, version)] == []


@pytest.mark.crd("dev-19", "dev-20")
def test_nothing_is_created_or_deleted(answers: tuple[Answered, ...]) -> None:
    """Every action is an update, so no Questionnaire is created either."""
    actions = [
        action for answered in answers for action in answered.response.get("systemActions", ())
    ]

    assert {action["type"] for action in actions} == {"update"}
    assert "Questionnaire" not in {resource["resourceType"] for resource in written(answers)}
    assert not any("suggestions" in card for answered in answers for card in answered.cards)


@pytest.mark.crd("dev-19", "dev-20")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_is_proposed_is_not_done_unasked(tmp_path: Path, hook: str) -> None:
    """However much a policy proposes, of itself a response updates what it was asked about."""
    index = small_index(tmp_path / "library", *DEFINITIONS, proposing(*EVERY_KIND.values()))
    member = (patient(), coverage("acme", None, subscriberId="old"))
    about = asked_about(hook, "0001T")
    answered = ask(call(hook, about, member=member), index=index)
    (action,) = answered["systemActions"]
    extension = action["resource"].pop("extension")

    assert len(answered["cards"]) > 1
    assert (action["type"], action["resource"]) == ("update", about)
    assert {stated["url"] for stated in extension} == {COVERAGE_INFORMATION}
