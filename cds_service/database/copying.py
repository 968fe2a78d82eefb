"""Copies of a database: made while others write to it, and put into one that is empty.

A SQLite file is copied by SQLite itself, as of one moment; a PostgreSQL database by its own
programs `pg_dump` and `pg_restore`, which must be of the server's release or a later one.
"""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import make_url

from cds_service.database.sqlite_file import prepare_file
from cds_service.errors import AuditError

CopyProgress = Callable[[int, int], None]  # pages done, of how many

SQLITE_COPY, POSTGRESQL_COPY = "database.sqlite3", "database.dump"
_PAGES = 2000  # of a SQLite file, copied at a time
# Objects belong to whoever restores them, and nobody else is given a right to them.
_AS_RESTORED = ("--no-owner", "--no-privileges")


def sqlite_file(url: str) -> Path | None:
    """The file of a database URL, there or not; None for a server."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def copy_database(url: str, directory: Path, progress: CopyProgress) -> str:
    """Copy the database of a URL, as it is at one moment, into a new file; the file's name.

    Calls go on meanwhile. The file is its owner's alone.

    Raises:
        AuditError: it cannot be copied.
    """
    if file := sqlite_file(url):
        _copy_sqlite(file, directory / SQLITE_COPY, progress)
        return SQLITE_COPY
    target = directory / POSTGRESQL_COPY
    prepare_file(target)
    _run(["pg_dump", "--format=custom", *_AS_RESTORED, f"--file={target}"], url)
    return POSTGRESQL_COPY


def require_same_kind(copy: str, url: str) -> None:
    """See that the copy of this name can be put into the database of a URL.

    Raises:
        AuditError: it is of the other kind.
    """
    if (sqlite_file(url) is not None) != (copy == SQLITE_COPY):
        raise AuditError(f"the backup holds {copy}, and --database names another kind")


def restore_database(copy: Path, url: str, progress: CopyProgress) -> None:
    """Put a copy into the database of a URL, which is empty, or of which there is no file yet.

    Raises:
        AuditError: it cannot be restored; the database is as before.
    """
    if file := sqlite_file(url):
        _copy_sqlite(copy, file, progress)
    else:
        _run(["pg_restore", *_AS_RESTORED, "--single-transaction"], url, str(copy))


def _copy_sqlite(source: Path, target: Path, progress: CopyProgress) -> None:
    """Copy what a file holds with its log, as of one moment; the target must not be there."""
    if target.exists():
        raise AuditError(f"{target} is there already: nothing is overwritten")
    try:
        prepare_file(target)
        with closing(_opened(source)) as live, closing(sqlite3.connect(target)) as copy:
            # A transaction that reads: what is written from here on changes nothing of the copy,
            # and does not make it begin again.
            live.execute("BEGIN").close()
            live.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            live.backup(
                copy, pages=_PAGES, progress=lambda _, left, of: progress(of - left, of), sleep=0
            )
            _check(copy, target)
        _sync(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise AuditError(f"{source} cannot be copied to {target}: {error}") from error


def _opened(path: Path) -> sqlite3.Connection:
    """A file that is there; one that is not is never made."""
    name = f"file:{quote(str(path))}?mode=rw"
    return sqlite3.connect(name, uri=True, timeout=5.0, isolation_level=None)


def _check(copy: sqlite3.Connection, target: Path) -> None:
    found = [row[0] for row in copy.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise AuditError(f"the copy {target} is damaged: {found[0]}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _run(program: Sequence[str], database: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on a database; a password is never an argument."""
    url = make_url(database)
    address = url._replace(password=None)
    command = [*program, f"--dbname={address.render_as_string()}", *arguments]
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    try:
        done = subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=os.environ | password,
            check=False,
        )
    except FileNotFoundError as error:
        raise AuditError(
            f"{program[0]} is not installed: it comes with PostgreSQL's client programs"
        ) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise AuditError(f"{program[0]}: {lines[0]}")
