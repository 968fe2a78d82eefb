"""The counter of steps: it finds what is planted, in every form a scan may have."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from steps import TENFOLD, TickingText, count_steps, growth, with_ticks

JsonObject = dict[str, Any]


def nested_loops(items: list[JsonObject]) -> object:
    """Every item beside every other."""
    found = 0
    for left in items:
        for right in items:
            found += left is right
    return found


def one_comprehension(items: list[JsonObject]) -> object:
    """The same in a single function call."""
    return [left for left in items if [right for right in items if left is right]]


def calls_in_calls(items: list[JsonObject]) -> object:
    """A function that a function calls for every item."""

    def scan(wanted: JsonObject) -> Iterator[JsonObject]:
        return (item for item in items if item is wanted)

    return [next(scan(item)) for item in items]


def search_in_a_list(items: list[JsonObject]) -> object:
    """A scan in C: each item is compared with those kept."""
    kept: list[JsonObject] = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


def place_in_a_list(items: list[JsonObject]) -> object:
    """Another one."""
    return [items.index(item) for item in items]


def one_pass(items: list[JsonObject]) -> object:
    """What a call should do."""
    return {item["id"]: item for item in items}


def sorting(items: list[JsonObject]) -> object:
    """Hardly more, and nothing to avoid."""
    return sorted(items, key=lambda item: str(item["id"]))


def grows(work: Callable[[list[JsonObject]], object]) -> float:
    """How this work grows with the number of JSON objects it is done for."""

    def cost(many: int) -> int:
        items: list[JsonObject] = with_ticks([{"id": number} for number in range(many)])
        return count_steps(lambda: work(items))

    return growth(cost, 50)


@pytest.mark.parametrize(
    "work",
    [nested_loops, one_comprehension, calls_in_calls, search_in_a_list, place_in_a_list],
    ids=lambda work: work.__name__,
)
def test_a_planted_scan_is_found(work: Callable[[list[JsonObject]], object]) -> None:
    """In Python or in C, in one function or in many."""
    assert grows(work) > TENFOLD


@pytest.mark.parametrize("work", [one_pass, sorting], ids=lambda work: work.__name__)
def test_honest_work_is_not_taken_for_a_scan(work: Callable[[list[JsonObject]], object]) -> None:
    """What looks at each thing once, or sorts."""
    assert grows(work) <= TENFOLD


def test_a_planted_search_among_texts_is_found() -> None:
    """Where a test can give the texts it is about."""

    def cost(many: int) -> int:
        texts = [TickingText(number) for number in range(many)]
        return count_steps(lambda: [text for text in map(str, range(many)) if text in texts])

    assert growth(cost, 50) > TENFOLD


def test_work_that_depends_on_no_number_does_not_grow() -> None:
    """The same steps, whatever is asked."""
    assert growth(lambda many: count_steps(lambda: many), 100) == 0


def test_the_same_work_takes_the_same_steps() -> None:
    """A count depends on nothing else."""
    counts = {count_steps(lambda: one_pass([{"id": 1}, {"id": 2}])) for _ in range(5)}

    assert len(counts) == 1
