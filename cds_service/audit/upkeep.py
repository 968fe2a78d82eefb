"""Upkeep of the store beside the calls: is the database back, what is due of the journal.

A thread of its own looks once a second, so that readiness changes without a call. Nothing here
holds up a call.
"""

import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Event, Thread

from sqlalchemy import Engine, delete, insert, select

from cds_service.audit.insertion import commit_writes
from cds_service.audit.journal import Journal, SealedJournal
from cds_service.audit.standing import Database, Standing
from cds_service.audit.writer import Writer
from cds_service.database.causes import UNWRITABLE, Trouble, find_cause
from cds_service.database.pages import check_pages
from cds_service.database.store_time import read_time
from cds_service.database.tables import TOKEN_USE
from cds_service.database.time_limit import TimeLimit

_LOG = logging.getLogger("cds_service.audit")
_TICK = 1.0  # seconds
_LONGEST_PAUSE = 8.0  # seconds between two tries to write to a database that keeps failing
_REPLAYED = 200  # writes of a journal in one transaction
_CHECK_EVERY = 600.0  # seconds; a start has checked just now
_CHECK_SECONDS = 5.0  # at most, for one check
_FORGET_EVERY = 60.0  # seconds
# How long a use is kept after the token has expired: clocks differ, and one may be an hour ahead
# for a moment, by which no token may be of use twice.
_REMEMBERED = timedelta(hours=2)
_FORGOTTEN = 1000  # uses of tokens in one transaction
_STOP_SECONDS = 5.0  # the most a stop waits for the look under way


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What is looked after."""

    engine: Engine
    journal: Journal
    standing: Standing
    writer: Writer
    limit: TimeLimit


class Upkeep:
    """The thread, from its making to `close`."""

    def __init__(
        self, store: Store, *, tick: float = _TICK, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._tick, self._clock = store, tick, clock
        self._pause, self._try_from, self._forget_from = tick, 0.0, 0.0
        self._check_from = clock() + _CHECK_EVERY
        self._closed = Event()
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="store-upkeep", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the look under way; one that does not end is not waited for."""
        self._closed.set()
        self._thread.join(_STOP_SECONDS)

    def _run(self) -> None:
        while not self._closed.wait(self._tick):
            self.look()

    def look(self) -> None:
        """Look once at all there is to do."""
        standing = self._store.standing
        if standing.database is Database.DAMAGED:
            return
        if standing.database is Database.AWAY and self._clock() >= self._try_from:
            self._try_again()
        if standing.database is Database.THERE and self._store.writer.look():
            self._attempt(self._replay_if_possible)
            self._attempt(self._forget_tokens)
            if self._clock() >= self._check_from:
                self.check()

    def check(self) -> None:
        """Look at the pages of a SQLite file, as the disk has them."""
        self._check_from = self._clock() + _CHECK_EVERY
        self._store.engine.dispose()  # a connection that is kept has pages in memory
        if damage := check_pages(self._store.engine, _CHECK_SECONDS):
            self._store.standing.damaged(damage)

    def _try_again(self) -> None:
        """Write, and if that does, the database is back; else the next try is a little later."""
        if self._attempt(self._write_and_delete):
            self._store.standing.found()
            self._pause = self._tick
        else:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._try_from = self._clock() + self._pause

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Do it, and note if the database does not let us."""
        try:
            work()
        except UNWRITABLE as error:
            cause = find_cause(error)
            self._store.engine.dispose()
            if cause.trouble is Trouble.DAMAGED:
                self._store.standing.damaged(cause.words)
            elif self._store.writer.look():
                self._store.standing.lost(cause.words)
            return False
        return True

    def _write_and_delete(self) -> None:
        """A row that is committed: a full disk or a standby can be read."""
        use = {"key": secrets.token_bytes(32), "expires": datetime.now(UTC)}
        with self._store.limit.writing(self._store.engine) as connection:
            connection.execute(insert(TOKEN_USE).values(use))
        with self._store.limit.writing(self._store.engine) as connection:
            connection.execute(delete(TOKEN_USE).where(TOKEN_USE.c.key == use["key"]))

    def _replay_if_possible(self) -> None:
        """Move what is in the journals; where their files cannot be used just now, later.

        So it is when no descriptor is left. The journal itself tells those who write that it
        cannot be written.
        """
        with suppress(OSError):
            self._replay()

    def _replay(self) -> None:
        """Move what is in the journals of this and of dead processes into the database."""
        self._store.journal.seal()
        for sealed in self._store.journal.replayable():
            self._replay_file(sealed)

    def _replay_file(self, sealed: SealedJournal) -> None:
        writes, count, refused = sealed.writes(), 0, 0
        while batch := list(islice(writes, _REPLAYED)):
            with self._store.engine.connect() as connection, self._store.limit.on(connection):
                refusals = commit_writes(connection, batch, has_left=True)
            count += len(batch)
            refused += sum(refusal is not None for refusal in refusals)
        damaged = sealed.remove(keep=refused > 0)
        extra = {"event": "journal-replayed", "count": count, "size": damaged}
        if damaged or refused:
            _LOG.error(
                "of the journal %s, %d records could not be written and %d bytes not be read; the "
                "file is put aside under this name, ending in .damaged",
                sealed.path.stem,
                refused,
                damaged,
                extra=extra,
            )
        elif count:
            _LOG.warning("%d records moved from the journal to the database", count, extra=extra)

    def _forget_tokens(self) -> None:
        """Delete uses of tokens that have expired: they cannot be replayed any more."""
        if self._clock() < self._forget_from:
            return
        with self._store.limit.writing(self._store.engine) as connection:
            # By the database's clock: a host that is hours ahead must not forget for all.
            before = read_time(connection) - _REMEMBERED
            expired = select(TOKEN_USE.c.key).where(TOKEN_USE.c.expires < before).limit(_FORGOTTEN)
            found = connection.execute(delete(TOKEN_USE).where(TOKEN_USE.c.key.in_(expired)))
        if found.rowcount < _FORGOTTEN:
            self._forget_from = self._clock() + _FORGET_EVERY
