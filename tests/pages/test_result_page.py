"""Pages of what was found: which policies are on which."""

from pathlib import Path

import pytest
from hosted_policies import list_of
from small_library import policy

from cds_service.pages.policy_list import ListedPolicy
from cds_service.pages.result_page import PAGE_SIZE, parse_page_number, take_page


@pytest.fixture
def listed(tmp_path: Path) -> ListedPolicy:
    """Any policy."""
    return list_of(tmp_path, policy()).policies[0]


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("1", 1),
        ("7", 7),
        (" 7", 7),
        ("007", 7),
        ("0", 0),
        ("", 1),
        ("-1", 1),
        ("abc", 1),
        ("1e3", 1),
        ("1.5", 1),
        ("²", 1),
        ("٣", 1),
        ("9" * 10_000, 999_999_999),
    ],
)
def test_what_is_no_number_is_the_first_page(raw: str, number: int) -> None:
    """Digits are a number, however many; all else is what nobody asked for."""
    assert parse_page_number(raw) == number


@pytest.mark.parametrize(
    ("found", "asked", "number", "last", "shown"),
    [
        (0, 1, 1, 1, 0),
        (0, 5, 1, 1, 0),
        (1, 1, 1, 1, 1),
        (PAGE_SIZE, 1, 1, 1, PAGE_SIZE),
        (PAGE_SIZE, 2, 1, 1, PAGE_SIZE),
        (PAGE_SIZE + 1, 1, 1, 2, PAGE_SIZE),
        (PAGE_SIZE + 1, 2, 2, 2, 1),
        (PAGE_SIZE + 1, 9_999_999, 2, 2, 1),
        (PAGE_SIZE + 1, 0, 1, 2, PAGE_SIZE),
        (PAGE_SIZE + 1, -3, 1, 2, PAGE_SIZE),
    ],
)
def test_a_page_that_is_not_there_is_the_nearest(
    listed: ListedPolicy, found: int, asked: int, number: int, last: int, shown: int
) -> None:
    """A number beyond either end leads to the first page or the last."""
    page = take_page([listed] * found, asked)

    assert (page.number, page.last, len(page.shown)) == (number, last, shown)


@pytest.mark.parametrize(
    ("asked", "span", "previous", "following"),
    [(1, (1, 50), None, 2), (2, (51, 100), 1, 3), (3, (101, 120), 2, None)],
)
def test_a_page_knows_its_place_and_its_neighbours(
    listed: ListedPolicy,
    asked: int,
    span: tuple[int, int],
    previous: int | None,
    following: int | None,
) -> None:
    """Policies are counted through all pages; the ends have one neighbour."""
    page = take_page([listed] * 120, asked)

    assert (page.first_shown, page.last_shown) == span
    assert (page.previous, page.next) == (previous, following)


def test_the_pages_together_are_everything_once(tmp_path: Path) -> None:
    """No policy is lost or shown twice where one page ends and the next begins."""
    policies = list_of(tmp_path, *(policy(name=f"p-{at:03d}") for at in range(101))).policies

    pages = [take_page(policies, number) for number in (1, 2, 3)]

    assert tuple(listed for page in pages for listed in page.shown) == policies
