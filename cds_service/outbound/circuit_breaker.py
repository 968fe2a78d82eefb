"""The circuit breaker: whether a server is worth a request just now.

pybreaker holds its lock while the guarded request runs, which would put parallel requests in a row,
and takes no clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from cds_service.errors import RequestFailed, ServerFailed

FAILURES_TO_OPEN = 5
SECONDS_OPEN = 30.0


@dataclass(slots=True, kw_only=True)
class CircuitBreaker:
    """Closed, open or half-open, for one server.

    Closed, it lets every request through, until `FAILURES_TO_OPEN` in a row have failed. Open, it
    lets none through for `SECONDS_OPEN`. Then it is half-open: it lets one through as a trial, and
    closes if the server responds. `clock` is monotonic, in seconds.
    """

    clock: Callable[[], float]
    _failures: int = 0
    _half_open_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Run one request, and count what it shows of the server.

        Raises:
            RequestFailed: the breaker is open.
        """
        is_trial = self._enter()
        try:
            yield
        except ServerFailed:
            self._fail()
            raise
        except RequestFailed:
            # A failure of ours, such as an expired token, shows nothing of the server: neither
            # counted nor taken for a recovery. If it was the trial, the next request may be one.
            if is_trial:
                self._half_open_after(0)
            raise
        self._close()

    def _enter(self) -> bool:
        """Whether the request let through is the trial of a half-open breaker."""
        with self._lock:
            if self._failures < FAILURES_TO_OPEN:
                return False
            if self.clock() < self._half_open_at:
                raise RequestFailed("this server has failed too often just now")
            # Open again while the trial is under way, so that it stays the only one. A trial that
            # never ends does no harm: another is let through after the same pause.
            self._half_open_after(SECONDS_OPEN)
            return True

    def _fail(self) -> None:
        with self._lock:
            self._failures += 1
            self._half_open_after(SECONDS_OPEN)

    def _close(self) -> None:
        with self._lock:
            self._failures = 0

    def _half_open_after(self, seconds: float) -> None:
        self._half_open_at = self.clock() + seconds
