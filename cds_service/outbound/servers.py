"""What is held for each server between requests."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from cds_service.outbound.access import Origin, limits_origin
from cds_service.outbound.circuit_breaker import CircuitBreaker
from cds_service.outbound.connection_limits import ConnectionLimit

MOST_SERVERS = 256
STATES = ("closed", "open", "half-open")  # of a circuit breaker


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server: whether it is worth a request just now, and how many it may have at a time."""

    circuit_breaker: CircuitBreaker
    connection_limit: ConnectionLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The servers met last, `MOST_SERVERS` at most, with at most `connections` to each.

    A server is a scheme, host and port: whatever the paths, the same machine has the work.
    """

    connections: int
    clock: Callable[[], float]
    _by_origin: OrderedDict[Origin, Server] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def at(self, base: str) -> Server:
        """The server at `base`, an address that was checked; the same for every request there."""
        origin = limits_origin(base)
        with self._lock:
            server = self._by_origin.pop(origin, None) or self._new()
            self._by_origin[origin] = server
            if len(self._by_origin) > MOST_SERVERS:
                self._by_origin.popitem(last=False)
            return server

    def states(self) -> Mapping[str, int]:
        """How many servers there are by the state of their circuit breaker."""
        with self._lock:
            servers = tuple(self._by_origin.values())
        counted = Counter(server.circuit_breaker.state for server in servers)
        return {state: counted[state] for state in STATES}

    def _new(self) -> Server:
        return Server(
            circuit_breaker=CircuitBreaker(clock=self.clock),
            connection_limit=ConnectionLimit(self.connections),
        )
