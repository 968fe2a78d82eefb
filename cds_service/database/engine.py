"""Engines: how a database URL is opened, and the transactions that read and write there.

The driver begins no transaction by itself. `reading` and `writing` do, with the time limits of the
kind of database, so that the same code works behind PgBouncer in transaction mode.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from cds_service.database.driver import BUSY_SECONDS, begin_to_write, driver_cursor
from cds_service.database.sqlite_file import prepare_file
from cds_service.errors import SettingError
from cds_service.settings.secrets import hide_secrets

SETTING = "database_url"
# The log of a SQLite file is copied into the file when it has so many pages, 16 MB: what changes
# often is copied less often than at SQLite's thousand.
_LOG_PAGES = 4000
_LOOK_AGAIN = 0.01  # seconds
_CONNECTIONS = 2  # of one process, besides the one that writes records
_PG_CONNECT = 2  # seconds; libpq takes no less
_PG_SILENT = 2000  # milliseconds after which a server that does not acknowledge is given up
_BEGIN_READ = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
}
_MIGRATION_LOCK = 0x637264  # any number that no other program uses in this database
_WRITES = "crd_writes"


def open_engine(url: str, *, must_exist: bool = False) -> Engine:
    """The engine of a database URL: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

    Nothing is connected yet, but a SQLite file is made if need be, for its owner alone; not where
    it `must_exist`.

    Raises:
        SettingError: no such kind of database, no driver for it, or no such place for a file.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "")
        if must_exist and not file.exists():
            raise SettingError(SETTING, f"{file} was moved or removed while the service ran")
        engine = _sqlite(file)
    else:
        engine = _postgresql(parsed)
    event.listen(engine, "begin", _begin)
    return engine


def shown_url(url: str) -> str:
    """A database URL without its password, for people."""
    return hide_secrets(_parse(url).render_as_string(hide_password=True))


def sqlite_path(engine: Engine) -> Path | None:
    """The file of a SQLite engine; None for a database server."""
    return Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads, all of it as at one time in SQLite."""
    with engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end of the block.

    No statement waits for another's lock longer than a second, or runs longer than two in
    PostgreSQL; a SQLite file has one writer at a time.
    """
    with engine.connect() as connection, write_on(connection):
        yield connection


@contextmanager
def write_on(connection: Connection) -> Iterator[None]:
    """The same on a connection that is kept."""
    with connection.execution_options(**{_WRITES: True}).begin():
        yield


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes the schema, alone among all that do, for as long as it takes."""
    with engine.connect() as connection, write_on(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        yield connection


def erase_deleted(engine: Engine) -> None:
    """See that nothing of deleted rows is left in the files of a SQLite database.

    Each connection overwrites what it deletes; older copies are in the log, which is emptied unless
    another program reads just then. A server keeps what was deleted until its VACUUM.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _begin(connection: Connection) -> None:
    with driver_cursor(connection) as cursor:
        if connection.get_execution_options().get(_WRITES):
            begin_to_write(cursor, connection.dialect)
        else:
            cursor.execute(_BEGIN_READ[connection.dialect.name])


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise SettingError(SETTING, _EXPECTED) from error
    is_file = backend == "sqlite" and parsed.database not in (None, "", ":memory:")
    if parsed.drivername not in ("sqlite", "postgresql") or (backend == "sqlite" and not is_file):
        raise SettingError(SETTING, _EXPECTED)
    return parsed


_EXPECTED = "must look like sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"


def _sqlite(path: Path) -> Engine:
    try:
        prepare_file(path)
    except OSError as error:
        raise SettingError(SETTING, f"cannot open {path}: {error.strerror}") from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=partial(_connect_sqlite, path),
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,
        pool_size=_CONNECTIONS,
    )
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _connect_sqlite(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there: one that was removed is never made again, empty."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Several that open a new file at once: for this step, SQLite does not wait by itself."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_AGAIN)
        else:
            return


def _configure_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """Every commit is synced: what an EHR acts on survives a power cut. What is deleted is gone."""
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL").close()
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}").close()
    connection.execute("PRAGMA secure_delete = ON").close()


def _postgresql(parsed: URL) -> Engine:
    try:
        return create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": _PG_CONNECT,
                "tcp_user_timeout": _PG_SILENT,
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 3,
                # Behind PgBouncer another connection would not know what this one prepared.
                "prepare_threshold": None,
                "application_name": "crd-service",
                # Else texts come as bytes from a database that was made without an encoding.
                "client_encoding": "utf8",
                **parsed.query,
            },
            hide_parameters=True,
            pool_size=_CONNECTIONS,
            pool_timeout=_PG_CONNECT,
            pool_recycle=1800,
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingError(
            SETTING,
            "the driver for PostgreSQL is not installed: pip install 'crd-service[postgresql]'",
        ) from error
