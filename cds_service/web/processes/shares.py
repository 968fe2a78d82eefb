"""Shares: how many connections each worker holds, so that new ones go to whoever has fewest.

The kernel wakes all who wait for a connection, and one that is quick would take them all: those of
a proxy last for hours, and with them all its calls.
"""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

_NOBODY = 2**31 - 1  # more than anybody holds: nothing is left to whoever is not there
_SIZE = 4  # bytes of a number


@dataclass(frozen=True, slots=True)
class Share:
    """The share of one worker, which it alone writes, among those of all."""

    counts: memoryview
    place: int

    def hold(self, count: int) -> None:
        """This worker holds so many connections now."""
        self.counts[self.place] = count

    def leave(self) -> None:
        """This worker takes none any more."""
        self.counts[self.place] = _NOBODY

    def is_ahead(self) -> bool:
        """Whether another holds fewer."""
        return bool(self.counts[self.place] > min(self.counts))


def make_shares(size: int) -> Sequence[Share]:
    """Shares for so many workers that are to be forked; none of them is there yet."""
    memory = mmap.mmap(-1, size * _SIZE)  # what is written there, all see
    counts = memoryview(memory).cast("i")
    shares = [Share(counts, place) for place in range(size)]
    for share in shares:
        share.leave()
    return shares
