"""Links: what the processes of one service tell each other, a word a line, over a socket pair.

The end of a process is the end of its link, whatever ended it.
"""

import socket
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from threading import Lock

_PIECE = 4096  # bytes read at once


class Word(StrEnum):
    """What is told, downwards and upwards."""

    GO = "go"  # down: listen
    STOP = "stop"  # down: answer what has come, and end
    WELCOME = "welcome"  # down: all listen for the first time, so greet whoever started this
    READ_AGAIN = "read-again"  # down: read the policies again; up: have the others do so too
    READY = "ready"  # up: all is opened, and nothing is left to do but to listen
    LISTENING = "listening"  # up: it listens; of a generation, all its workers do
    SERVING = "serving"  # up, with a digest: this set of policies is in service from now on
    HAS_READ = "has-read"  # up: it has read the policies once more, whatever came of it


class Link:
    """One end. Any thread may send; one hears."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._begun = end, b""
        self._door = Lock()

    def fileno(self) -> int:
        """Its descriptor, to wait for and to be inherited."""
        return self._end.fileno()

    def send(self, word: Word, about: str = "") -> None:
        """Tell the other end, if it is still there."""
        with self._door, suppress(OSError):
            self._end.sendall(f"{word} {about}".strip().encode() + b"\n")

    def hear(self) -> Sequence[tuple[str, str]] | None:
        """The words that have come with what they are about; waits for some. None: it has ended."""
        try:
            piece = self._end.recv(_PIECE)
        except ConnectionError:
            return None
        if not piece:
            return None
        *lines, self._begun = (self._begun + piece).split(b"\n")
        words = [line.decode().partition(" ") for line in lines]
        return [(word, about) for word, _, about in words]

    def close(self) -> None:
        """Let go of this end in this process."""
        self._end.close()


def open_links() -> tuple[Link, Link]:
    """Both ends of a new link."""
    upper, lower = socket.socketpair()
    return Link(upper), Link(lower)


def inherit_link(descriptor: int) -> Link:
    """The end that this process was started with."""
    end = socket.socket(fileno=descriptor)
    end.set_inheritable(False)
    return Link(end)
