"""Starting: what signals do while policies are read and nobody listens for them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stoppable_start() -> Iterator[None]:
    """Until the block ends, SIGTERM and SIGINT end this process, with the status of a clean stop.

    As process 1 of a container it would not even hear SIGTERM otherwise.
    """
    before = {number: signal.signal(number, _end) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
