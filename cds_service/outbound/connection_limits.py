"""Connection limits: how many requests may be under way to one server at the same time."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True, kw_only=True)
class ConnectionLimit:
    """The connections to one server that are still free, each for one request at a time."""

    free: int
    _lock: Lock = field(default_factory=Lock)

    def acquire(self, wanted: int) -> int:
        """Acquire up to `wanted` connections at once, without waiting; how many there were."""
        with self._lock:
            acquired = min(wanted, self.free)
            self.free -= acquired
        return acquired

    def release(self) -> None:
        """Give one connection back."""
        with self._lock:
            self.free += 1
