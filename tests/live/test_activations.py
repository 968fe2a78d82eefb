"""Activations: which one is in force, whatever was asked for at once, planned or cancelled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from live_sets import AT_ONCE, SOON, activate, live_store, order
from sqlalchemy import Engine
from stores import together

from cds_service.database.engine import open_engine
from cds_service.errors import AuditError
from cds_service.live.activations import (
    Activation,
    Kind,
    add_activation,
    cancel_activation,
    find_plan,
    list_activations,
)

NEXT_YEAR = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A store of this release."""
    with live_store(database_url) as opened:
        yield opened


def numbers(found: tuple[Activation, ...]) -> list[int]:
    """The numbers of activations, in their order."""
    return [activation.number for activation in found]


def test_nothing_is_in_force_before_the_first(engine: Engine) -> None:
    """Then each process follows its directories."""
    plan = find_plan(engine)

    assert (plan.current, plan.coming) == (None, ())


def test_the_latest_that_has_begun_is_in_force(engine: Engine) -> None:
    """What was asked for is kept with it, and the time is the store's."""
    activate(engine, "sha256:a")
    second = activate(engine, "sha256:b")
    activate(engine, "sha256:c", SOON)

    plan = find_plan(engine)
    assert plan.current == second
    assert (second.number, second.order) == (2, order("sha256:b"))
    assert numbers(plan.coming) == [3]
    assert abs(plan.now - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_later_order_wins_however_long_the_lead_of_the_former(engine: Engine) -> None:
    """A large set that begins in a minute does not undo a rollback that was asked for since."""
    large = activate(engine, "sha256:a", timedelta(minutes=1))
    rolled_back = activate(engine, "sha256:b", SOON, Kind.ROLLBACK)

    assert numbers(find_plan(engine).coming) == [rolled_back.number]
    cancelled = {found.number: found.cancelled for found in list_activations(engine, 9)}
    assert cancelled[large.number] is not None
    assert cancelled[rolled_back.number] is None


def test_what_is_planned_stays_planned(engine: Engine) -> None:
    """A set for New Year is not lost to a correction before it."""
    planned = add_activation(engine, order("sha256:a"), lead=AT_ONCE, at=NEXT_YEAR)
    correction = activate(engine, "sha256:b")

    plan = find_plan(engine)
    assert plan.current == correction
    assert plan.coming == (planned,)
    assert planned.starts == NEXT_YEAR


def test_a_planned_one_can_be_cancelled_and_one_that_has_begun_cannot(engine: Engine) -> None:
    """The message says what to do instead."""
    begun = activate(engine)
    planned = add_activation(engine, order(), lead=AT_ONCE, at=NEXT_YEAR)
    cancel_activation(engine, planned.number)

    assert find_plan(engine).coming == ()
    for number, why in (
        (begun.number, "has begun; roll it back"),
        (planned.number, "is cancelled already"),
        (99, "there is no activation 99"),
    ):
        with pytest.raises(AuditError, match=why):
            cancel_activation(engine, number)


def test_nothing_begins_in_the_past(engine: Engine) -> None:
    """A time of yesterday is a slip of the pen, most likely in its zone."""
    with pytest.raises(AuditError, match="has passed"):
        add_activation(engine, order(), lead=AT_ONCE, at=datetime(2020, 1, 1, tzinfo=UTC))

    assert list_activations(engine, 9) == []


def test_no_more_are_planned_than_a_process_looks_at(engine: Engine) -> None:
    """Else the one in force would be out of sight."""
    activate(engine)
    for day in range(20):
        add_activation(engine, order(), lead=AT_ONCE, at=NEXT_YEAR + timedelta(days=day))

    with pytest.raises(AuditError, match="cancel one first"):
        add_activation(engine, order(), lead=AT_ONCE, at=NEXT_YEAR - timedelta(days=1))
    assert find_plan(engine).current is not None


def test_orders_at_once_are_numbered_one_after_the_other(database_url: str) -> None:
    """Each is kept, the last one is in force, and it has the latest time."""
    with live_store(database_url) as engine:
        engines = [open_engine(database_url) for _ in range(4)]
        together([partial(activate, other, f"sha256:{other}") for other in engines])
        for other in engines:
            other.dispose()
        activations = list_activations(engine, 9)
        current = find_plan(engine).current

    assert [found.number for found in activations] == [4, 3, 2, 1]
    assert sorted(activations, key=lambda found: found.starts, reverse=True) == activations
    assert current == activations[0]
