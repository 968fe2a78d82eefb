"""A time limit on work with a database that does not respond: the connection is cut.

A server that is frozen, or a pool before one that is gone, keeps its clients waiting; no limit that
the server keeps helps against that. Work that others wait for has a limit of its own; a service has
one for whatever it does with its server, so that every thread comes back.
"""

import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from cds_service.database.engine import write_on

_TICK = 0.25  # seconds
_KEPT = "crd-kept"  # in what is known of a driver's connection: it is idle on purpose


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

    @contextmanager
    def writing(self, engine: Engine) -> Iterator[Connection]:
        """A transaction that writes, as `engine.writing`; its beginning and its end count too."""
        with engine.connect() as connection, self.on(connection), write_on(connection):
            yield connection

    def watch(self, engine: Engine) -> None:
        """Limit from now on how long any work has one of an engine's connections, unless kept."""
        error = engine.dialect.loaded_dbapi.Error

        def taken(driver: Any, entry: ConnectionPoolEntry, _: object) -> None:
            until = time.monotonic() + self._seconds
            self._under_way[id(entry)] = until, _Line(driver, error, entry.info)

        def given_back(_: object, entry: ConnectionPoolEntry) -> None:
            self._under_way.pop(id(entry), None)

        event.listen(engine, "checkout", taken)
        event.listen(engine, "checkin", given_back)

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
    """A driver's connection, what the driver raises, and what is known of the connection."""

    driver: Any
    error: type[Exception]
    info: Mapping[Any, Any] = field(default_factory=dict)

    def cut(self) -> None:
        """Make a call of the driver return that is under way in another thread."""
        if self.info.get(_KEPT):
            return
        with suppress(OSError, self.error):  # it may have been closed just now
            if isinstance(self.driver, sqlite3.Connection):
                self.driver.interrupt()
                return
            with socket.socket(fileno=os.dup(self.driver.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)


def keep(connection: Connection) -> None:
    """Have a connection be idle for as long as whoever has it wants; nobody else ever gets it."""
    connection.info[_KEPT] = True


@contextmanager
def idle(connection: Connection) -> Iterator[None]:
    """Have a connection be idle in this block, for as long as that takes."""
    keep(connection)
    try:
        yield
    finally:
        connection.info.pop(_KEPT, None)
