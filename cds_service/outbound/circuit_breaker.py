"""The circuit breaker: whether an EHR is worth trying just now.

pybreaker holds its lock while the guarded call runs, which would put parallel queries in a row, and takes no clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from cds_service.outbound.problem import Problem, Unwell

FAILURES_TO_OPEN = 5
SECONDS_OPEN = 30.0


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Leaves an EHR alone for a while after several failures in a row, then lets one request through to see."""

    clock: Callable[[], float]
    _failures: int = 0
    _retry_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one request, and take note of how the EHR did; any other problem says nothing about it.

        Raises:
            Problem: the EHR is left alone just now.
        """
        is_trial = self._enter()
        try:
            yield
        except Unwell:
            self._fail()
            raise
        except Problem:
            if is_trial:
                self._retry_after(0)
            raise
        self._recover()

    def _enter(self) -> bool:
        """Whether the request let through is the trial of a breaker half open: the first after the pause."""
        with self._lock:
            is_open = self._failures >= FAILURES_TO_OPEN
            if is_open and self.clock() < self._retry_at:
                raise Problem("this EHR has failed too often just now")
            self._retry_after(
                SECONDS_OPEN
            )  # holds the others back until the trial is settled, or lost
            return is_open

    def _fail(self) -> None:
        with self._lock:
            self._failures += 1
            self._retry_after(SECONDS_OPEN)

    def _recover(self) -> None:
        with self._lock:
            self._failures = 0

    def _retry_after(self, seconds: float) -> None:
        self._retry_at = self.clock() + seconds
