"""The store: an `AuditLog` in a database, with a journal for when that is away."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.group_commit import GroupCommit
from cds_service.audit.health import StoreHealth
from cds_service.audit.journal import Journal
from cds_service.audit.libraries import is_kept, keep_library
from cds_service.audit.record import AuditRecord
from cds_service.audit.rows import Write, make_use, make_write
from cds_service.audit.sequencer import SequencerHealth
from cds_service.audit.standing import Standing
from cds_service.audit.upkeep import Store, Upkeep
from cds_service.audit.writer import Writer
from cds_service.crd.request.caller import TokenUse
from cds_service.database.causes import find_cause
from cds_service.database.engine import SETTING, open_engine, reading, shown_url, sqlite_path
from cds_service.database.pages import check_pages
from cds_service.database.schema_check import require_schema
from cds_service.database.time_limit import TimeLimit
from cds_service.errors import NotRecorded, Replayed, SettingError

_CHECK_SECONDS = 5.0  # of a start, at most, to read the pages of a file
_WAIT_SECONDS = 4.5  # the most a call waits for its record: it gets its 503 within 5 seconds
_WORK_SECONDS = 2.0  # the most one transaction takes before its connection is cut
_LONGEST_SECONDS = 10.0  # … and any other work with a server, such as what an operator reads


class DatabaseLog:
    """An `AuditLog`; what `write` has returned from is in the database, or in the journal."""

    def __init__(self, engine: Engine, journal: Journal) -> None:
        self.engine = engine
        self._journal, self._standing = journal, Standing()
        self._limit = TimeLimit(_WORK_SECONDS)
        self._longest = None if sqlite_path(engine) else TimeLimit(_LONGEST_SECONDS)
        if self._longest:
            self._longest.watch(engine)
        self._writer = Writer(engine, journal, self._standing, self._limit)
        self._writes: GroupCommit[Write] = GroupCommit(
            commit=self._writer.commit, release=self._writer.release
        )
        self._upkeep = Upkeep(
            Store(
                engine=engine,
                journal=journal,
                standing=self._standing,
                writer=self._writer,
                limit=self._limit,
            )
        )
        self._tree: Callable[[], SequencerHealth] = SequencerHealth

    def write(self, record: AuditRecord) -> None:
        """See AuditLog."""
        self._keep(make_write(record))

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        """See AuditLog."""
        if feedback:
            self._keep(make_write(*feedback, may_be_there=True))

    def write_use(self, use: TokenUse) -> None:
        """Note the use of a token that came with what leaves no record, such as discovery.

        While the database is away it goes to the journal, and is refused elsewhere from then on.

        Raises:
            NotRecorded: it could not be made durable.
            Replayed: it was noted before, by this or any process on the store.
        """
        self._keep(make_use(use))

    def save_library(self, digest: str, pack: Callable[[], bytes]) -> None:
        """Keep a set of policies under its digest, unless it is there; only then is it packed.

        Raises:
            NotRecorded: the database is away.
        """
        try:
            if not is_kept(self.engine, digest):
                keep_library(self.engine, digest, pack())
        except SQLAlchemyError as error:
            raise NotRecorded(f"the policies cannot be kept: {find_cause(error).words}") from error

    def health(self) -> StoreHealth:
        """See AuditLog; it waits for nothing."""
        tree, why = self._tree(), self._standing.why
        if self._writes.has_failed:
            why = "a fault of the program has ended the log; start the service again"
        return StoreHealth(
            writable=not why,
            why=why,
            journal_bytes=self._journal.size(),
            journal_limit=self._journal.limit,
            unsequenced=tree.unsequenced,
            sequencer_lag_seconds=tree.lag_seconds,
            last_checkpoint_size=tree.last_size,
            unpublished=tree.unpublished,
            chain_ok=tree.chain_ok,
        )

    def watch_tree(self, health: Callable[[], SequencerHealth]) -> None:
        """Show in the health how this sequencer is."""
        self._tree = health

    def close(self) -> None:
        """See AuditLog."""
        self._upkeep.close()
        self._writes.close()
        self._limit.close()
        if self._longest:
            self._longest.close()
        self.engine.dispose()

    def _keep(self, write: Write) -> None:
        try:
            refusal = self._writes.keep(write, _WAIT_SECONDS)
        except TimeoutError as error:
            self._standing.stuck()
            refusal = error
        if isinstance(refusal, Replayed):
            raise refusal
        if refusal:
            raise NotRecorded("the response could not be recorded, so it is not given") from refusal


def open_store(url: str) -> Engine:
    """The database of a URL, with this release's schema, undamaged, and durable.

    Raises:
        SettingError: it is not; the message says what to do about it.
    """
    with ExitStack() as undo:
        engine = open_engine(url)
        undo.callback(engine.dispose)
        try:
            if damage := check_pages(engine, _CHECK_SECONDS):
                raise SettingError(SETTING, f"{shown_url(url)}: {damage}; restore it from a backup")
            require_schema(engine)
            _require_durability(engine)
        except SQLAlchemyError as error:
            words = find_cause(error).words
            raise SettingError(SETTING, f"cannot use {shown_url(url)}: {words}") from error
        undo.pop_all()
    return engine


def open_database_log(url: str, journal: Path, journal_max: int) -> DatabaseLog:
    """The log in the database of a URL, with a journal of so many bytes at most in a directory.

    Raises:
        SettingError: either cannot be used.
    """
    try:
        kept = Journal(journal, journal_max)
    except OSError as error:
        raise SettingError("journal", f"cannot write in {journal}: {error.strerror}") from error
    return DatabaseLog(open_store(url), kept)


def reopen_database_log(url: str, journal: Path, journal_max: int) -> DatabaseLog:
    """The same where another process of this service has proved the database before.

    So it opens at once, whatever the size of a file, and while a server is away too.

    Raises:
        SettingError: a SQLite file is gone, and no other may take its place; or no journal.
    """
    engine = open_engine(url, must_exist=True)
    try:
        return DatabaseLog(engine, Journal(journal, journal_max))
    except OSError as error:
        raise SettingError("journal", f"cannot write in {journal}: {error.strerror}") from error


def _require_durability(engine: Engine) -> None:
    """An answer is an external action: it must not leave before its record is on a disk.

    (PostgreSQL, "Asynchronous Commit".)
    """
    if engine.dialect.name != "postgresql":
        return
    with reading(engine) as connection:
        for name in ("synchronous_commit", "fsync"):
            if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off":
                raise SettingError(
                    SETTING,
                    f"the server has `{name} = off`, so that answers could be lost; set it to on",
                )
