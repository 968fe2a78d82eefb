"""The keys of clients as they publish them, kept so that an outage of theirs is none of ours.

PyJWKClient waits for each fetch, follows redirects, reads any size, and forgets keys it cannot
fetch again. Here a fetch runs beside the calls: one at a time for a `jku`, with a pause after one
that failed or did not have the key that it was for.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from cds_service.access.causes import Cause
from cds_service.access.clients import Client
from cds_service.access.signing_keys import KeySet, SigningKey
from cds_service.errors import RequestFailed, Unauthorized

BUDGET = 0.5  # seconds that a call waits for a fetch, counted from the start of the fetch
COOL_DOWN = 30.0  # seconds without a fetch after one that failed, or lacked the key sought
FRESH = 600.0  # seconds after which keys are fetched again: so long a key taken back still works
STALE = 86_400.0  # seconds for which known keys work although they cannot be fetched
WORKERS = 8  # fetches under way; a client whose server hangs holds up one, and not for long

_LOG = logging.getLogger("cds_service.access")


class FetchKeys(Protocol):
    """Where keys come from."""

    def fetch(self, client: Client) -> KeySet:
        """The keys at the client's `jku`.

        Raises:
            RequestFailed: there are none that can be used.
        """


@dataclass(slots=True, kw_only=True)
class _Published:
    """What is known of one `jku`; times are of the clock, in seconds."""

    keys: KeySet | None = None
    fetched_at: float = 0.0
    quiet_until: float = float("-inf")
    started_at: float = 0.0
    fetching: "Future[None] | None" = None
    lock: Lock = field(default_factory=Lock)

    def find(self, kid: str, now: float) -> SigningKey | None:
        """A key that may still be used, if there is one."""
        if self.keys is None or now - self.fetched_at >= STALE:
            return None
        return self.keys.keys.get(kid)


class KeyCache:
    """The keys of all clients: inline ones, and those at their `jku`.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self, clients: Iterable[Client], source: FetchKeys, clock: Callable[[], float]
    ) -> None:
        self._source = source
        self._clock = clock
        # By client, not by `jku`: how far a connection may lead is the client's.
        self._fetched = {client.name: client for client in clients if not client.keys}
        self._published = {name: _Published() for name in self._fetched}
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="keys")

    def close(self) -> None:
        """Wait for fetches under way, which end by themselves; begin no other."""
        self._workers.shutdown(cancel_futures=True)

    def start(self) -> None:
        """Begin to fetch every key set, so that no call has to wait; returns at once."""
        for name, published in self._published.items():
            with published.lock:
                self._begin(name, published)

    def age(self, name: str) -> float | None:
        """The seconds since the keys of the client of this name came; None if they never did.

        Inline keys are always 0 seconds old.
        """
        published = self._published.get(name)
        if published is None:
            return 0.0
        with published.lock:
            return None if published.keys is None else self._clock() - published.fetched_at

    def get(self, client: Client, kid: str) -> SigningKey:
        """The client's key under this id, at once or within `BUDGET` seconds.

        Raises:
            Unauthorized: there is none, or its keys are not to be had.
        """
        if client.keys:
            return _known(client.keys.get(kid))
        published = self._published[client.name]
        with published.lock:
            key = published.find(kid, self._clock())
            self._renew(client.name, published, "" if key else kid)
            fetching, until = published.fetching, published.started_at + BUDGET
        if key is None and fetching is not None:
            # Counted from the start of the fetch, so that a flood of unknown ids holds each thread
            # once in a cool-down, and not once a call.
            wait([fetching], timeout=max(0.0, until - self._clock()))
            with published.lock:
                key = published.find(kid, self._clock())
        if key is None and self._is_without_keys(published):
            raise Unauthorized(Cause.KEYS_UNAVAILABLE)
        return _known(key)

    def _is_without_keys(self, published: _Published) -> bool:
        return published.keys is None or self._clock() - published.fetched_at >= STALE

    def _renew(self, name: str, published: _Published, sought: str) -> None:
        now = self._clock()
        is_due = sought or now - published.fetched_at >= FRESH
        if is_due and now >= published.quiet_until:
            self._begin(name, published, sought)

    def _begin(self, name: str, published: _Published, sought: str = "") -> None:
        """Have a worker fetch, unless one does; the lock is held.

        `sought` is the id of the unknown key that it is for, if it is for one.
        """
        if published.fetching is None:
            published.started_at = self._clock()
            published.fetching = self._workers.submit(self._fetch, name, published, sought)

    def _fetch(self, name: str, published: _Published, sought: str) -> None:
        keys, failure = None, ""
        try:
            keys = self._source.fetch(self._fetched[name])
        except RequestFailed as error:
            failure = str(error)
        finally:  # after a fault of ours too: else no key would be fetched any more
            with published.lock:
                self._end(published, keys, sought)
        _report(name, keys, failure)

    def _end(self, published: _Published, keys: KeySet | None, sought: str) -> None:
        now = self._clock()
        if keys is not None:
            published.keys, published.fetched_at = keys, now
        # A fetch that found what it was for costs no pause: who can bring one about has the key.
        if keys is None or (sought and sought not in keys.keys):
            published.quiet_until = now + COOL_DOWN
        published.fetching = None


def _known(key: SigningKey | None) -> SigningKey:
    if key is None:
        raise Unauthorized(Cause.UNKNOWN_KEY)
    return key


def _report(name: str, keys: KeySet | None, failure: str) -> None:
    if keys is None:
        _LOG.warning(
            "keys of client %s not fetched: %s",
            name,
            failure,
            extra={"event": "keys", "client": name, "cause": failure},
        )
        return
    _LOG.info(
        "keys of client %s fetched",
        name,
        extra={"event": "keys", "client": name, "count": len(keys.keys)},
    )
