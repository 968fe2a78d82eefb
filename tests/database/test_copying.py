"""A copy of a file is whole or not there, and no file is made by asking for one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from backups import no_progress

from cds_service.database.copying import SQLITE_COPY, copy_database, require_empty
from cds_service.errors import AuditError


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a copy is put."""
    made = tmp_path / "copy"
    made.mkdir()
    return made


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, directory: Path) -> None:
    """Neither the one to copy nor its copy."""
    with pytest.raises(AuditError, match="unable to open"):
        copy_database(f"sqlite:///{tmp_path}/none.sqlite3", directory, no_progress)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_copy_of_a_damaged_file_is_not_kept(tmp_path: Path, directory: Path) -> None:
    """It says that it is damaged, rather than being found so at a restore."""
    (tmp_path / "crd.sqlite3").write_bytes(b"no database" * 1000)

    with pytest.raises(AuditError, match="not a database"):
        copy_database(f"sqlite:///{tmp_path}/crd.sqlite3", directory, no_progress)
    assert list(directory.iterdir()) == []


def test_what_was_committed_to_the_log_alone_is_copied(tmp_path: Path, directory: Path) -> None:
    """While the store is open, most of it is there."""
    with closing(sqlite3.connect(tmp_path / "crd.sqlite3", isolation_level=None)) as live:
        live.execute("PRAGMA journal_mode = WAL").close()
        live.execute("CREATE TABLE record (id TEXT)")
        live.execute("INSERT INTO record VALUES ('r1')")
        copy_database(f"sqlite:///{tmp_path}/crd.sqlite3", directory, no_progress)

    assert [path.name for path in directory.iterdir()] == [SQLITE_COPY]
    with closing(sqlite3.connect(directory / SQLITE_COPY)) as copy:
        assert copy.execute("SELECT id FROM record").fetchall() == [("r1",)]


def test_the_log_of_a_file_that_is_gone_is_no_empty_place(tmp_path: Path) -> None:
    """SQLite would delete it when a file is put beside it."""
    log = tmp_path / "crd.sqlite3-wal"
    log.write_bytes(b"frames")

    with pytest.raises(AuditError, match=r"crd\.sqlite3-wal is there already"):
        require_empty(f"sqlite:///{tmp_path}/crd.sqlite3")
    assert log.read_bytes() == b"frames"
