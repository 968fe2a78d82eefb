"""Limits over all processes on a store: exact or stricter, few questions, nobody starved."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from threading import Thread

import pytest
from sqlalchemy import Engine, update

from cds_service.access.limits import Limit
from cds_service.access.shared_limits import SharedLimits
from cds_service.database.engine import open_engine, writing
from cds_service.database.leases import Exchange, StoreLeases, Wish
from cds_service.database.migrations import migrate
from cds_service.database.store_time import read_time
from cds_service.database.tables import LEASE
from cds_service.errors import TooMany


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with this release's tables."""
    opened = open_engine(database_url)
    migrate(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def processes(engine: Engine) -> Iterator[Sequence[SharedLimits]]:
    """The limits of three processes on one store."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(SharedLimits(StoreLeases(engine, f"process-{number}"))))
            for number in range(3)
        ]


class Counted:
    """Leases that count how often they are asked."""

    def __init__(self, leases: StoreLeases) -> None:
        self._leases, self.asked = leases, 0

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        self.asked += 1
        return self._leases.exchange(wishes)

    def close(self) -> None:
        self._leases.close()


class Scripted:
    """Leases of a store that is there or away, as a test wants it; it has no token."""

    def __init__(self, processes: int) -> None:
        self.processes, self.is_away = processes, False

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:  # noqa: ARG002
        return None if self.is_away else Exchange(processes=self.processes, grants=())

    def close(self) -> None:
        """Nothing is held."""


def passes(limits: SharedLimits, limit: Limit) -> bool:
    """Whether a call is let through."""
    try:
        with limits.call("north", limit):
            return True
    except TooMany:
        return False


def await_true(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return once something holds, or fail."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_rate_is_that_of_all_processes_together(processes: Sequence[SharedLimits]) -> None:
    """At most what time passes for, and one second's worth more, whoever is called."""
    limit, through = Limit(rate=20), list[int]()
    begun = time.monotonic()

    def call_often(limits: SharedLimits) -> None:
        while time.monotonic() < begun + 1.5:
            through.append(passes(limits, limit))

    threads = [Thread(target=call_often, args=(limits,)) for limits in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lasted = time.monotonic() - begun

    assert 20 <= sum(through) <= 20 * (lasted + 1) + 1e-6


def test_a_low_rate_is_not_held_by_a_process_that_does_not_use_it(
    processes: Sequence[SharedLimits],
) -> None:
    """Three calls a second, each at another process, all come through at once."""
    assert [passes(limits, Limit(rate=3)) for limits in processes] == [True, True, True]
    assert [passes(limits, Limit(rate=3)) for limits in processes] == [False, False, False]


def test_most_calls_ask_nothing(engine: Engine) -> None:
    """A share is taken at once for many calls."""
    leases = Counted(StoreLeases(engine, "process"))
    with closing(SharedLimits(leases)) as limits:
        let_through = [passes(limits, Limit(rate=1000)) for _ in range(200)]

    assert all(let_through)
    assert leases.asked < 100


def test_without_a_limit_nothing_is_asked(engine: Engine) -> None:
    """No thread, no question."""
    leases = Counted(StoreLeases(engine, "process"))
    with closing(SharedLimits(leases)) as limits:
        assert all(passes(limits, Limit()) for _ in range(100))

    assert leases.asked == 0


def test_calls_at_a_time_are_those_of_all_processes(processes: Sequence[SharedLimits]) -> None:
    """The third is refused wherever it comes; once one has ended another may begin elsewhere."""
    first, second, third = processes
    limit = Limit(concurrent=2)
    with first.call("north", limit):
        with second.call("north", limit):
            assert not passes(third, limit)
            assert not passes(first, limit)
        await_true(lambda: passes(third, limit))


def test_one_call_at_a_time_may_go_from_process_to_process(
    processes: Sequence[SharedLimits],
) -> None:
    """A proxy sends each call of a client elsewhere: no slot lies idle where it was used last."""
    await_true(lambda: passes(processes[0], Limit(concurrent=1)))
    await_true(lambda: passes(processes[1], Limit(concurrent=1)))
    await_true(lambda: passes(processes[2], Limit(concurrent=1)))


def test_the_slots_of_a_process_that_died_come_back(engine: Engine) -> None:
    """By the database's clock: what is not renewed lapses."""
    dead, other = StoreLeases(engine, "dead"), StoreLeases(engine, "other")
    wish = Wish(client="north", rate=0, concurrent=2, slots=2)
    granted = [_slots(leases, wish) for leases in (dead, other)]
    with writing(engine) as connection:
        now = read_time(connection)
        held = LEASE.c.process == "dead"
        connection.execute(update(LEASE).where(held).values(slots_until=now))

    assert granted == [2, 0]
    assert _slots(other, wish) == 2
    dead.close()
    other.close()


def _slots(leases: StoreLeases, wish: Wish) -> int:
    exchange = leases.exchange([wish])
    assert exchange
    return exchange.grants[0].slots


def test_tokens_that_lie_elsewhere_count_against_what_there_is(engine: Engine) -> None:
    """What all hold and what is left never is more than a second's worth."""
    first, second = StoreLeases(engine, "first"), StoreLeases(engine, "second")
    wish = Wish(client="north", rate=1, concurrent=0, spare=1)
    exchanges = [leases.exchange([wish]) for leases in (first, second)]

    assert [found.grants[0].tokens for found in exchanges if found] == [1, 0]
    first.close()
    second.close()


def test_while_the_store_is_away_a_process_lets_through_its_part() -> None:
    """A fourth of eight, for there were four; never none; and of calls at a time likewise."""
    leases = Scripted(processes=4)
    with closing(SharedLimits(leases)) as limits:
        with limits.call("warm", Limit(concurrent=0, rate=0)):
            pass
        leases.is_away = True
        begun = time.monotonic()
        through = sum(passes(limits, Limit(rate=8)) for _ in range(100))
        lasted = time.monotonic() - begun

        assert 1 <= through <= 2 * (lasted + 1)


def test_of_calls_at_a_time_a_part_too_while_the_store_is_away() -> None:
    """Where the number of processes never was known, one."""
    leases = Scripted(processes=0)
    leases.is_away = True
    with closing(SharedLimits(leases)) as limits, limits.call("north", Limit(concurrent=8)):
        assert not passes(limits, Limit(concurrent=8))
