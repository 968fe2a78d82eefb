"""The outlet of the log: lines leave without ever waiting for whoever reads them.

A collector that hangs, or a terminal that is halted, takes no more than what fits into a pipe. A
call must not wait for that: its line is lost then, and once others are taken again the log says how
many were.
"""

import fcntl
import io
import logging
import os
import stat
from typing import TextIO

_BEYOND_STREAMS = 3  # the first descriptor that is no standard stream's
_MOST_WAITING = 64 << 10  # bytes: of a line that was taken in part, and of those behind it


class Outlet:
    """Writes to a descriptor that does not wait; `lost` counts the texts that were not taken.

    What is taken of a text in part is not lost: the rest of it goes before the next one. It belongs
    to a handler, whose lock is held.
    """

    def __init__(self, descriptor: int) -> None:
        self.lost = 0
        self._descriptor = descriptor
        self._waiting = b""

    def write(self, text: str) -> None:
        """Write a text, or lose it."""
        data = self._waiting + text.encode(errors="backslashreplace")
        taken = 0 if len(data) > _MOST_WAITING else self._give(data)
        if taken:
            self._waiting = data[taken:]
        else:
            self.lost += 1
            self._waiting = self._waiting[self._give(self._waiting) :]

    def _give(self, data: bytes) -> int:
        """How many bytes are taken now."""
        try:
            return os.write(self._descriptor, data)
        except OSError:  # the reader takes nothing, or is there no more
            return 0

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._descriptor)


class OutletHandler(logging.StreamHandler[Outlet]):
    """Writes records to an outlet, and after a gap how many lines are missing."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; the lock of the handler is held."""
        lost = self.stream.lost
        super().emit(record)
        if not lost or self.stream.lost > lost:
            return
        self.stream.lost = 0
        super().emit(_gap(lost))
        if self.stream.lost:
            self.stream.lost += lost

    def close(self) -> None:
        """See `logging.Handler`."""
        super().close()
        self.stream.close()


def _gap(lost: int) -> logging.LogRecord:
    words = "lines of this log are missing here: nobody took them in time"
    gap = logging.LogRecord(__name__, logging.WARNING, __file__, 0, words, None, None)
    vars(gap).update({"event": "lines-lost", "count": lost})
    return gap


def open_handler(stream: TextIO | None) -> logging.Handler:
    """What writes lines to where a stream goes; of a process that has none, nowhere."""
    if stream is None:
        return logging.NullHandler()
    try:
        descriptor = stream.fileno()
    except io.UnsupportedOperation:  # it is in memory
        return logging.StreamHandler(stream)
    return OutletHandler(Outlet(_unwaiting(descriptor)))


def _unwaiting(descriptor: int) -> int:
    """Another descriptor to the same place, that does not wait.

    Whether to wait is shared by all who have inherited a descriptor, so the place is opened anew.
    Where that cannot be, as of a socket or another user's pipe, nobody who writes there waits any
    more. A file lets nobody wait; a terminal that cannot be opened stays as it is, for the shell
    has it too.
    """
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return _copy(descriptor)
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
    try:
        opened = os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        copy = _copy(descriptor)
    else:
        copy = _copy(opened)
        os.close(opened)
        return copy
    if not stat.S_ISCHR(kind):
        fcntl.fcntl(copy, fcntl.F_SETFL, fcntl.fcntl(copy, fcntl.F_GETFL) | os.O_NONBLOCK)
    return copy


def _copy(descriptor: int) -> int:
    """A copy for this process alone, in the place of no standard stream that is closed."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _BEYOND_STREAMS)
