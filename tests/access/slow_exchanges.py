"""Processes that share one client's limits through a slow store, in simulated time.

The shares and what the store grants are the real ones; calls, the way to the store and its clock
are not. The store reads its clock and writes at one moment, between a request and a response that
each take a while.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from cds_service.access.limits import Limit
from cds_service.access.shares import Share
from cds_service.database.granting import Balance, Grant, Holding, Wish, bound_holding, grant
from cds_service.errors import TooMany

CLIENT = "north"
RENEWED_EVERY = 1.0  # seconds
_BEGIN = datetime(2026, 11, 27, 9, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class SimulatedStore:
    """What is left of the client's limits and who holds of them; `set_back` moves its clock."""

    limit: Limit
    behind: float = 0.0
    _balance: Balance | None = None
    _holdings: dict[str, Holding] = field(default_factory=dict)

    def grant(self, process: str, wish: Wish, at: float) -> Grant:
        """Grant a wish at a moment of simulated time."""
        now = _BEGIN + timedelta(seconds=at - self.behind)
        balance = self._balance or Balance(tokens=float(self.limit.rate), at=now)
        self._holdings = {
            name: bound_holding(holding, now) for name, holding in self._holdings.items()
        }
        granted, self._balance, held = grant(
            wish, process, balance, list(self._holdings.values()), now
        )
        self._holdings[process] = held
        return granted


@dataclass(slots=True, kw_only=True)
class SimulatedProcess:
    """One process: calls come, an exchange at a time is under way, and it may die or be cut off."""

    name: str
    share: Share
    joined_from: float = 0.0
    is_asking: bool = False
    is_dead: bool = False
    waiting: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Simulation:
    """`delays` are the seconds of each way to the store and back, one after the other.

    `passed` are the times of calls that were let through, `most_under_way` their greatest number
    at a time.
    """

    limit: Limit
    processes: int
    delays: Iterator[float]
    now: float = 0.0
    passed: list[float] = field(default_factory=list)
    refused: int = 0
    most_under_way: int = 0
    _under_way: int = 0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _all: list[SimulatedProcess] = field(default_factory=list)
    store: SimulatedStore = field(init=False)

    def __post_init__(self) -> None:
        """Start all processes."""
        self.store = SimulatedStore(limit=self.limit)
        for number in range(self.processes):
            share = Share(client=CLIENT, limit=self.limit)
            process = SimulatedProcess(name=f"process-{number}", share=share)
            self._all.append(process)
            self._renew(process)

    def call(self, at: float, number: int, seconds: float) -> None:
        """Have a call come to a process."""
        process = self._all[number % self.processes]
        self.plan(at, lambda: self._come(process, seconds))

    def die(self, at: float, number: int) -> None:
        """Have a process and its calls end, with all it holds."""
        process = self._all[number % self.processes]
        self.plan(at, lambda: self._end(process))

    def cut_off(self, at: float, number: int, seconds: float) -> None:
        """Have what the store answers a process get lost for a while."""
        process = self._all[number % self.processes]

        def cut() -> None:
            process.joined_from = self.now + seconds

        self.plan(at, cut)

    def set_back(self, at: float, seconds: float) -> None:
        """Set the clock of the store back."""

        def set_clock() -> None:
            self.store.behind += seconds

        self.plan(at, set_clock)

    def plan(self, at: float, work: Callable[[], None]) -> None:
        """Have something done at a time."""
        heapq.heappush(self._events, (at, next(self._order), work))

    def run(self, until: float) -> None:
        """Do all that is planned until then."""
        while self._events and self._events[0][0] <= until:
            self.now, _, work = heapq.heappop(self._events)
            work()

    def _come(self, process: SimulatedProcess, seconds: float) -> None:
        if process.is_dead:
            return
        share = process.share
        share.last_call = self.now
        if share.take(self.now):
            self._passes(process, seconds)
            return
        share.waiting += 1
        process.waiting.append((seconds, share.begun))
        self._ask(process)

    def _passes(self, process: SimulatedProcess, seconds: float) -> None:
        self.passed.append(self.now)
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        self.plan(self.now + seconds, lambda: self._leaves(process))
        if process.share.has_unreported(self.processes):
            self._ask(process)

    def _leaves(self, process: SimulatedProcess) -> None:
        if not process.is_dead:
            self._under_way -= 1
            process.share.under_way -= 1

    def _end(self, process: SimulatedProcess) -> None:
        if not process.is_dead:
            process.is_dead = True
            self._under_way -= process.share.under_way

    def _renew(self, process: SimulatedProcess) -> None:
        if not process.share.is_quiet(self.now):
            self._ask(process)
        self.plan(self.now + RENEWED_EVERY, lambda: self._renew(process))

    def _ask(self, process: SimulatedProcess) -> None:
        if process.is_asking or process.is_dead:
            return
        process.is_asking, asked = True, self.now
        wish = process.share.wish(self.now, self.processes)

        def reach_store() -> None:
            granted = self.store.grant(process.name, wish, self.now)
            self.plan(self.now + next(self.delays), lambda: come_back(granted))

        def come_back(granted: Grant) -> None:
            process.is_asking = False
            if process.is_dead:
                return
            if self.now >= process.joined_from:
                process.share.hold(wish, granted, asked, self.now)
            self._answer(process)

        self.plan(self.now + next(self.delays), reach_store)

    def _answer(self, process: SimulatedProcess) -> None:
        """Let through, or refuse, or have wait on, the calls that wait for the store."""
        share, waiting = process.share, process.waiting
        process.waiting = []
        for seconds, asked_before in waiting:
            share.waiting -= 1
            if share.take(self.now):
                self._passes(process, seconds)
            elif self.now < process.joined_from or self._is_refused(
                share, is_answered=share.answered > asked_before
            ):
                self.refused += 1
            else:
                share.waiting += 1
                process.waiting.append((seconds, asked_before))
        if process.waiting:
            self._ask(process)

    def _is_refused(self, share: Share, *, is_answered: bool) -> bool:
        try:
            share.check_rate(self.now, is_answered=is_answered)
        except TooMany:
            return True
        return is_answered and not share.has_slot(self.now)
