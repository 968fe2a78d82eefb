"""The log in one SQLite file: write-ahead, every commit synced, concurrent calls in one commit."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_service.audit.group_commit import GroupCommit, Refusal
from cds_service.audit.record import AuditRecord
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError
from cds_service.fhir.resource import encode

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    id TEXT PRIMARY KEY, at TEXT NOT NULL,
    hook TEXT NOT NULL, hook_instance TEXT NOT NULL, version TEXT NOT NULL,
    decisions TEXT NOT NULL, request TEXT NOT NULL, response TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS feedback (
    card TEXT NOT NULL, outcome TEXT NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (card, outcome, at)
) WITHOUT ROWID;
"""
_INSERT_ANSWER = "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_FEEDBACK = "INSERT OR IGNORE INTO feedback VALUES (?, ?, ?, ?)"

# What SQLite raises for a row or a disk it cannot write. UnicodeError: text no database can hold.
_UNWRITABLE = (sqlite3.Error, UnicodeError, OverflowError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    """What one caller wants kept: rows for one statement, at least one."""

    statement: str
    rows: Sequence[tuple[str, ...]]


class SqliteLog:
    """An `AuditLog` over a SQLite connection, which is the writing thread's from here on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._writes: GroupCommit[_Write] = GroupCommit(
            commit=self._commit, release=connection.close
        )

    def write(self, record: AuditRecord) -> None:
        row = (
            record.id,
            record.at.isoformat(),
            record.hook,
            record.hook_instance,
            record.version,
            record.decisions.decode(),
            record.request.decode(),
            record.response.decode(),
        )
        self._keep(_Write(_INSERT_ANSWER, [row]))

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        rows = [
            (reaction.card, reaction.outcome, reaction.timestamp, encode(reaction.body).decode())
            for reaction in feedback
        ]
        if rows:
            self._keep(_Write(_INSERT_FEEDBACK, rows))

    def close(self) -> None:
        self._writes.close()

    def _keep(self, write: _Write) -> None:
        if refusal := self._writes.submit(write).get():
            raise NotRecorded("the response could not be recorded, so it is not given") from refusal

    def _commit(self, batch: Sequence[_Write]) -> Sequence[Refusal]:
        try:
            if len(batch) == 1 and len(batch[0].rows) == 1:
                # A statement alone is a transaction of its own, and the cheapest.
                self._connection.execute(batch[0].statement, batch[0].rows[0])
                return [None]
            return self._commit_together(batch)
        except _UNWRITABLE as error:
            return [error] * len(batch)

    def _commit_together(self, batch: Sequence[_Write]) -> Sequence[Refusal]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            return [self._insert(write) for write in batch]

    def _insert(self, write: _Write) -> Refusal:
        """Insert the rows that can be; a statement that fails undoes itself and no other."""
        refusal: Refusal = None
        for row in write.rows:
            try:
                self._connection.execute(write.statement, row)
            except _UNWRITABLE as error:
                if not self._connection.in_transaction:
                    raise  # SQLite has given up the whole batch, as it may when the disk is full
                refusal = error
        return refusal


def open_sqlite(path: str) -> SqliteLog:
    """The log in the file at `path`, made if need be.

    Raises:
        SettingError: the file cannot be opened, or a newer release of this service wrote it.
    """
    return SqliteLog(connect(path))


def connect(path: str) -> sqlite3.Connection:
    """A connection that syncs every commit, to the file at `path` with its tables.

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
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what an EHR acts on survives a power cut
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _SCHEMA_VERSION:
        raise SettingError(
            "database_url", f"its schema {version} is newer than this release's {_SCHEMA_VERSION}"
        )
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
