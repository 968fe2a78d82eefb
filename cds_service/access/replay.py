"""Uses of tokens that this process has seen, so that a replay ends at the door.

This is not all there is: the store refuses a use that any process has recorded. But here a replay
costs no work, and what leaves no record, such as discovery, is guarded too.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from cds_service.crd.request.caller import TokenUse
from cds_service.errors import Replayed

MOST_USES = 100_000  # about 30 MB; an hour of 27 calls a second


@dataclass(slots=True, kw_only=True)
class Replays:
    """The uses whose tokens have not expired; beyond `most_uses` those that expire first go."""

    now: Callable[[], datetime]
    most_uses: int = MOST_USES
    _keys: set[bytes] = field(default_factory=set)
    _by_expiry: list[tuple[datetime, bytes]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def remember(self, use: TokenUse) -> None:
        """Take note of a use.

        Raises:
            Replayed: it has been here before.
        """
        with self._lock:
            now = self.now()
            self._forget_while(lambda: self._by_expiry[0][0] <= now)
            if use.key in self._keys:
                raise Replayed
            self._forget_while(lambda: len(self._by_expiry) >= self.most_uses)
            self._keys.add(use.key)
            heapq.heappush(self._by_expiry, (use.expires, use.key))

    def forget(self, use: TokenUse) -> None:
        """Let a use happen again, because it has led to nothing."""
        with self._lock:
            # Its place in the heap goes when its time comes, as if it had been used.
            self._keys.discard(use.key)

    def _forget_while(self, is_due: Callable[[], bool]) -> None:
        while self._by_expiry and is_due():
            _, key = heapq.heappop(self._by_expiry)
            self._keys.discard(key)
