"""The vigil: which worker shows no life, though this process had time enough to see some.

A worker's loop beats once a second, unless calls wait and no thread of it takes one (see `Share`).
What counts is the time in which whoever keeps the vigil was awake itself: a machine that sleeps, a
paused virtual machine, or a container that is frozen adds no more than two looks, however long
that was, and a minute takes more of them. One worker at a time is given up, and the others get a
whole minute more: what holds up all of them at once, such as a disk, does not end them all.
"""

import time
from collections.abc import Callable, Iterable

LOOK_EVERY = 5.0  # seconds
_LONGEST_SILENCE = 60.0  # seconds


class Vigil:
    """`beats` is how often the worker in a place has shown life so far.

    `longest` is how many seconds of silence are too many, `look_every` how often one looks.
    """

    def __init__(
        self,
        beats: Callable[[int], int],
        *,
        longest: float = _LONGEST_SILENCE,
        look_every: float = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beats, self._longest, self._clock = beats, longest, clock
        self.look_every = look_every
        self._looked = clock()
        self._beaten: dict[int, int] = {}
        self._silent: dict[int, float] = {}

    def look(self, places: Iterable[int]) -> int | None:
        """The place, of those with a worker that should beat, of one to be given up."""
        now = self._clock()
        passed = min(now - self._looked, 2 * self.look_every)
        self._looked = now
        beaten = {place: self._beats(place) for place in places}
        self._silent = {
            place: self._silent.get(place, 0.0) + passed if self._is_still(place, beats) else 0.0
            for place, beats in beaten.items()
        }
        self._beaten = beaten
        longest = max(self._silent, key=self._silent.__getitem__, default=None)
        if longest is None or self._silent[longest] < self._longest:
            return None
        self._silent = {}
        return longest

    def _is_still(self, place: int, beats: int) -> bool:
        return self._beaten.get(place) == beats
