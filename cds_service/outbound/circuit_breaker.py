"""The circuit breaker: whether a server is worth a request just now.

pybreaker holds its lock while the guarded request runs, which would put parallel requests in a row,
and takes no clock.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

from cds_service.errors import RequestFailed, ServerFailed

FAILURES_TO_OPEN = 5
SECONDS_OPEN = 30.0


@dataclass(slots=True, kw_only=True)
class CircuitBreaker:
    """Closed, open or half-open, for one server.

    Closed, it lets every request through, until `FAILURES_TO_OPEN` in a row have failed. Open, it
    lets none through for `SECONDS_OPEN`. Then it is half-open: it lets the requests of one call
    through as a trial, and closes if the server responds to one. `clock` is monotonic, in seconds.

    A row of failures with one token shows as much of the token as of the server: until a request
    with another token fails too, the breaker is open for that token alone.
    """

    clock: Callable[[], float]
    _failures: int = 0
    _failed_tokens: frozenset[bytes] = frozenset()  # digests: two at most, more tell no more
    _half_open_at: float = 0.0
    _trial: object | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def state(self) -> str:
        """`closed`, `open`, or `half-open`, when the next request is a trial."""
        with self._lock:
            if self._failures < FAILURES_TO_OPEN:
                return "closed"
            return "open" if self.clock() < self._half_open_at else "half-open"

    @contextmanager
    def guard(self, *, call: object | None = None, token: str = "") -> Iterator[None]:
        """Run one request, and count what it shows of the server.

        Requests of the same `call`, compared by identity, share a trial.

        Raises:
            RequestFailed: the breaker is open.
        """
        digest = sha256(token.encode()).digest()
        is_trial = self._enter(call, digest)
        try:
            yield
        except ServerFailed:
            self._fail(digest)
            raise
        except RequestFailed:
            # A failure of ours, such as an expired token, shows nothing of the server: neither
            # counted nor taken for a recovery. If it was the trial, the next request may be one.
            if is_trial:
                self._half_open_after(0)
            raise
        self._close()

    def _enter(self, call: object | None, digest: bytes) -> bool:
        """Whether the request let through belongs to the trial of a half-open breaker."""
        with self._lock:
            if not self._is_open_for(digest):
                return False
            if call is not None and call is self._trial:
                return True
            if self.clock() < self._half_open_at:
                raise RequestFailed("this server has failed too often just now")
            # Open again while the trial is under way, so that it stays the only one. A trial that
            # never ends does no harm: another is let through after the same pause.
            self._half_open_after(SECONDS_OPEN)
            self._trial = call
            return True

    def _is_open_for(self, digest: bytes) -> bool:
        if self._failures < FAILURES_TO_OPEN:
            return False
        return len(self._failed_tokens) > 1 or digest in self._failed_tokens

    def _fail(self, digest: bytes) -> None:
        with self._lock:
            self._failures += 1
            if len(self._failed_tokens) <= 1:
                self._failed_tokens |= {digest}
            self._half_open_after(SECONDS_OPEN)

    def _close(self) -> None:
        with self._lock:
            self._failures, self._failed_tokens, self._trial = 0, frozenset(), None

    def _half_open_after(self, seconds: float) -> None:
        self._half_open_at, self._trial = self.clock() + seconds, None
