"""Garbage: a set of policies is large, lives long and holds no cycles, so nobody searches it.

Nor is it searched while it is made, but for what is young: a search of all would hold up the calls
under way. What was set aside goes like anything else once nothing holds it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 10_000  # objects made before the youngest are searched
_NEVER = 1 << 30


@contextmanager
def set_aside() -> Iterator[None]:
    """A block that makes a set of policies; if it does, the set is left out of every later search.

    What an earlier block that failed has left is cleared first: it would be set aside with it. A
    first block has none before it, and does not wait for a search of all that was imported.
    Two threads may be at it at once: the usual thresholds are set again by the one that found them.
    """
    usual = gc.get_threshold()
    is_first = usual[2] != _NEVER
    if gc.get_freeze_count():
        gc.collect()
    if is_first:
        gc.set_threshold(_YOUNG, _NEVER, _NEVER)
    try:
        yield
        gc.collect(0)  # syntax trees and the like, which do have cycles
        gc.freeze()
    finally:
        if is_first:
            gc.set_threshold(*usual)


@contextmanager
def unsearched() -> Iterator[None]:
    """A block that makes nothing but JSON values, which hold no cycles, while no call is under way.

    If it succeeds they are left out of every search, this one's own included: to search for cycles
    in them takes as long as to make them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
