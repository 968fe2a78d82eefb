"""Shares: what each worker shows the others in shared memory, where nobody waits for anybody.

How many connections each holds, so that new ones go to whoever has fewest: the kernel wakes all who
wait for a connection, and one that is quick would take them all; those of a proxy last for hours,
and with them all its calls. And how often its loop has turned, so that one that hangs is found.
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
    turns: memoryview
    place: int

    @property
    def beats(self) -> int:
        """How often whoever had this place has shown that it lives."""
        return int(self.turns[self.place])

    def beat(self) -> None:
        """This worker lives: its loop turns, and its threads take what waits."""
        self.turns[self.place] += 1

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
    counts, turns = _shared_numbers(size), _shared_numbers(size)
    shares = [Share(counts, turns, place) for place in range(size)]
    for share in shares:
        share.leave()
    return shares


def _shared_numbers(size: int) -> memoryview:
    """So many, all 0; what is written there, all see."""
    return memoryview(mmap.mmap(-1, size * _SIZE)).cast("i")
