"""Copies of a database: made while others write to it, and put into one that is empty.

A SQLite file is copied by SQLite itself, as of one moment; a PostgreSQL database by its own
programs `pg_dump` and `pg_restore`, which must be of the server's release or a later one.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url

from cds_service.database.engine import open_engine
from cds_service.database.migrations import read_schema
from cds_service.database.private_files import Progress, new_file
from cds_service.database.server_programs import dump
from cds_service.database.sqlite_file import files_of
from cds_service.errors import AuditError

SQLITE_COPY, POSTGRESQL_COPY = "database.sqlite3", "database.dump"
_PAGES = 2000  # of a SQLite file, copied at a time
_STEPS = 1_000_000  # of SQLite's machine, between two looks at a check


def sqlite_file(url: str) -> Path | None:
    """The file of a database URL, there or not; None for a server."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def require_database(url: str) -> None:
    """See that there is a file to copy; whether a server has anything it is asked itself.

    Raises:
        AuditError: there is no file.
    """
    file = sqlite_file(url)
    if file and not file.exists():
        raise AuditError(
            f"there is no database at {file} yet, so there is nothing to back up; if there should "
            "be, name the right one with --database"
        )


def copy_database(url: str, directory: Path, progress: Progress) -> str:
    """Copy the database of a URL, as it is at one moment, into a new file; the file's name.

    Calls go on meanwhile. The file is its owner's alone.

    Raises:
        AuditError: it cannot be copied.
        OSError: the file cannot be made.
    """
    if file := sqlite_file(url):
        _copy_sqlite(file, directory / SQLITE_COPY, progress)
        return SQLITE_COPY
    dump(url, directory / POSTGRESQL_COPY, progress)
    return POSTGRESQL_COPY


def require_same_kind(copy: str, url: str) -> None:
    """See that the copy of this name can be put into the database of a URL.

    Raises:
        AuditError: it is of the other kind.
    """
    if (sqlite_file(url) is not None) != (copy == SQLITE_COPY):
        raise AuditError(f"the backup holds {copy}, and --database names another kind")


def require_empty(url: str) -> None:
    """See that nothing is where a copy is to be put: no table, or no file and none of its own.

    A log that lies beside a file which is gone may hold records that are nowhere else. SQLite
    would delete it.

    Raises:
        AuditError: something is there.
        SQLAlchemyError: the server cannot be asked.
    """
    file = sqlite_file(url)
    if file is None:
        engine = open_engine(url)
        try:
            if not read_schema(engine).is_empty:
                raise AuditError("the database is not empty: nothing is overwritten")
        finally:
            engine.dispose()
    elif found := [str(path) for path in files_of(file) if path.exists()]:
        raise AuditError(
            f"{', '.join(found)} is there already: nothing is overwritten, for it may hold records "
            "of the store that was there; move all of it away together"
        )


def _copy_sqlite(source: Path, target: Path, progress: Progress) -> None:
    """Copy what a file holds with its log, as of one moment."""
    try:
        with (
            new_file(target),
            closing(_opened(source)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            _copy_pages(live, copy, partial(progress, f"copied {target.name}"))
            copy.set_progress_handler(partial(progress, f"checking {target.name}", 0, 0), _STEPS)
            _check(copy, target)
    except sqlite3.Error as error:
        raise AuditError(f"{source} cannot be copied to {target}: {error}") from error


def _copy_pages(
    live: sqlite3.Connection, copy: sqlite3.Connection, progress: Callable[[int, int], None]
) -> None:
    (size,) = live.execute("PRAGMA page_size").fetchone()
    # A transaction that reads: what is written from here on changes nothing of the copy, and does
    # not make it begin again.
    live.execute("BEGIN").close()
    live.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    live.backup(
        copy,
        pages=_PAGES,
        progress=lambda _, left, of: progress((of - left) * size, of * size),
        sleep=0,
    )


def _opened(path: Path) -> sqlite3.Connection:
    """A file that is there; one that is not is never made."""
    name = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(name, uri=True, timeout=5.0, isolation_level=None)


def _check(copy: sqlite3.Connection, target: Path) -> None:
    found = [row[0] for row in copy.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise AuditError(f"the copy {target} is damaged: {found[0]}")
