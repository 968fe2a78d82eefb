"""Reloading: the thread that has sets of policies tried, one after the other."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from cds_service.live.attempt import Attempt, Ending, Standing
from cds_service.live.candidate import Candidate
from cds_service.live.notices import note_attempt, note_fault
from cds_service.live.stage import Stage

T = TypeVar("T")

_AGAIN = 5.0  # seconds until what could not be had or kept is tried again
_LONGEST_WAIT = 1.0  # seconds between looks at the clock, which may be set
_NEVER = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """A candidate, and what becomes of it for whoever waits."""

    candidate: Candidate
    ended: Future[Attempt] = field(default_factory=Future)


class Reloader(Generic[T]):
    """The thread, from `start` to `close`; `note` is called after each attempt."""

    def __init__(
        self, stage: Stage[T], note: Callable[[Attempt, Standing], None], *, again: float = _AGAIN
    ) -> None:
        self._stage, self._note, self._again = stage, note, again
        self._inbox: SimpleQueue[_Request | None] = SimpleQueue()
        self._retry: tuple[Candidate, float] | None = None
        self._before = stage.standing
        self._is_closed = False
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="policy-reload", daemon=True)

    def start(self) -> None:
        """Take up requests from now on."""
        self._thread.start()

    def standing(self) -> Standing:
        """Which set is in service, and how the last attempt ended."""
        return self._stage.standing

    def request(self, candidate: Candidate) -> Future[Attempt]:
        """Have a set tried, after those asked for before; any thread may ask, a signal handler too.

        The future is cancelled if the service stops before.
        """
        request = _Request(candidate)
        self._inbox.put(request)
        if self._is_closed:
            request.ended.cancel()
        return request.ended

    def stop(self) -> None:
        """Take up no more; whoever waits for an attempt that is not under way gets none."""
        self._is_closed = True
        self._inbox.put(None)

    def close(self) -> None:
        """Stop, and wait for the attempt under way."""
        self.stop()
        if self._thread.is_alive():
            self._thread.join()
        for request in self._take(timeout=0):
            request.ended.cancel()

    def _run(self) -> None:
        requests: list[_Request] = []
        # A fault of the program in an attempt ends the attempt, in the pool, and not this thread.
        with ThreadPoolExecutor(1, "policy-set") as pool:
            while not self._is_closed:
                if (waits := self._stage.candidate) and self._stage.seconds_left() == 0:
                    self._end(pool, pool.submit(self._stage.go_live), waits)
                self._try_all(pool, self._due(requests))
                requests = self._take(timeout=self._seconds())
        for request in requests:
            request.ended.cancel()

    def _try_all(self, pool: ThreadPoolExecutor, requests: Iterable[_Request]) -> None:
        for candidate, waiting in _grouped(requests):
            self._forget(candidate)
            attempt = self._end(pool, pool.submit(self._stage.attempt, candidate), candidate)
            for request in waiting:
                if request.ended.set_running_or_notify_cancel():
                    request.ended.set_result(attempt)

    def _end(
        self, pool: ThreadPoolExecutor, work: Future[Attempt], candidate: Candidate
    ) -> Attempt:
        """What an attempt came to, noted."""
        before = self._before
        if fault := work.exception():
            note_fault(fault)
            attempt = self._stage.fault(
                candidate, f"a fault of the program: {type(fault).__name__}"
            )
        else:
            attempt = work.result()
        if attempt.ending is Ending.POSTPONED:
            self._retry = candidate, time.monotonic() + self._again
        note_attempt(attempt, before)
        self._before = self._stage.standing
        if fault := pool.submit(self._note, attempt, self._stage.standing).exception():
            note_fault(fault)
        return attempt

    def _take(self, timeout: float | None) -> list[_Request]:
        """All that has been asked for; waits for the first as long as nothing else is due."""
        requests: list[_Request] = []
        try:
            while True:
                if request := self._inbox.get(timeout=timeout):
                    requests.append(request)
                timeout = 0
        except Empty:
            return requests

    def _seconds(self) -> float | None:
        """How long nothing is due unless it is asked for; None for ever."""
        left = self._stage.seconds_left()
        due = _NEVER if left is None else min(left, _LONGEST_WAIT)
        if self._retry:
            due = min(due, max(0.0, self._retry[1] - time.monotonic()))
        return None if due == _NEVER else due

    def _due(self, requests: Iterable[_Request]) -> list[_Request]:
        """What has been asked for, after what is to be tried again by now."""
        if self._retry is None or self._retry[1] > time.monotonic():
            return list(requests)
        return [_Request(self._retry[0]), *requests]

    def _forget(self, candidate: Candidate) -> None:
        """What was to be tried again is not, once a set in its place has come."""
        if self._retry and (candidate.is_ordered or not self._retry[0].is_ordered):
            self._retry = None


def _grouped(requests: Iterable[_Request]) -> list[tuple[Candidate, list[_Request]]]:
    """The candidates in their order with those who wait for each.

    Those that are not ordered are one: whatever has changed is read once for all who noticed.
    """
    groups: list[tuple[Candidate, list[_Request]]] = []
    for request in requests:
        last = groups[-1] if groups else None
        if last and not (last[0].is_ordered or request.candidate.is_ordered):
            last[1].append(request)
        else:
            groups.append((request.candidate, [request]))
    return groups
