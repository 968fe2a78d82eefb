"""Numbers of generations: none is given again while a process lives that counts under it.

The workers of a generation that has ended, whether by a signal or by itself, may live on for a
while: they answer what has come. All of a generation are one process group.
"""

import os


class Numbers:
    """Which numbers are given, each to the process group of a generation."""

    def __init__(self) -> None:
        self._groups: dict[int, int] = {}

    def least_free(self) -> int:
        """The least number that nobody has who lives."""
        for number, group in tuple(self._groups.items()):
            if not _has_members(group):
                del self._groups[number]
        present = range(1, len(self._groups) + 2)
        return next(number for number in present if number not in self._groups)

    def give(self, number: int, group: int) -> None:
        """From now on a process group has this number, for as long as it has a member."""
        self._groups[number] = group


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):  # none; or it is another user's by now
        return False
    return True
