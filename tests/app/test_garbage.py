"""Garbage: how often is searched for it is as before, once a set of policies is made."""

import gc
from collections.abc import Iterator

import pytest

from cds_service.app.garbage import set_aside


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    """What holds before and after."""
    before = gc.get_threshold()
    yield before
    gc.set_threshold(*before)
    gc.unfreeze()


def test_two_sets_made_at_once_leave_the_search_as_it_was(usual: tuple[int, int, int]) -> None:
    """One goes live and one is to answer silently: the later block ends after the earlier one."""
    earlier, later = set_aside(), set_aside()
    with earlier:
        assert gc.get_threshold() != usual
        later.__enter__()
    later.__exit__(None, None, None)

    assert gc.get_threshold() == usual
