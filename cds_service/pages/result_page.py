"""One page of the policies that were found; pages and policies are counted from 1."""

from collections.abc import Sequence
from dataclasses import dataclass

from cds_service.pages.policy_list import ListedPolicy

PAGE_SIZE = 50
_MOST_DIGITS = 9  # of a page's number: more is beyond any last page


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """Some of the policies found, and where they stand among all of them."""

    policies: tuple[ListedPolicy, ...]
    found: int
    number: int

    @property
    def last(self) -> int:
        """The number of the last page; where nothing was found, the only page is empty."""
        return _last_page(self.found)

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.last else None

    @property
    def first_shown(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last_shown(self) -> int:
        return self.first_shown + len(self.policies) - 1


def take_page(found: Sequence[ListedPolicy], number: int) -> ResultPage:
    """The page of this number, or the nearest that there is."""
    nearest = min(max(number, 1), _last_page(len(found)))
    start = (nearest - 1) * PAGE_SIZE
    return ResultPage(
        policies=tuple(found[start : start + PAGE_SIZE]), found=len(found), number=nearest
    )


def parse_page_number(raw: str) -> int:
    """The number of a page as it stands in an address; what is no number is the first."""
    digits = raw.strip()
    return int(digits[:_MOST_DIGITS]) if digits.isascii() and digits.isdigit() else 1


def _last_page(found: int) -> int:
    return max(1, -(-found // PAGE_SIZE))
