"""PostgreSQL's own programs are run with a database, and told no secret that others could see."""

from pathlib import Path

import pytest

from cds_service.database.copying import POSTGRESQL_COPY, copy_database, restore_database
from cds_service.errors import AuditError

SECRET = "s3cret"  # noqa: S105
URL = f"postgresql://crd:{SECRET}@db.payer.example/crd?sslmode=verify-full"


def no_progress(done: int, of: int) -> None:
    """Nobody looks."""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of the programs, the only one on the path."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def put_program(directory: Path, name: str, script: str) -> None:
    """A program of this name that is a line of shell."""
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_password_is_no_argument(programs: Path, tmp_path: Path) -> None:
    """Whoever lists processes would read it."""
    seen = tmp_path / "seen"
    put_program(programs, "pg_dump", f'echo "$PGPASSWORD" "$@" > {seen}')

    assert copy_database(URL, tmp_path, no_progress) == POSTGRESQL_COPY

    given, *arguments = seen.read_text().split()
    assert given == SECRET
    assert "--dbname=postgresql://crd@db.payer.example/crd?sslmode=verify-full" in arguments
    assert not any(SECRET in argument for argument in arguments)


def test_a_program_that_is_not_there_is_named(programs: Path, tmp_path: Path) -> None:
    """With what it comes with."""
    with pytest.raises(AuditError, match="pg_restore is not installed: it comes with PostgreSQL"):
        restore_database(tmp_path / POSTGRESQL_COPY, URL, no_progress)


def test_what_a_program_complains_of_is_handed_on(programs: Path, tmp_path: Path) -> None:
    """Its first line."""
    put_program(programs, "pg_dump", "echo 'server version mismatch' >&2; exit 1")

    with pytest.raises(AuditError, match=r"^pg_dump: server version mismatch$"):
        copy_database(URL, tmp_path, no_progress)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Neither the one to copy nor its copy."""
    with pytest.raises(AuditError, match="unable to open"):
        copy_database(f"sqlite:///{tmp_path}/none.sqlite3", tmp_path / "copy", no_progress)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_copy_of_a_damaged_file_is_not_kept(tmp_path: Path) -> None:
    """It says that it is damaged, rather than being found so at a restore."""
    (tmp_path / "crd.sqlite3").write_bytes(b"no database" * 1000)

    with pytest.raises(AuditError, match="not a database"):
        copy_database(f"sqlite:///{tmp_path}/crd.sqlite3", tmp_path / "copy", no_progress)
