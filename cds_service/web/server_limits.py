"""What a server takes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Its limits: threads, connections, large bodies at a time, bytes, seconds.

    No hook's client waits as long as `wait_seconds` (CRD found-2): a call that has waited so long
    for a thread is refused, for its answer would reach nobody. No call takes `stuck_seconds`: where
    one waits that long, and no thread takes another meanwhile, they do not come back.
    """

    threads: int = 32
    connections: int = 1000
    large_bodies: int = 2
    max_body: int = 4 << 20
    request_seconds: float = 20.0
    wait_seconds: float = 10.0
    stuck_seconds: float = 30.0
    stop_seconds: float = 30.0
