"""Signals as something to wait for beside links: each is a byte that can be read."""

import signal
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGINT)
_MOST = 1024  # heard at once


class HeardSignals:
    """The signals that have come."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._end.fileno()

    def heard(self) -> Sequence[int]:
        """The numbers of those that have come since the last time."""
        with suppress(BlockingIOError):
            return tuple(self._end.recv(_MOST))
        return ()


@contextmanager
def hear_signals(numbers: Iterable[int]) -> Iterator[HeardSignals]:
    """Hear these signals; what they did before they do again after the block."""
    hearing, waking = socket.socketpair()
    hearing.setblocking(False)
    waking.setblocking(False)
    before = {number: signal.signal(number, _note) for number in numbers}
    woken = signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    try:
        yield HeardSignals(hearing)
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        hearing.close()
        waking.close()


def _note(_number: int, _frame: FrameType | None) -> None:
    """The interpreter writes the byte before it calls this."""
