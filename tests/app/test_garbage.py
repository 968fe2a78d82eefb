"""Garbage: how often is searched for it, while a set of policies is made and once it is."""

import gc
from collections.abc import Iterator

import pytest

from cds_service.app.garbage import set_aside


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    """What Python begins with, and what held before once the test is over."""
    before = gc.get_threshold()
    python = (700, 10, 10)
    gc.set_threshold(*python)
    yield python
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("usual")
def test_two_sets_made_at_once_leave_the_search_as_it_was() -> None:
    """One goes live and one is to answer silently: the later block ends after the earlier one."""
    with set_aside():
        pass
    serving = gc.get_threshold()
    earlier, later = set_aside(), set_aside()
    with earlier:
        assert gc.get_threshold() != serving
        later.__enter__()
    later.__exit__(None, None, None)

    assert gc.get_threshold() == serving


def test_who_serves_a_set_searches_the_young_more_seldom(usual: tuple[int, int, int]) -> None:
    """Calls make thousands of values and hardly a cycle; what is older is searched as ever."""
    with set_aside():
        pass
    youngest, *older = gc.get_threshold()

    assert youngest > usual[0]
    assert older == [*usual[1:]]
