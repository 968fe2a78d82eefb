"""One page of what was found; pages, and what is on them, are counted from 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

PAGE_SIZE = 50
_MOST_DIGITS = 9  # of a page's number: more is beyond any last page


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage(Generic[T]):
    """Some of what was found, and where it stands among all of it, `size` on a page."""

    shown: tuple[T, ...]
    found: int
    number: int
    size: int = PAGE_SIZE

    @property
    def last(self) -> int:
        """The number of the last page; where nothing was found, the only page is empty."""
        return _last_page(self.found, self.size)

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.last else None

    @property
    def first_shown(self) -> int:
        return (self.number - 1) * self.size + 1

    @property
    def last_shown(self) -> int:
        return self.first_shown + len(self.shown) - 1


def take_page(found: Sequence[T], number: int, size: int = PAGE_SIZE) -> ResultPage[T]:
    """The page of this number, or the nearest that there is."""
    nearest = min(max(number, 1), _last_page(len(found), size))
    start = (nearest - 1) * size
    shown = tuple(found[start : start + size])
    return ResultPage(shown=shown, found=len(found), number=nearest, size=size)


def parse_page_number(raw: str) -> int:
    """The number of a page as it stands in an address; what is no number is the first."""
    digits = raw.strip()
    return int(digits[:_MOST_DIGITS]) if digits.isascii() and digits.isdigit() else 1


def _last_page(found: int, size: int) -> int:
    return max(1, -(-found // size))
