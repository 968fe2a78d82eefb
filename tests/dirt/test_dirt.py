"""Requests as real clients send them, with the outcome each must have: the JSON files here."""

from collections import Counter

import pytest
from answering import Answered, Service, make_service, problems
from dirty_requests import TOLERATED, Dirt, parse_path, read_dirt
from scripted_ehr import ScriptedEhr, always

DIRT = read_dirt()


@pytest.fixture(scope="module")
def offline() -> Service:
    return make_service()


@pytest.fixture(scope="module")
def with_ehr_down() -> Service:
    return make_service(ScriptedEhr(fails=always))


def answer(dirt: Dirt, offline: Service, with_ehr_down: Service) -> Answered:
    service = with_ehr_down if dirt.ehr_is_down else offline
    return service.answer(dirt.hook, dirt.body)


@pytest.mark.crd("found-33", "hook-13", "hook-23", "hook-9")
@pytest.mark.parametrize("dirt", DIRT, ids=lambda dirt: f"{dirt.area}: {dirt.name}")
def test_each_dirty_request_gets_what_it_must(
    dirt: Dirt, offline: Service, with_ehr_down: Service
) -> None:
    """Status, decisions in order, number of cards, reasons and place of an error are as stated."""
    answered = answer(dirt, offline, with_ehr_down)

    assert (answered.status, answered.decisions) == (dirt.status, dirt.decisions), answered.problem
    assert len(answered.response.get("cards", ())) == dirt.cards
    assert dirt.reasons in (None, answered.reasons)
    assert dirt.where in (None, answered.where)


@pytest.mark.crd("resp-37")
@pytest.mark.parametrize("dirt", DIRT, ids=lambda dirt: f"{dirt.area}: {dirt.name}")
def test_the_answer_to_a_dirty_request_is_sound(
    dirt: Dirt, offline: Service, with_ehr_down: Service
) -> None:
    """Nothing is null or empty, no summary too long, and orders change by our extension only."""
    answered = answer(dirt, offline, with_ehr_down)

    assert problems(answered, dirt.request) == []


def test_there_are_at_least_150_dirty_requests() -> None:
    """The corpus is large enough, and each case has a name of its own in its area."""
    names = Counter((dirt.area, dirt.name) for dirt in DIRT)

    assert len(names) >= 150
    assert names.most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("area", "variant"),
    [(area, variant) for area, variants in TOLERATED.items() for variant in variants],
)
def test_every_variant_on_the_tolerance_list_is_shown(area: str, variant: str) -> None:
    """Every variant that clients are known to send has at least one case in its area."""
    shown = {dirt.shows for dirt in DIRT if dirt.area == area}

    assert variant in shown


def test_every_case_shows_a_variant_of_its_area() -> None:
    """Each case names the variant it shows, and that variant is on the tolerance list."""
    astray = {(dirt.area, dirt.shows) for dirt in DIRT if dirt.shows not in TOLERATED[dirt.area]}

    assert astray == set()


@pytest.mark.parametrize(
    "path", ["context", "$.context.", "$..context", "$.context[x]", "$context"]
)
def test_a_place_that_is_no_json_path_is_refused(path: str) -> None:
    """A slip in a case's path is an error, not a case that changes nothing."""
    with pytest.raises(ValueError, match="no JSON path"):
        parse_path(path)
