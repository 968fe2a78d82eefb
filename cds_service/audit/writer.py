"""The writer: keeps batches in the database, in the journal while it is away, or nowhere."""

import time
from collections.abc import Sequence
from errno import EDQUOT, ENOSPC

from sqlalchemy import Connection, Engine

from cds_service.audit.insertion import Refusal, commit_writes
from cds_service.audit.journal import Journal
from cds_service.audit.rows import Write
from cds_service.audit.standing import Database, Standing
from cds_service.database.causes import UNWRITABLE, Trouble, find_cause
from cds_service.database.engine import sqlite_path
from cds_service.database.pages import check_length
from cds_service.database.sqlite_file import FileWatch
from cds_service.database.time_limit import TimeLimit, keep
from cds_service.errors import NotRecorded

# A kept connection that fails faster than this had been closed by the other end while it was idle,
# as when a server was started again: a new one may do.
_STALE_SECONDS = 0.5


class Writer:
    """Commits batches over one connection that it keeps; all but `look` belong to one thread."""

    def __init__(
        self, engine: Engine, journal: Journal, standing: Standing, limit: TimeLimit
    ) -> None:
        path = sqlite_path(engine)
        self._engine, self._journal, self._standing, self._limit = engine, journal, standing, limit
        self._watch = FileWatch(path) if path else None
        self._connection: Connection | None = None

    def commit(self, batch: Sequence[Write]) -> Sequence[Refusal]:
        """Keep what can be kept of a batch; the refusal of each write, in their order."""
        refusals = self._kept_in_database(batch)
        self._standing.moves()
        return self._kept_in_journal(batch) if refusals is None else refusals

    def look(self) -> bool:
        """Whether the files of the database are there and whole; damage is noted."""
        trouble = self._watch.look() if self._watch else ""
        if self._watch and not trouble and self._watch.has_shrunk():
            trouble = check_length(self._engine)
        if trouble:
            self._standing.damaged(trouble)
        return not trouble

    def release(self) -> None:
        """Let go of database and journal."""
        self._disconnect()
        self._journal.close()

    def _kept_in_database(self, batch: Sequence[Write]) -> Sequence[Refusal] | None:
        """None: the database is away, and perhaps it has them."""
        if self._standing.database is Database.AWAY:
            return None
        begun, was_kept = time.monotonic(), self._connection is not None
        try:
            return self._committed(batch)
        except UNWRITABLE as error:
            cause = find_cause(error)
        except OSError:  # of the watch: no descriptor is left for the files beside a SQLite file
            return self._lost(batch, Trouble.AWAY, "its files cannot be opened")
        if cause.trouble is Trouble.ROW:
            return [NotRecorded(cause.words)] * len(batch)
        if self._watch is None:
            self._disconnect()  # a connection to a server may be dead, one to a file never is
            if was_kept and time.monotonic() - begun < _STALE_SECONDS:
                return self._kept_in_database(batch)
        return self._lost(batch, cause.trouble, cause.words)

    def _lost(
        self, batch: Sequence[Write], trouble: Trouble, words: str
    ) -> Sequence[Refusal] | None:
        if trouble is Trouble.DAMAGED or not self._looks_whole():
            self._standing.damaged(words)
            return self._refuse(batch)
        self._standing.lost(words)
        return None

    def _looks_whole(self) -> bool:
        """Whether nothing is known against the files; those that cannot be looked at are away."""
        try:
            return self.look()
        except OSError:
            return True

    def _committed(self, batch: Sequence[Write]) -> Sequence[Refusal]:
        """Commit a batch to files that are the right ones, before and after."""
        if self._standing.database is Database.DAMAGED or not self.look():
            return self._refuse(batch)
        connection = self._connected()
        with self._limit.on(connection):
            refusals = commit_writes(connection, batch)
        return refusals if self.look() else self._refuse(batch)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            keep(self._connection)
            if self._watch:
                with self._connection.begin():  # only a connection that has read has its log open
                    self._connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").close()
                try:
                    self._watch.attach()
                except OSError:
                    self._disconnect()  # or it would be used without a watch
                    raise
        return self._connection

    def _disconnect(self) -> None:
        if self._watch:
            self._watch.detach()
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = None

    def _kept_in_journal(self, batch: Sequence[Write]) -> Sequence[Refusal]:
        try:
            self._journal.append(batch)
        except OSError as error:
            self._standing.journal_refuses(self._journal_cause(error))
            return self._refuse(batch)
        self._standing.journal_takes()
        return [None] * len(batch)

    def _journal_cause(self, error: OSError) -> str:
        if not self._journal.limit:
            return "there is no journal"
        causes = {EDQUOT: "the journal is full", ENOSPC: "the disk is full"}
        return causes.get(error.errno or 0, "the journal cannot be written")

    def _refuse(self, batch: Sequence[Write]) -> Sequence[Refusal]:
        return [NotRecorded(self._standing.why)] * len(batch)
