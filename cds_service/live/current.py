"""What is in service: one value that many threads read, and that is swapped whole."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Current(Generic[T]):
    """What is in service now.

    A request asks once and keeps what it got, so that it sees one set of policies from start to
    end. A swap is one assignment: no reader waits, and none sees half of it.
    """

    def __init__(self, present: T) -> None:
        self._present = present

    def __call__(self) -> T:
        """What is in service at this moment."""
        return self._present

    def swap(self, following: T) -> None:
        """Put another in service."""
        self._present = following
