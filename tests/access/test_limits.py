"""Limits of calls: a second's worth at once, so many at a time, each client for itself."""

from contextlib import ExitStack
from threading import Barrier, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.access.limits import CallLimits, Limit
from cds_service.errors import TooMany


class Clock:
    """A clock that stands still unless moved; in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock for one test."""
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> CallLimits:
    """Limits by that clock."""
    return CallLimits(clock=clock)


def passed(limits: CallLimits, client: str, limit: Limit, calls: int) -> int:
    """How many of so many calls, one after the other, are let through."""
    through = 0
    for _ in range(calls):
        try:
            with limits.call(client, limit):
                through += 1
        except TooMany:
            continue
    return through


def test_a_seconds_worth_of_calls_may_come_at_once(limits: CallLimits, clock: Clock) -> None:
    """Then as many as time passes for."""
    assert passed(limits, "a", Limit(rate=4), 20) == 4
    clock.now += 0.5
    assert passed(limits, "a", Limit(rate=4), 20) == 2
    clock.now += 3600
    assert passed(limits, "a", Limit(rate=4), 20) == 4


def test_who_calls_too_often_reads_the_limit_and_when_to_come_again(limits: CallLimits) -> None:
    """A 429 with the seconds to wait."""
    passed(limits, "a", Limit(rate=2), 2)

    with (
        pytest.raises(TooMany, match="2 calls a second") as caught,
        limits.call("a", Limit(rate=2)),
    ):
        pass

    assert (caught.value.status, caught.value.retry_after) == (429, 1)


def test_one_client_never_uses_up_what_another_has(limits: CallLimits) -> None:
    """Each has a bucket of its own, for rate and for calls at a time."""
    limit = Limit(rate=3, concurrent=1)

    with limits.call("a", limit):
        assert passed(limits, "a", limit, 1) == 0
        assert passed(limits, "b", limit, 10) == 3


def test_so_many_calls_are_under_way_at_a_time(limits: CallLimits) -> None:
    """The next is refused until one has ended, however it ended."""
    limit = Limit(concurrent=2)
    with limits.call("a", limit), limits.call("a", limit):
        assert passed(limits, "a", limit, 3) == 0
    with pytest.raises(ZeroDivisionError), limits.call("a", limit):
        raise ZeroDivisionError

    assert passed(limits, "a", limit, 3) == 3
    with limits.call("a", limit), limits.call("a", limit):
        assert passed(limits, "a", limit, 1) == 0


def test_a_refused_call_uses_nothing_up(limits: CallLimits) -> None:
    """Who waits for a call under way does not lose their rate meanwhile."""
    limit = Limit(rate=3, concurrent=1)
    with limits.call("a", limit):
        passed(limits, "a", limit, 50)

    assert passed(limits, "a", limit, 50) == 2


def test_without_a_limit_every_call_passes(limits: CallLimits) -> None:
    """Nought is no limit."""
    with ExitStack() as under_way:
        for _ in range(500):
            under_way.enter_context(limits.call("a", Limit()))

    assert passed(limits, "a", Limit(), 500) == 500


def test_a_clock_that_jumps_back_locks_nobody_out(limits: CallLimits, clock: Clock) -> None:
    """Calls go on at the rate from there (reliability: G3)."""
    passed(limits, "a", Limit(rate=2), 2)
    clock.now -= 3600

    assert passed(limits, "a", Limit(rate=2), 2) == 0
    clock.now += 1
    assert passed(limits, "a", Limit(rate=2), 5) == 2


def test_quiet_clients_are_forgotten_and_busy_ones_are_not(clock: Clock) -> None:
    """Memory stays bounded; who has a call under way or called just now keeps its limit."""
    limits = CallLimits(clock=clock, most_kept=3)
    limit = Limit(rate=1, concurrent=1)
    with limits.call("busy", limit):
        clock.now += 10
        passed(limits, "just-now", limit, 1)
        for number in range(100):
            passed(limits, f"client-{number}", limit, 1)
            clock.now += 0.001

        assert passed(limits, "busy", limit, 1) == 0
        assert passed(limits, "just-now", limit, 1) == 0
    clock.now += 10
    passed(limits, "another", limit, 1)

    assert len(limits._buckets) <= 3


def test_threads_together_are_let_through_no_oftener(limits: CallLimits) -> None:
    """Eight threads, one client, one limit."""
    barrier, through = Barrier(8), list[int]()

    def call_often() -> None:
        barrier.wait()
        through.append(passed(limits, "a", Limit(rate=100), 50))

    threads = [Thread(target=call_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(through) == 100


@settings(deadline=None)
@given(
    rate=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=200),
)
def test_in_any_stretch_of_time_no_more_than_the_rate_passes(
    rate: int, pauses: list[float]
) -> None:
    """At most what time passes for, and one second's worth more."""
    clock = Clock()
    limits = CallLimits(clock=clock)
    through = 0
    for pause in pauses:
        clock.now += pause
        through += passed(limits, "a", Limit(rate=rate), 3)

    assert through <= rate * (sum(pauses) + 1) + 1e-6
