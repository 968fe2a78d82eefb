"""Connection limits: how many requests may be under way to one server at the same time."""

from threading import Condition
from time import monotonic

PATIENCE = 0.25  # seconds that a call waits for a connection
QUIET = 0.1  # seconds: a server that frees none of its connections for so long is slow


class ConnectionLimit:
    """The `connections` to one server, each for one request at a time.

    Who finds none free waits for one, as long as the server goes on freeing them: a burst of calls
    is no reason to refuse some, but a server that is slow or dead must not hold up threads that
    others need. `patience` and `quiet` are seconds.
    """

    def __init__(
        self, connections: int, *, patience: float = PATIENCE, quiet: float = QUIET
    ) -> None:
        self._free, self._patience, self._quiet = connections, patience, quiet
        self._moved_at = monotonic()  # when one was acquired or released last
        self._moved = Condition()

    def acquire(self, wanted: int, seconds: float = PATIENCE) -> int:
        """Acquire up to `wanted` connections at once, in so many seconds; how many there were."""
        with self._moved:
            if wanted:
                self._await_one(until=monotonic() + min(seconds, self._patience))
            acquired = min(wanted, self._free)
            if acquired:
                self._free -= acquired
                self._moved_at = monotonic()
            return acquired

    def _await_one(self, until: float) -> None:
        """Wait for a free connection, up to this time, unless the server frees none."""
        while not self._free:
            left = min(until, self._moved_at + self._quiet) - monotonic()
            if left <= 0:
                return
            self._moved.wait(left)

    def release(self) -> None:
        """Give one connection back."""
        with self._moved:
            self._free += 1
            self._moved_at = monotonic()
            self._moved.notify()
