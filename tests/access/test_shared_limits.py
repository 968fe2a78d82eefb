"""Limits over all processes on a store: exact or stricter, few questions, nobody starved."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from threading import Thread

import pytest
from sqlalchemy import Engine, event, select, update

from cds_service.access.limits import Limit
from cds_service.access.shared_limits import SharedLimits
from cds_service.database.engine import open_engine, reading, writing
from cds_service.database.granting import Grant, Wish
from cds_service.database.leases import Exchange, StoreLeases
from cds_service.database.migrations import migrate
from cds_service.database.store_time import read_time
from cds_service.database.tables import LEASE, POLICY_SET
from cds_service.errors import TooMany
from cds_service.live.serving import Instance, Serving, write_serving


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
    """Leases that count how often they are asked, and for how many clients at most."""

    def __init__(self, leases: StoreLeases) -> None:
        self._leases, self.asked, self.most = leases, 0, 0

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        self.asked, self.most = self.asked + 1, max(self.most, len(wishes))
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


class Slow:
    """Leases of a store that answers slowly."""

    def __init__(self, leases: StoreLeases, seconds: float) -> None:
        self._leases, self._seconds = leases, seconds

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        found = self._leases.exchange(wishes)
        time.sleep(self._seconds)
        return found

    def close(self) -> None:
        self._leases.close()


def test_a_store_that_takes_most_of_a_second_refuses_nobody(engine: Engine) -> None:
    """Calls wait for their exchange, and what it brings has not lapsed on the way."""
    with closing(SharedLimits(Slow(StoreLeases(engine, "process"), 0.8))) as limits:
        assert passes(limits, Limit(rate=20, concurrent=4))
        assert passes(limits, Limit(rate=20, concurrent=4))


def test_many_clients_cost_a_store_as_many_statements_as_one(engine: Engine) -> None:
    """However far it is, an exchange for a hundred takes no longer than one for one."""
    statements = list[str]()
    event.listen(engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    leases, counts = StoreLeases(engine, "process"), list[int]()
    for clients in (1, 100):
        statements.clear()
        wishes = [
            Wish(client=f"client-{number}", rate=10, concurrent=2, needed=1, slots=1)
            for number in range(clients)
        ]
        found = leases.exchange(wishes)
        assert found
        assert [(grant.tokens, grant.slots) for grant in found.grants] == [(1, 1)] * clients
        counts.append(len(statements))
    leases.close()

    assert counts[0] == counts[1]


class Generous:
    """Leases of a store that grants all; `most` is the most clients it was asked for at once."""

    def __init__(self) -> None:
        self.most = 0

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        self.most = max(self.most, len(wishes))
        grants = [
            Grant(client=wish.client, tokens=wish.needed, slots=wish.slots, wait=0.0)
            for wish in wishes
        ]
        return Exchange(processes=1, grants=tuple(grants))

    def close(self) -> None:
        """Nothing is held."""


def test_clients_are_exchanged_a_hundred_at_a_time() -> None:
    """Whoever waits for one does not wait for all the others; and none is left out."""
    leases = Generous()
    with closing(SharedLimits(leases)) as limits, ExitStack() as under_way:
        for number in range(250):
            under_way.enter_context(limits.call(f"client-{number}", Limit(concurrent=4)))
        await_true(lambda: leases.most > 1)
        time.sleep(2.5)

        assert leases.most == 100
        assert all(passes(limits, Limit(concurrent=4)) for _ in range(3))


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


def test_a_clock_set_back_keeps_no_slot_of_a_dead_process_for_as_long(engine: Engine) -> None:
    """A lease that lapses in an hour was written before: it counts for as long as a new one."""
    dead, other = StoreLeases(engine, "dead"), StoreLeases(engine, "other")
    wish = Wish(client="north", rate=0, concurrent=2, slots=2)
    assert _slots(dead, wish) == 2
    with writing(engine) as connection:
        hour = read_time(connection) + timedelta(hours=1)
        connection.execute(update(LEASE).values(tokens_until=hour, slots_until=hour))
        since = read_time(connection)
    assert _slots(other, wish) == 0
    with reading(engine) as connection:
        until = connection.execute(
            select(LEASE.c.slots_until).where(LEASE.c.process == "dead")
        ).scalar_one()

    assert until - since < timedelta(seconds=60)
    dead.close()
    other.close()


def test_a_clock_set_back_counts_no_dead_process_for_as_long(engine: Engine) -> None:
    """What was seen in an hour was seen before: it is there for half a minute, as any other."""
    with writing(engine) as connection:
        hour, since = read_time(connection) + timedelta(hours=1), read_time(connection)
        served = Serving(digest="d", source="directories", since=since)
        write_serving(connection, Instance(id="dead", host="h", process=1), served, hour)
        write_serving(connection, Instance(id="alive", host="h", process=2), served, since)
    leases = StoreLeases(engine, "alive")
    found = leases.exchange([])
    leases.close()
    with reading(engine) as connection:
        seen = list(connection.scalars(select(POLICY_SET.c.seen)))

    assert found
    assert found.processes == 2
    assert max(seen) - since < timedelta(minutes=5)


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
