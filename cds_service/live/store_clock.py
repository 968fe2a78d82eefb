"""The clock of the store: what time it is at the database server, between two looks at it.

A host whose own clock is wrong, or is set, swaps at the right moment all the same.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class StoreClock:
    """Tells the time of the store; until it has been set, that of this machine."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._set = (datetime.now(UTC), monotonic())

    def __call__(self) -> datetime:
        """The time that it is now at the store."""
        at, since = self._set
        return at + timedelta(seconds=self._monotonic() - since)

    def set(self, at: datetime, asked: float) -> None:
        """The store has just told that it is `at`; it was asked at the monotonic time `asked`.

        It read its clock between the two, most likely in the middle.
        """
        self._set = (at, (asked + self._monotonic()) / 2)
