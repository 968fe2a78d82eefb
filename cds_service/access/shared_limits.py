"""Limits of all processes on a store together, by leases, so that few calls ask the database.

`rate` is exact or stricter over all processes and hosts; so is `concurrent`, but that the calls
under way of a process that died count for up to five seconds more. A call asks only when its
process holds nothing for its client; then one thread asks for all that wait. A store that answers
slowly has calls wait, and is asked as often as it answers. While it is away, or does not answer in
time, each process lets through its part: the limits divided by the processes that were there last,
but a call at least. A process that is cut off alone comes on top of the others with that part, and
of concurrent calls, those that had been let through before.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from typing import Protocol

from cds_service.access.limits import Limit
from cds_service.access.shares import Share, too_many
from cds_service.database.granting import Wish
from cds_service.database.leases import Exchange

_LOG = logging.getLogger("cds_service.access")
_EVERY = 1.0  # seconds between two renewals, and between two tries of a store that is away
# Seconds that a call waits for a store that is slow: for an exchange under way, and its own.
_PATIENCE = 2.5
_SLOT_PATIENCE = 0.25  # … and for the slot of another call, where all are taken
_STOP_SECONDS = 5.0  # the most a stop waits for the exchange under way
_TOGETHER = 100  # clients in one exchange, so that whoever waits does not wait for all the others


class Leases(Protocol):
    """Where leases come from."""

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        """Renew, ask and give back, all at once; None: the store is away."""

    def close(self) -> None:
        """Give back all."""


@dataclass(frozen=True, slots=True)
class _Asked:
    share: Share
    wish: Wish


class SharedLimits:
    """The limits of all clients; a thread of its own asks for leases, from the first call on."""

    def __init__(self, leases: Leases, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._leases, self._clock = leases, clock
        self._shares: dict[str, Share] = {}
        self._due: set[str] = set()
        self._renewing: list[str] = []  # what is left of a renewal that takes several exchanges
        self._processes = 0  # not known yet
        self._is_away = self._is_closed = False
        lock = Lock()
        self._asked, self._answered = Condition(lock), Condition(lock)
        self._thread: Thread | None = None

    @contextmanager
    def call(self, client: str, limit: Limit) -> Iterator[None]:
        """See Limits."""
        if not limit.rate and not limit.concurrent:
            yield
            return
        with self._asked:
            share = self._enter(client, limit)
        try:
            yield
        finally:
            with self._asked:
                self._leave(share)

    def close(self) -> None:
        """Give all back; whatever is called later is let through by this process's part."""
        with self._asked:
            self._is_closed = self._is_away = True
            self._asked.notify_all()
        if self._thread:
            self._thread.join(_STOP_SECONDS)
        self._leases.close()

    def _enter(self, client: str, limit: Limit) -> Share:
        share = self._share(client, limit)
        share.last_call = came = now = self._clock()
        asked_before = share.begun
        while not self._is_away and not share.take(now):
            is_answered = share.answered > asked_before
            share.check_rate(now, is_answered=is_answered)
            if is_answered and now >= came + _SLOT_PATIENCE and not share.has_slot(now):
                raise too_many(limit)
            if now >= came + _PATIENCE:
                self._note_away(is_away=True)
                self._answered.notify_all()
                break
            self._wait(share, came + _PATIENCE - now, now)
            now = self._clock()
        else:
            if not self._is_away:
                self._report(share)
                return share
        share.take_alone(now, self._processes)
        return share

    def _report(self, share: Share) -> None:
        """Have the store know soon that calls have passed, where others wait for it."""
        if share.has_unreported(self._processes):
            self._due.add(share.client)
            self._asked.notify()

    def _share(self, client: str, limit: Limit) -> Share:
        if self._thread is None and not self._is_closed:
            # A daemon: a program that exits without `close` must not hang.
            self._thread = Thread(target=self._run, name="client-limits", daemon=True)
            self._thread.start()
        share = self._shares.get(client)
        if share is None:
            share = self._shares[client] = Share(client=client, limit=limit)
        share.limit = limit
        return share

    def _wait(self, share: Share, longest: float, now: float) -> None:
        """Have the store asked, and wait for what comes of it, or for a slot here."""
        pause = share.next_ask(now)
        share.waiting += 1
        if not pause:
            self._due.add(share.client)
            self._asked.notify()
        self._answered.wait(min(longest, pause or longest))
        share.waiting -= 1

    def _leave(self, share: Share) -> None:
        share.under_way -= 1
        if share.waiting:
            self._answered.notify_all()
        elif not self._is_away and share.has_too_many(self._processes):
            self._due.add(share.client)
            self._asked.notify()

    def _run(self) -> None:
        renew_from = self._clock()
        while True:
            with self._asked:
                while not self._is_closed and (left := renew_from - self._clock()) > 0:
                    if self._renewing or (self._due and not self._is_away):
                        break
                    self._asked.wait(left)
                if self._is_closed:
                    return
                if not self._renewing and self._clock() >= renew_from:
                    renew_from = self._clock() + _EVERY
                    self._begin_renewal()
                asked = self._next_wishes()
            self._exchange(asked)

    def _begin_renewal(self) -> None:
        now = self._clock()
        self._renewing = [
            share.client for share in self._shares.values() if not share.is_quiet(now)
        ]

    def _next_wishes(self) -> Sequence[_Asked]:
        """What to ask for next: what calls wait for first, then what is held."""
        now, chosen = self._clock(), list(self._due)[:_TOGETHER]
        self._due.difference_update(chosen)
        left = _TOGETHER - len(chosen)
        renewed, self._renewing = self._renewing[:left], self._renewing[left:]
        shares = [self._shares[client] for client in dict.fromkeys((*chosen, *renewed))]
        return [_Asked(share, share.wish(now, self._processes)) for share in shares]

    def _exchange(self, asked: Sequence[_Asked]) -> None:
        begun = self._clock()
        found = self._leases.exchange([part.wish for part in asked])
        with self._asked:
            if found:
                self._processes = found.processes
                grants, now = {grant.client: grant for grant in found.grants}, self._clock()
                for part in asked:
                    part.share.hold(part.wish, grants[part.wish.client], begun, now)
            else:
                self._renewing.clear()
            self._note_away(is_away=found is None)
            self._answered.notify_all()

    def _note_away(self, *, is_away: bool) -> None:
        if is_away == self._is_away or self._is_closed:
            return
        self._is_away = is_away
        for share in self._shares.values():
            share.leave_alone()
        if is_away:
            _LOG.warning(
                "the store cannot be asked for the limits of clients: this process lets through "
                "its part of them",
                extra={"event": "limits-alone", "count": self._processes},
            )
        else:
            _LOG.info("limits are those of all processes again", extra={"event": "limits-shared"})
