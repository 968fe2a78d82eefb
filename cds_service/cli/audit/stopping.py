"""A command that is stopped, as a timer or an engine of containers does, tidies up first."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_STOPPED = 128  # and the signal's number: the exit status of what a signal has ended


@contextmanager
def stopped_tidily() -> Iterator[None]:
    """A block that SIGTERM ends as an error would, so that what it has begun is taken away again.

    It is for the first thread of a program.
    """
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(_STOPPED + number)
