"""The log of answers. `AuditLog` is the seam; a backend is a class and a row in `BACKENDS`.

Concurrent calls share one commit: whoever holds the lock writes for all who wait, so a disk that takes milliseconds to
be sure costs each answer its wait and not its turn.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from cds_service.audit.record import AuditRecord
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError
from cds_service.fhir.resource import encode

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    id TEXT PRIMARY KEY, at TEXT NOT NULL, hook TEXT NOT NULL, hook_instance TEXT NOT NULL, version TEXT NOT NULL,
    decisions TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS feedback (
    card TEXT NOT NULL, outcome TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (card, outcome, at)
) WITHOUT ROWID;
"""
_INSERT_ANSWER = "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_FEEDBACK = "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?)"


class AuditLog(Protocol):
    """Where answers are kept. What `write` has returned from survives a crash."""

    def write(self, record: AuditRecord) -> None:
        """Keep one answer.

        Raises:
            NotRecorded: it could not be made durable.
        """

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        """Keep feedback; the same one again changes nothing.

        Raises:
            NotRecorded: it could not be made durable.
        """

    def close(self) -> None:
        """Let go of the store."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """A row waiting for a commit, and how that went; it is not kept until it is `done`."""

    statement: str
    row: tuple[str, ...]
    done: bool = False
    error: Exception | None = None


@dataclass(slots=True, eq=False)
class SqliteLog:
    """Answers in one SQLite file, in write-ahead mode with every commit synced."""

    _connection: sqlite3.Connection
    _waiting: list[_Ticket] = field(default_factory=list)
    _door: Lock = field(default_factory=Lock)
    _desk: Lock = field(default_factory=Lock)

    def write(self, record: AuditRecord) -> None:
        texts = (record.decisions.decode(), record.request.decode(), record.response.decode())
        row = (
            record.id,
            record.at.isoformat(),
            record.hook,
            record.hook_instance,
            record.version,
            *texts,
        )
        self._keep([_Ticket(_INSERT_ANSWER, row)])

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        rows = (
            (one.card, one.outcome, one.timestamp, encode(one.body).decode()) for one in feedback
        )
        self._keep([_Ticket(_INSERT_FEEDBACK, row) for row in rows])

    def close(self) -> None:
        self._connection.close()

    def _keep(self, tickets: Sequence[_Ticket]) -> None:
        with self._door:
            self._waiting.extend(tickets)
        with self._desk:
            if not all(ticket.done for ticket in tickets):
                self._commit_all()
        if failed := next((ticket for ticket in tickets if not ticket.done), None):
            raise NotRecorded(
                "the answer could not be recorded, so it is not given"
            ) from failed.error

    def _commit_all(self) -> None:
        with self._door:
            batch, self._waiting = self._waiting, []
        error = self._commit(batch)
        for ticket in batch:
            ticket.done, ticket.error = error is None, error

    def _commit(self, batch: Sequence[_Ticket]) -> Exception | None:
        try:
            if len(batch) == 1:  # a statement alone is a transaction of its own
                self._connection.execute(batch[0].statement, batch[0].row)
            else:
                self._commit_together(batch)
        except (
            sqlite3.Error,
            UnicodeError,
        ) as error:  # UnicodeError: text that no database can hold
            return error
        return None

    def _commit_together(self, batch: Sequence[_Ticket]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for ticket in batch:
                self._connection.execute(ticket.statement, ticket.row)


def open_sqlite(path: str) -> SqliteLog:
    """The log in the file at `path`, made if need be.

    Raises:
        SettingError: the file cannot be opened, or a newer release of this service wrote it.
    """
    try:
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds patient data
        connection = sqlite3.connect(
            path, timeout=4.0, isolation_level=None, check_same_thread=False
        )
        _prepare(connection)
    except (OSError, sqlite3.Error) as error:
        raise SettingError("database_url", f"cannot open {path}: {error}") from error
    return SqliteLog(connection)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # an answer an EHR acts on survives a power cut
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        raise SettingError(
            "database_url", f"its schema {version} is newer than this release's {_SCHEMA_VERSION}"
        )
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


class NoLog:
    """For answers that never leave as answers, such as explanations: refuses to keep anything."""

    def write(self, record: AuditRecord) -> None:
        raise NotRecorded(f"no log to keep answer {record.id} in")

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        raise NotRecorded(f"no log to keep {len(feedback)} feedback in")

    def close(self) -> None:
        """Nothing to let go of."""


BACKENDS: Mapping[str, Callable[[str], AuditLog]] = {"sqlite": open_sqlite}


def open_log(url: str) -> AuditLog:
    """The log a database URL such as `sqlite:////var/lib/crd/crd.sqlite3` names.

    Raises:
        SettingError: no such backend, or it cannot be opened.
    """
    scheme, separator, path = url.partition(":///")
    if not separator or scheme not in BACKENDS or path in ("", ":memory:"):
        raise SettingError(
            "database_url", f"must look like sqlite:///FILE; known kinds: {', '.join(BACKENDS)}"
        )
    return BACKENDS[scheme](path)
