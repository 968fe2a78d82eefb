"""Limits while the store answers slowly: never looser over all processes, and nobody is starved."""

from collections.abc import Sequence
from itertools import cycle, repeat

import pytest
from access.slow_exchanges import Simulation
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.access.limits import Limit
from cds_service.access.shares import Share
from cds_service.database.granting import LEASE_SECONDS, Grant

LONGEST = 0.62  # seconds of one way: an exchange that takes longer than 1.25 is cut
CALLS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 0.05, 0.3, 0.7]), st.integers(0, 3), st.floats(0, 2)),
    min_size=20,
    max_size=150,
)
DELAYS = st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.3, LONGEST]), min_size=1, max_size=9)
HARM = st.lists(
    st.tuples(
        st.floats(0, 15), st.integers(0, 3), st.sampled_from(["dies", "is cut off", "is set back"])
    ),
    max_size=4,
)


def most_over(passed: Sequence[float], rate: int) -> float:
    """By how many calls any stretch of time has more than the rate and one second's worth."""
    over = [
        number - first + 1 - rate * (last_at - first_at + 1)
        for first, first_at in enumerate(passed)
        for number, last_at in enumerate(passed[first:], start=first)
    ]
    return max(over, default=0.0)


@settings(deadline=None, max_examples=100)
@given(
    limit=st.builds(Limit, rate=st.integers(1, 40), concurrent=st.sampled_from([0, 0, 1, 2, 4])),
    processes=st.integers(1, 4),
    calls=CALLS,
    delays=DELAYS,
    harm=HARM,
)
def test_never_more_passes_than_the_limits_however_slow_the_store(
    limit: Limit,
    processes: int,
    calls: Sequence[tuple[float, int, float]],
    delays: Sequence[float],
    harm: Sequence[tuple[float, int, str]],
) -> None:
    """In any stretch of time, of all processes; whoever dies, is cut off, or sets a clock back.

    Of calls at a time, those of a process that is cut off come on top, as the guide says.
    """
    simulation, at = Simulation(limit=limit, processes=processes, delays=cycle(delays)), 0.0
    for pause, number, seconds in calls:
        at += pause
        simulation.call(at, number, seconds)
    for when, number, kind in harm:
        if kind == "dies":
            simulation.die(when, number)
        elif kind == "is cut off":
            simulation.cut_off(when, number, LEASE_SECONDS + 1)
        else:
            simulation.set_back(when, 3600)
    simulation.run(at + 30)

    assert most_over(simulation.passed, limit.rate) <= 1e-6
    if limit.concurrent and all(kind != "is cut off" for _, _, kind in harm):
        assert simulation.most_under_way <= limit.concurrent


@pytest.mark.parametrize("exchange", [0.02, 0.5, 0.8, 1.2])
@pytest.mark.parametrize("rate", [1, 10, 100])
def test_a_slow_store_refuses_nobody_what_there_is(rate: int, exchange: float) -> None:
    """Three processes, five times the calls that are allowed: all of it passes, or a good part.

    What is lost is what a process may not have used yet, as far as the store knows.
    """
    simulation = Simulation(limit=Limit(rate=rate), processes=3, delays=repeat(exchange / 2))
    for number in range(5 * rate * 20):
        simulation.call(number / (5 * rate), number, 0.0)
    simulation.run(20.0)

    share = len(simulation.passed) / (20 * rate)
    assert share > (0.8 if exchange < 0.1 else 0.25)


def test_what_was_kept_ends_with_its_lease_whatever_is_granted_meanwhile() -> None:
    """The store counts it no longer, and may have given it to others."""
    share = Share(client="north", limit=Limit(rate=8))
    share.waiting = 1
    first = share.wish(0.0, 1)
    share.hold(first, Grant(client="north", tokens=3, slots=0, wait=0.0), 0.0, 0.1)
    second = share.wish(LEASE_SECONDS - 0.1, 1)
    share.hold(second, Grant(client="north", tokens=0, slots=0, wait=0.0), LEASE_SECONDS - 0.1, 5.5)

    assert second.kept == 3
    assert not share.take(5.5)


def test_what_is_granted_counts_from_when_it_was_asked_for() -> None:
    """An exchange of a second leaves four of a lease's five, and the store counts a little more."""
    share = Share(client="north", limit=Limit(rate=8))
    share.waiting = 1
    share.hold(share.wish(0.0, 1), Grant(client="north", tokens=9, slots=0, wait=0.0), 0.0, 1.0)

    assert share.take(LEASE_SECONDS - 0.01)
    assert not share.take(LEASE_SECONDS)
