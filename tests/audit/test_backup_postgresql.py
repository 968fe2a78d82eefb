"""A database on a server is copied by PostgreSQL's programs, and put back whole or not at all."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from backups import TOKEN_KEY, back_up, no_progress, places_in, tree_of, write_private
from databases import fresh_database
from signed_logs import AUDIT_KEY, open_store, sequencer_of, write_answers, write_key
from stores import read

from cds_service.audit.backup import Places
from cds_service.audit.reading import Reader
from cds_service.audit.restoring import restore_backup
from cds_service.database.migrations import read_schema
from cds_service.errors import AuditError

pytestmark = pytest.mark.postgresql

IDS = [f"record-{number:06}" for number in range(3)]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """The server past PgBouncer: its programs set what would stay with a connection."""
    given: str = request.config.getoption("--postgresql")
    return os.environ.get("POSTGRESQL_URL", given)


@pytest.fixture
def backup(server: str, tmp_path: Path) -> Iterator[Path]:
    """A backup of a store of three signed answers."""
    live = tmp_path / "live"
    live.mkdir()
    with fresh_database(server) as url:
        places = replace(places_in(live), database=url)
        write_private(places.keys["audit.key"], AUDIT_KEY)
        write_private(places.keys["token.key"], TOKEN_KEY)
        write_key(places.keys["checkpoint.key"])
        engine = open_store(url)
        write_answers(engine, range(3))
        sequencer_of(engine, live / "checkpoints").run_round()
        engine.dispose()
        yield back_up(places, tmp_path / "backup")


@pytest.fixture
def there(server: str, tmp_path: Path) -> Iterator[Places]:
    """An empty database, and a directory where nothing is yet."""
    with fresh_database(server) as url:
        yield replace(places_in(tmp_path / "there"), database=url)


def is_empty(url: str) -> bool:
    """Whether a database has no tables."""
    with read(url) as engine:
        return read_schema(engine).is_empty


def test_a_database_is_restored_with_all_that_belongs_to_it(backup: Path, there: Places) -> None:
    """The dump is its owner's alone."""
    restore_backup(backup, there, no_progress)

    with read(there.database) as engine:
        assert sorted(stored.id for stored in Reader(engine).all_records()) == IDS
    assert there.keys["audit.key"].read_bytes() == AUDIT_KEY
    assert (backup / "database.dump").stat().st_mode & 0o077 == 0


def test_a_database_that_has_tables_is_not_touched(backup: Path, there: Places) -> None:
    """Nor is anything else restored."""
    engine = open_store(there.database)
    write_answers(engine, range(7, 8))
    engine.dispose()

    with pytest.raises(AuditError, match="the database is not empty: nothing is overwritten"):
        restore_backup(backup, there, no_progress)
    with read(there.database) as engine:
        assert [stored.id for stored in Reader(engine).all_records()] == ["record-000007"]
    assert not there.journal.parent.exists()


def test_a_program_that_fails_leaves_all_as_it_was(
    backup: Path, there: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database comes last, and what was put in place before is taken away."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "pg_restore").write_text("#!/bin/sh\necho 'error: no space left' >&2; exit 1\n")
    (programs / "pg_restore").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(AuditError, match="pg_restore: error: no space left"):
        restore_backup(backup, there, no_progress)
    assert is_empty(there.database)
    assert not there.journal.parent.exists()


@pytest.mark.parametrize("name", ["database.dump", "keys/audit.key"])
def test_a_restore_that_is_ended_leaves_all_as_it_was(
    backup: Path, there: Places, name: str
) -> None:
    """While its program runs, too: that is ended with it, and the server takes all of it back."""
    before = tree_of(backup)

    def end(doing: str, done: int, of: int) -> None:
        if doing == f"restored {name}":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_backup(backup, there, end)
    assert is_empty(there.database)
    assert not there.journal.parent.exists()
    restore_backup(backup, there, no_progress)
    assert tree_of(backup) == before
