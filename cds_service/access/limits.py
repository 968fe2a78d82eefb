"""How often and how many at a time a client may call, so that none takes the service from others.

Here the buckets are in the memory of one process; `shared_limits` are those of all on a store.
Where anyone may call, all share one bucket: an address is no client, for behind a proxy all have
the same one.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from cds_service.errors import TooMany

MOST_KEPT = 10_000  # clients; those that are quiet are forgotten first, at no one's loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most calls a second and at a time, as whole numbers; 0 is no limit."""

    rate: int = 0
    concurrent: int = 0


class Limits(Protocol):
    """The limits of all clients."""

    def call(self, client: str, limit: Limit) -> AbstractContextManager[None]:
        """A call of the client under this name, while it lasts; 0 of a limit is none.

        Raises:
            TooMany: it has made more than the limit lets through just now; says which limit.
        """

    def close(self) -> None:
        """Let go of all held, once no call is under way."""


@dataclass(slots=True, kw_only=True)
class Bucket:
    """What one client may call now: `tokens` as of the time `at`, and the calls `under_way`."""

    tokens: float
    at: float
    under_way: int = 0

    def fill(self, rate: float, now: float, *, most: float) -> None:
        """Fill it up to `most`: so many calls may come at once."""
        # A clock that jumped back takes nothing away.
        self.tokens = min(most, self.tokens + max(0.0, now - self.at) * rate)
        self.at = now


@dataclass(slots=True, kw_only=True)
class CallLimits:
    """The calls of every client, each in a bucket of its own; `clock` is monotonic, in seconds."""

    clock: Callable[[], float]
    most_kept: int = MOST_KEPT
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def call(self, client: str, limit: Limit) -> Iterator[None]:
        """A call of the client under this name, while it lasts.

        Raises:
            TooMany: it has made more than the limit lets through just now; says which limit.
        """
        with self._lock:
            bucket = self._enter(client, limit)
        try:
            yield
        finally:
            with self._lock:
                bucket.under_way -= 1

    def close(self) -> None:
        """Nothing is held."""

    def _enter(self, client: str, limit: Limit) -> Bucket:
        now = self.clock()
        bucket = self._buckets.get(client)
        if bucket is None:
            self._forget_quiet(now)
            bucket = self._buckets[client] = Bucket(tokens=float(limit.rate), at=now)
        bucket.fill(limit.rate, now, most=limit.rate)
        if limit.concurrent and bucket.under_way >= limit.concurrent:
            raise TooMany(f"{limit.concurrent} calls at a time are all that this client has", 1)
        if limit.rate:
            _take(bucket, limit.rate)
        bucket.under_way += 1
        return bucket

    def _forget_quiet(self, now: float) -> None:
        """Forget who has no call under way and made none for a second: their buckets are full."""
        if len(self._buckets) < self.most_kept:
            return
        busy = {
            client: bucket
            for client, bucket in self._buckets.items()
            if bucket.under_way or now - bucket.at < 1
        }
        self._buckets.clear()
        self._buckets.update(busy)


def _take(bucket: Bucket, rate: int) -> None:
    if bucket.tokens < 1:
        raise TooMany(f"{rate} calls a second are all that this client has", 1)
    bucket.tokens -= 1
