"""The shadow in the store: one set to come, and its differences counted by kind."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from cds_service.authoring.effects import Effect, OrderEffect
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate
from cds_service.live.shadow import Compared
from cds_service.live.shadow_store import count_effects, read_effects, read_shadow, set_shadow

COMING = "sha256:1"
LOOSER = OrderEffect(
    effect=Effect.LOOSER,
    payer="acme",
    codes=("http://www.ama-assn.org/go/cpt|0001T",),
    before="not-covered",
    after="covered",
    rules_before=("https://p.invalid/PlanDefinition/p|1#r",),
    rules_after=("https://p.invalid/PlanDefinition/p|2#r",),
)
STRICTER = replace(LOOSER, effect=Effect.STRICTER, before="covered", after="not-covered")
SAME = replace(LOOSER, effect=Effect.SAME, after="not-covered")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A store of this release."""
    opened = open_engine(database_url)
    migrate(opened)
    yield opened
    opened.dispose()


def compared(record: str, *effects: OrderEffect, coming: str = COMING) -> Compared:
    """What one call would have got."""
    return Compared(coming=coming, record=record, effects=effects)


def test_the_last_word_names_the_set_to_come(engine: Engine) -> None:
    """Nothing at first; and nothing again once it is ended."""
    assert read_shadow(engine) == ""
    set_shadow(engine, COMING, "ada")
    assert read_shadow(engine) == COMING
    set_shadow(engine, "sha256:2", "ada")
    assert read_shadow(engine) == "sha256:2"
    set_shadow(engine, "", "ada")
    assert read_shadow(engine) == ""


def test_a_kind_of_difference_is_one_row_however_many_calls_show_it(engine: Engine) -> None:
    """With the last call as an example; what stays the same is no difference."""
    count_effects(engine, compared("first", LOOSER, SAME))
    count_effects(engine, compared("second", LOOSER))

    (kind,) = read_effects(engine, COMING)
    assert (kind.effect, kind.count, kind.record) == ("looser", 2, "second")
    assert (kind.before, kind.after) == ("not-covered", "covered")
    assert kind.codes == LOOSER.codes
    assert kind.rules == (*LOOSER.rules_before, *LOOSER.rules_after)


def test_the_gravest_comes_first_then_the_most_frequent(engine: Engine) -> None:
    """Whatever was seen first."""
    other_code = replace(LOOSER, codes=("http://www.ama-assn.org/go/cpt|0002T",))
    for effect in (STRICTER, STRICTER, STRICTER, LOOSER, other_code, other_code):
        count_effects(engine, compared("call", effect))

    found = [(kind.effect, kind.count) for kind in read_effects(engine, COMING)]
    assert found == [("looser", 2), ("looser", 1), ("stricter", 3)]


def test_each_set_to_come_has_its_own_differences(engine: Engine) -> None:
    """A set that was mended is another set."""
    count_effects(engine, compared("call", LOOSER, coming="sha256:2"))

    assert read_effects(engine, COMING) == []


def test_two_orders_of_one_call_that_differ_alike_both_count(engine: Engine) -> None:
    """An order is counted, not a call."""
    count_effects(engine, compared("call", LOOSER, LOOSER))

    assert [kind.count for kind in read_effects(engine, COMING)] == [2]
