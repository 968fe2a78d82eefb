"""What is held for each server between requests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from cds_service.outbound.circuit_breaker import CircuitBreaker
from cds_service.outbound.connection_limits import ConnectionLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server: whether it is worth a request just now, and how many it may have at a time."""

    circuit_breaker: CircuitBreaker
    connection_limit: ConnectionLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers met so far, by base address, with at most `connections` to each."""

    connections: int
    clock: Callable[[], float]
    _by_base: dict[str, Server] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def at(self, base: str) -> Server:
        """The server at `base`, the same for every request there."""
        with self._lock:
            if base not in self._by_base:
                self._by_base[base] = Server(
                    circuit_breaker=CircuitBreaker(clock=self.clock),
                    connection_limit=ConnectionLimit(free=self.connections),
                )
            return self._by_base[base]
