"""`crd audit backup` and `crd audit restore`: what is refused, in which words, and what stays."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from backups import FILES, OTHER_SIGNER, store_in, tree_of, write_private
from crd_command import crd_here
from signed_logs import write_key

from cds_service.access.token_key import FILE_NAME as TOKEN_KEY
from cds_service.database.schema_check import newest_revision
from cds_service.database.tables import METADATA

# What the first schema had; later ones have added tables.
TABLES = {"record", "leaf", "mention", "token_use", "checkpoint", "library", "hold"}
OF_A_RELEASE_BEFORE = "".join(
    [
        *(f"DROP TABLE {name}; " for name in sorted(set(METADATA.tables) - TABLES)),
        "UPDATE alembic_version SET version_num = '0001'",
    ]
)
OF_A_NEWER_RELEASE = """
UPDATE alembic_version SET version_num = '9999'; UPDATE served_schema SET oldest = '9999';
"""
OF_THE_FIRST_RELEASE = """
CREATE TABLE answer (id TEXT, at TEXT, hook TEXT, hook_instance TEXT, version TEXT,
                     decisions TEXT, request TEXT, response TEXT);
CREATE TABLE feedback (card TEXT, outcome TEXT, at TEXT, body TEXT);
"""
Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is made once, and copied for each test."""
    directory = tmp_path_factory.mktemp("store") / "live"
    store_in(directory)
    (directory / "token.key").rename(directory / TOKEN_KEY)  # where no setting names one
    return directory


@pytest.fixture
def live(store: Path, tmp_path: Path) -> Path:
    """A store with all that belongs to it."""
    return shutil.copytree(store, tmp_path / "live")


def back_up(live: Path, *options: str | Path) -> Ran:
    """A backup of the store of a data directory, beside it."""
    return crd_here("audit", "backup", live.parent / "backup", "--data-dir", live, *options)


def restore(live: Path, *options: str | Path) -> Ran:
    """The backup put below another data directory."""
    there = live.parent / "there"
    return crd_here("audit", "restore", live.parent / "backup", "--data-dir", there, *options)


def change(live: Path, script: str) -> None:
    """Do something to the database past the service."""
    with closing(sqlite3.connect(live / "crd.sqlite3")) as connection:
        connection.executescript(script)


def test_a_store_is_backed_up_restored_and_verified(live: Path) -> None:
    """The record of the backup is in it too."""
    made, done = back_up(live), restore(live)

    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-2:] == [
        f"{len(FILES)} files are in {live.parent / 'backup'}",
        "See that it can be restored, on another machine: crd audit restore",
    ]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All records are as they were signed." in done.stdout
    there = ("--data-dir", live.parent / "there")
    read = crd_here("audit", "find", "--kind", "reading", "--json", *there)
    assert "audit backup" in read.stdout


def test_a_store_that_nobody_has_made_is_told_of(tmp_path: Path) -> None:
    """In plain words, and nothing is made: neither a database nor a directory."""
    made = back_up(tmp_path / "live")

    assert made.returncode == 1
    assert "there is no database at " in made.stderr
    assert "so there is nothing to back up" in made.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_release_before_is_backed_up_and_restored(live: Path) -> None:
    """One backs up before one migrates; and what is restored is migrated then."""
    change(live, OF_A_RELEASE_BEFORE)
    made, done = back_up(live), restore(live)

    assert made.returncode == 0, made.stderr
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"Its schema is 0001, and this release needs {newest_revision()}" in done.stdout
    assert "run `crd audit migrate`, then `crd audit verify`" in done.stdout
    there = ("--data-dir", live.parent / "there")
    assert crd_here("audit", "migrate", *there).returncode == 0
    verified = crd_here("audit", "verify", *there)
    assert verified.returncode == 0, verified.stdout
    read = crd_here("audit", "find", "--kind", "reading", "--json", *there)
    assert "audit backup" in read.stdout


def test_a_store_of_a_newer_release_is_backed_up_and_restored(live: Path) -> None:
    """Any copy is better than none; it is for that release to go on with."""
    change(live, OF_A_NEWER_RELEASE)
    made, done = back_up(live), restore(live)

    assert made.returncode == 0, made.stderr
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Its schema is 9999" in done.stdout
    assert "a newer release has made it, so go on with that one" in done.stdout


def test_a_store_without_migrations_is_backed_up_and_restored(tmp_path: Path) -> None:
    """It has no place for the record of it, which is told."""
    live = tmp_path / "live"
    live.mkdir()
    change(live, OF_THE_FIRST_RELEASE)
    made, done = back_up(live), restore(live)

    assert made.returncode == 0, made.stderr
    assert "that it was copied is not recorded in it" in made.stderr
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Its schema is of the first release" in done.stdout
    assert crd_here("audit", "migrate", "--data-dir", tmp_path / "there").returncode == 0


def test_the_database_of_another_program_is_not_backed_up(tmp_path: Path) -> None:
    """It is a wrong URL, most often."""
    live = tmp_path / "live"
    live.mkdir()
    change(live, "CREATE TABLE theirs (id INTEGER);")
    made = back_up(live)

    assert made.returncode == 1
    assert "another program has tables there, such as `theirs`" in made.stderr
    assert not (tmp_path / "backup").exists()


@pytest.mark.parametrize("name", ["audit", "checkpoint"])
def test_a_wrong_key_is_refused_by_its_name(live: Path, name: str) -> None:
    """Nothing is left of the backup, and the way out is named."""
    other = live.parent / "other.key"
    if name == "audit":
        write_private(other, b"o" * 32)
    else:
        write_key(other, OTHER_SIGNER)
    made = back_up(live, f"--{name}-key", other)

    assert made.returncode == 1
    assert f"{other} is not the {name}.key of this store" in made.stderr
    assert f"--{name}-key" in made.stderr
    assert "--without-keys" in made.stderr
    assert not (live.parent / "backup").exists()


@pytest.mark.parametrize("name", ["audit", "checkpoint", "token"])
def test_a_key_that_is_named_and_not_there_is_refused(live: Path, name: str) -> None:
    """By its place."""
    made = back_up(live, f"--{name}-key", live.parent / "none.key")

    assert made.returncode == 1
    assert str(live.parent / "none.key") in made.stderr
    assert not (live.parent / "backup").exists()


def test_a_backup_without_keys_is_restored_with_those_of_its_store(live: Path) -> None:
    """Not with none, which a start would make anew."""
    assert back_up(live, "--without-keys").returncode == 0
    refused = restore(live)

    assert refused.returncode == 2
    assert "there is no audit.key at " in refused.stderr
    assert not (live.parent / "there").exists()
    keys = ("--audit-key", live / "audit.key", "--checkpoint-key", live / "checkpoint.key")
    done = restore(live, *keys, "--token-key", live / TOKEN_KEY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_restore_that_cannot_be_verified_is_told_of(live: Path) -> None:
    """It is done all the same, and the exit status is neither that of a finding nor of nothing."""
    (live / "checkpoints").unlink()
    assert back_up(live).returncode == 0
    done = restore(live, "--checkpoints", live.parent / "none")

    assert done.returncode == 3
    assert "All is restored, and could not be verified: --checkpoints: there" in done.stderr
    assert (live.parent / "there" / "crd.sqlite3").exists()


def test_a_restore_deletes_no_log_of_a_store_that_was_there(live: Path) -> None:
    """It may hold what was committed last."""
    assert back_up(live).returncode == 0
    there = live.parent / "there"
    there.mkdir()
    (there / "crd.sqlite3-wal").write_bytes(b"frames")
    refused = restore(live)

    assert refused.returncode == 2
    assert "crd.sqlite3-wal is there already: nothing is overwritten" in refused.stderr
    assert tree_of(there) == {"crd.sqlite3-wal": b"frames"}


def test_the_journal_is_named_while_the_database_is_away(live: Path) -> None:
    """Its records are nowhere else then."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    made = back_up(live, "--database", nowhere)

    assert made.returncode == 1
    assert "the store cannot be used: " in made.stderr
    assert f"are files in {live / 'journal'}: copy that directory as it is" in made.stderr
