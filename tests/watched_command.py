"""The `crd` command with every connection, look-up, process and written file of it noted.

`python -m watched_command FILE serve …` notes in FILE, a line an event, from its first line on.
"""

import os
import runpy
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.fhir.resource import decode, encode

# Audit events of Python by which something may leave the process, or be left behind.
NETWORK = (
    "socket.connect",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.getnameinfo",
)
PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn")
FILES = ("open", "os.mkdir", "os.rename", "os.link", "os.symlink")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event, with the texts and numbers among its arguments."""

    name: str
    arguments: tuple[Any, ...]


def command(file: Path) -> tuple[str, ...]:
    """How to run `crd` with its events noted in `file`."""
    return (sys.executable, "-m", "watched_command", str(file))


def read_events(file: Path, after: int = 0) -> list[Event]:
    """The events noted so far but for the first `after`."""
    lines = file.read_bytes().splitlines()[after:]
    noted = [decode(line) for line in lines]
    return [Event(name=name, arguments=tuple(arguments)) for name, *arguments in noted]


def watch(file: str) -> None:
    """Note the events of this process from here on."""
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(name: str, arguments: tuple[Any, ...]) -> None:
        if name in (*NETWORK, *PROCESSES, *FILES) and _leaves_something(name, arguments):
            os.write(notes, encode([name, *_plain(arguments)]) + b"\n")

    sys.addaudithook(note)


def _leaves_something(name: str, arguments: tuple[Any, ...]) -> bool:
    """A descriptor was noted when it was opened by name."""
    if name != "open":
        return True
    return not isinstance(arguments[0], int) and bool(arguments[2] & _WRITING)


def _plain(arguments: Iterable[Any]) -> list[Any]:
    return [
        list(value) if isinstance(value, tuple) else os.fsdecode(value)
        for value in arguments
        if isinstance(value, tuple | str | bytes | os.PathLike)
    ]


if __name__ == "__main__":
    _, events, *rest = sys.argv
    sys.argv[1:] = rest
    watch(events)
    runpy.run_module("cds_service", run_name="__main__")
