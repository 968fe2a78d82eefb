"""A time limit on work with a database that does not respond: the connection is cut.

A server that is frozen, or a pool before one that is gone, keeps its clients waiting; no limit that
the server keeps helps against that.
"""

import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection

_TICK = 0.25  # seconds


class TimeLimit:
    """Cuts connections whose work lasts longer than `seconds`; a thread of its own watches."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: dict[int, tuple[float, _Line]] = {}
        self._closed = Event()
        self._thread = Thread(target=self._run, name="database-time-limit", daemon=True)
        self._thread.start()

    @contextmanager
    def on(self, connection: Connection) -> Iterator[None]:
        """Work with this connection; once it is cut, the work ends with an OperationalError."""
        line = _Line(connection.connection.driver_connection, connection.dialect.loaded_dbapi.Error)
        self._under_way[id(line)] = (time.monotonic() + self._seconds, line)
        try:
            yield
        finally:
            self._under_way.pop(id(line), None)

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(_TICK):
            now = time.monotonic()
            for identity, (end, line) in list(self._under_way.items()):
                if now > end:
                    self._under_way.pop(identity, None)
                    line.cut()


@dataclass(frozen=True, slots=True)
class _Line:
    """A driver's connection, and what the driver raises."""

    driver: Any
    error: type[Exception]

    def cut(self) -> None:
        """Make a call of the driver return that is under way in another thread."""
        with suppress(OSError, self.error):  # it may have been closed just now
            if isinstance(self.driver, sqlite3.Connection):
                self.driver.interrupt()
                return
            with socket.socket(fileno=os.dup(self.driver.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
