"""Pauses before a process is started again: none at first, longer the more often it dies soon."""

from dataclasses import dataclass

_SOON = 30.0  # seconds: what has lived longer was well
_SHORTEST, _LONGEST = 0.25, 30.0  # seconds


@dataclass(slots=True)
class Pauses:
    """How often in a row one has died soon."""

    deaths: int = 0

    def after(self, lived: float) -> float:
        """Seconds to wait, now that one has died that lived so many."""
        self.deaths = self.deaths + 1 if lived < _SOON else 1
        if self.deaths == 1:
            return 0.0
        return float(min(_SHORTEST * 2 ** min(self.deaths - 2, 10), _LONGEST))
