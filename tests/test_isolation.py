"""Calls are independent: their order, repetition and concurrency change no response."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

import pytest
from answering import OUR_IDS, Answered, Service, make_service
from dirty_requests import BASES, Dirt, read_dirt

from cds_service.cds_hooks.response import Card
from cds_service.crd.request.configuration import Configuration
from cds_service.crd.response.card_text import Subject
from cds_service.crd.response.cards import CardMaker
from cds_service.fhir.resource import encode

AT_ONCE = 32
MIXED = 60
_ID = re.compile(f"{OUR_IDS}\\d+".encode())

Call = tuple[str, bytes]  # a hook, and a body
Outcome = tuple[int, bytes, str]


class Answers(Protocol):
    """What is called."""

    def answer(self, hook: str, body: bytes) -> Answered: ...


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """Every base request and dirty ones of every area: all hooks and versions, also errors."""
    sound = [(base["hook"], encode(base)) for base in BASES.values()]
    return [*sound, *_in_turn(read_dirt(), MIXED - len(sound))]


def _in_turn(dirt: Sequence[Dirt], many: int) -> list[Call]:
    small = [dirty for dirty in dirt if not dirty.ehr_is_down and len(dirty.body) < 20_000]
    rare = [dirty for dirty in small if dirty.status not in (200, 400)]
    spread = small[:: len(small) // many]
    return [(dirty.hook, dirty.body) for dirty in (*rare[::4], *spread)][:many]


@pytest.fixture(scope="module")
def service() -> Service:
    return make_service()


def outcome(answered: Answered) -> Outcome:
    """An outcome without the ids that are new each time."""
    return answered.status, _ID.sub(b"an id", answered.body), answered.problem


def answers(service: Answers, calls: Sequence[Call], order: Sequence[int]) -> dict[int, Outcome]:
    """The outcome of each call if they are made in this order."""
    return {number: outcome(service.answer(*calls[number])) for number in order}


def answers_at_once(service: Answers, calls: Sequence[Call]) -> dict[int, Outcome]:
    """The outcome of each call if they are made by many threads."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answered = list(pool.map(lambda call: service.answer(*call), calls))
    return dict(enumerate(map(outcome, answered)))


def differences(service: Answers, calls: Sequence[Call]) -> dict[str, list[int]]:
    """The calls whose outcome differs from that of calls in order, by the way they were made."""
    forwards = range(len(calls))
    shuffled = Random(60).sample(forwards, len(calls))  # noqa: S311
    expected = answers(service, calls, forwards)
    others = {
        "again": answers(service, calls, forwards),
        "in reverse": answers(service, calls, forwards[::-1]),
        "shuffled": answers(service, calls, shuffled),
        "at once": answers_at_once(service, calls),
    }
    found = {
        how: [number for number in forwards if other[number] != expected[number]]
        for how, other in others.items()
    }
    return {how: numbers for how, numbers in found.items() if numbers}


@pytest.mark.crd("sec-6")
def test_the_order_of_calls_and_their_company_never_matter(
    service: Service, calls: list[Call]
) -> None:
    """Calls in order, again, in reverse, shuffled and 32 at a time have the same outcomes."""
    assert differences(service, calls) == {}


@pytest.mark.crd("sec-6")
def test_a_new_service_gives_the_answers_of_one_that_has_answered_many(
    service: Service, calls: list[Call]
) -> None:
    """What a service has answered before changes nothing."""
    forwards = range(len(calls))
    worn = answers(service, calls, forwards)

    assert answers(make_service(), calls, forwards) == worn


def test_one_call_made_many_times_at_once_gets_one_answer(
    service: Service, calls: list[Call]
) -> None:
    """A hook instance may come again: the reference client always sends the same one."""
    same = [calls[0]] * AT_ONCE * 4

    assert len(set(answers_at_once(service, same).values())) == 1


def test_the_calls_are_sixty_of_all_hooks_with_answers_and_errors(
    service: Service, calls: list[Call]
) -> None:
    """The calls are mixed enough for leftovers of one call to show in another."""
    statuses = {service.answer(*call).status for call in calls}

    assert len(calls) == MIXED
    assert {hook for hook, _ in calls} == set(service.pipelines)
    assert {200, 400, 412, 422} <= statuses


@dataclass(frozen=True, slots=True)
class LeakyCards(CardMaker):
    """Shows the cards of the order before."""

    before: list[Subject] = field(default_factory=list)

    def cards(self, subject: Subject, configuration: Configuration) -> Iterator[Card]:
        self.before.append(subject)
        yield from CardMaker.cards(self, self.before[-2:][0], configuration)


@dataclass(slots=True)
class Forgetting:
    """A service that refuses a call that it has answered before."""

    service: Service
    seen: set[Call] = field(default_factory=set)

    def answer(self, hook: str, body: bytes) -> Answered:
        known = (hook, body) in self.seen
        self.seen.add((hook, body))
        return (
            Answered(status=400, problem="not again") if known else self.service.answer(hook, body)
        )


def test_cards_that_leak_from_one_order_to_the_next_are_found(
    service: Service, calls: list[Call]
) -> None:
    """The check above fails for a service whose cards remember."""
    leaky = {
        hook: replace(pipeline, cards=_leaky(pipeline.cards))
        for hook, pipeline in service.pipelines.items()
    }

    found = differences(Service(leaky), calls)

    assert {"in reverse", "shuffled"} <= set(found)


def _leaky(cards: CardMaker) -> LeakyCards:
    return LeakyCards(cards.text, cards.override_reasons, cards.new_id)


def test_a_service_that_remembers_calls_is_found(service: Service, calls: list[Call]) -> None:
    """The check above fails for a service that takes a call made again for a replay."""
    found = differences(Forgetting(service), calls)

    assert set(found) == {"again", "in reverse", "shuffled", "at once"}
