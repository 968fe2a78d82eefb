"""Connection limits: how many requests may be under way to one server at the same time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from cds_service.outbound.circuit_breaker import Breaker


@dataclass(slots=True, kw_only=True)
class Line:
    """What is held for one EHR between calls: its breaker, and its free lanes for requests at the same time."""

    breaker: Breaker
    _free: int
    _lock: Lock = field(default_factory=Lock)

    def take(self, wanted: int) -> int:
        """Take up to `wanted` lanes; how many there were."""
        with self._lock:
            taken = min(wanted, self._free)
            self._free -= taken
        return taken

    def give_back(self) -> None:
        """Free one lane."""
        with self._lock:
            self._free += 1


@dataclass(slots=True, kw_only=True)
class Lines:
    """One line an EHR base."""

    lanes: int
    clock: Callable[[], float]
    _by_base: dict[str, Line] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def to(self, base: str) -> Line:
        """The line to the EHR at `base`."""
        with self._lock:
            if base not in self._by_base:
                self._by_base[base] = Line(breaker=Breaker(clock=self.clock), _free=self.lanes)
            return self._by_base[base]
