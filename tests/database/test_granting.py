"""What the store grants of a rate: what nobody may use any more, and what has come since."""

from datetime import UTC, datetime, timedelta

import pytest

from cds_service.database.granting import (
    LEASE_SECONDS,
    Balance,
    Holding,
    Wish,
    bound_holding,
    grant,
)

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
RATE = 10


def holding(tokens: int, lapses_in: float, process: str = "other") -> Holding:
    """What a process holds, until so many seconds from now."""
    until = NOW + timedelta(seconds=lapses_in)
    return Holding(
        client="north",
        process=process,
        tokens=tokens,
        tokens_until=until,
        slots=2,
        slots_until=until,
    )


def granted(left: float, since: float, *holdings: Holding) -> int:
    """The tokens that a process gets, of what was left so many seconds ago."""
    balance = Balance(tokens=left, at=NOW - timedelta(seconds=since))
    wish = Wish(client="north", rate=RATE, concurrent=0, needed=RATE)
    return grant(wish, "mine", balance, holdings, NOW)[0].tokens


def test_what_is_left_fills_by_the_rate_up_to_a_seconds_worth() -> None:
    """Where nobody holds anything."""
    assert [granted(2.0, since) for since in (0.0, 0.35, 5.0)] == [2, 5, 10]


def test_what_any_process_may_still_use_is_not_granted_again() -> None:
    """Also what the asking process held until now: it may have used it just now."""
    assert granted(10.0, 0.0, holding(4, 1.0)) == 6
    assert granted(10.0, 0.0, holding(4, 1.0), holding(5, 2.0, "mine")) == 1


def test_what_was_held_until_lately_fills_from_then_on() -> None:
    """It may have been used as it lapsed."""
    assert granted(10.0, 3.0, holding(10, -0.35)) == 3
    assert granted(10.0, 3.0, holding(4, -0.35)) == 9
    assert granted(10.0, 3.0, holding(4, -0.35), holding(5, -0.1)) == 4


def test_a_lease_that_lapsed_before_the_balance_was_written_is_in_it() -> None:
    """Whoever wrote it has counted that."""
    assert granted(7.0, 0.0, holding(10, -0.35)) == 7


@pytest.mark.parametrize("step", [30.0, 3600.0])
def test_a_clock_that_was_set_back_keeps_a_lease_no_longer_than_a_new_one(step: float) -> None:
    """Dead processes hold nothing for as long as the step, and living ones lose nothing at once."""
    bound = bound_holding(holding(4, step), NOW)

    assert bound == holding(4, LEASE_SECONDS)
    assert granted(10.0, -step, bound) == 6


def test_a_lease_of_a_clock_that_runs_is_left_as_it_is() -> None:
    """It has lapsed, or will in its time."""
    assert [bound_holding(holding(4, left), NOW) for left in (-9.0, 1.0, 5.0)] == [
        holding(4, left) for left in (-9.0, 1.0, 5.0)
    ]
