"""A backup holds a store with all it needs, overwrites nothing, and knows when it was changed."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stores import NOON, kept, opened, record

from cds_service.audit.backup import MANIFEST, Places, make_backup, read_manifest
from cds_service.audit.restoring import restore_backup
from cds_service.errors import AuditError

KEY = b"a secret of its owner"


def no_progress(done: int, of: int) -> None:
    """Nobody looks."""


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    """A store with one record, that is in use, its keys, checkpoints and a journal."""
    here = tmp_path / "live"
    for name, text in (("audit.key", KEY), ("checkpoints", b"note\n"), ("crd.toml", b"port = 1\n")):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(text)
    (here / "journal").mkdir()
    (here / "journal" / "left.journal").write_bytes(b"frames")
    url = f"sqlite:///{here}/crd.sqlite3"
    with opened(url) as log:
        log.write(record("r1"))
        yield places_in(here)


def places_in(directory: Path) -> Places:
    """The same files below another directory."""
    return Places(
        database=f"sqlite:///{directory}/crd.sqlite3",
        journal=directory / "journal",
        checkpoints=directory / "checkpoints",
        keys={"audit.key": directory / "audit.key", "token.key": directory / "token.key"},
        settings={"crd.toml": directory / "crd.toml"},
    )


def back_up(places: Places, directory: Path) -> Path:
    """A backup of the store."""
    make_backup(places, directory, made=NOON, program="1", progress=no_progress)
    return directory


def test_a_backup_restored_elsewhere_is_the_store(places: Places, tmp_path: Path) -> None:
    """Its record, its key, its checkpoints and its journal, each for its owner alone."""
    there = tmp_path / "there"
    backup = back_up(places, tmp_path / "backup")

    restore_backup(backup, places_in(there), no_progress)

    assert kept(f"sqlite:///{there}/crd.sqlite3") == ["r1"]
    assert (there / "audit.key").read_bytes() == KEY
    assert (there / "checkpoints").read_bytes() == b"note\n"
    assert (there / "journal" / "left.journal").read_bytes() == b"frames"
    files = [path for path in (*there.rglob("*"), *backup.rglob("*")) if path.is_file()]
    assert [path for path in files if path.stat().st_mode & 0o077] == []


def test_settings_are_backed_up_and_put_back_by_hand(places: Places, tmp_path: Path) -> None:
    """They say where the rest goes."""
    there = tmp_path / "there"
    backup = back_up(places, tmp_path / "backup")
    restore_backup(backup, places_in(there), no_progress)

    assert (backup / "settings" / "crd.toml").read_bytes() == b"port = 1\n"
    assert not (there / "crd.toml").exists()


def test_a_directory_that_is_there_is_not_written_to(places: Places, tmp_path: Path) -> None:
    """Not even an empty one: a backup is never half of another."""
    (tmp_path / "backup").mkdir()

    with pytest.raises(AuditError, match="is there already: nothing is overwritten"):
        back_up(places, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_store_that_is_there_is_not_overwritten(places: Places, tmp_path: Path) -> None:
    """Restored over itself."""
    backup = back_up(places, tmp_path / "backup")

    with pytest.raises(AuditError, match=r"crd\.sqlite3 is there already"):
        restore_backup(backup, replace(places, journal=tmp_path / "new"), no_progress)


def test_another_key_is_not_overwritten(places: Places, tmp_path: Path) -> None:
    """And nothing else is restored."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "audit.key").write_bytes(b"another secret")
    backup = back_up(places, tmp_path / "backup")

    with pytest.raises(AuditError, match="is another key than that of the backup"):
        restore_backup(backup, places_in(there), no_progress)
    assert [path.name for path in there.iterdir()] == ["audit.key"]


def test_checkpoints_that_are_there_stay(places: Places, tmp_path: Path) -> None:
    """They are the witness against the backup, and may know more than it does."""
    there = tmp_path / "there"
    there.mkdir()
    (there / "checkpoints").write_bytes(b"note\nlater note\n")
    backup = back_up(places, tmp_path / "backup")

    _, placed = restore_backup(backup, places_in(there), no_progress)

    assert (there / "checkpoints").read_bytes() == b"note\nlater note\n"
    assert ("checkpoints", there / "checkpoints", True) in placed


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("database.sqlite3", "has changed"),
        ("keys/audit.key", "has changed"),
        ("journal/left.journal", "is missing"),
        (MANIFEST, "is no backup, or was not finished"),
    ],
)
def test_a_backup_that_was_changed_is_not_restored(
    places: Places, tmp_path: Path, name: str, problem: str
) -> None:
    """Nor one that was not finished, which has no manifest."""
    backup = back_up(places, tmp_path / "backup")
    file = backup / name
    if problem == "has changed":
        file.write_bytes(file.read_bytes() + b"!")
    else:
        file.unlink()

    with pytest.raises(AuditError, match=problem):
        restore_backup(backup, places_in(tmp_path / "there"), no_progress)
    assert not (tmp_path / "there").exists()


def test_the_manifest_names_every_file(places: Places, tmp_path: Path) -> None:
    """With its digest; and when it was made, by which release."""
    backup = back_up(places, tmp_path / "backup")
    files = {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()}

    assert set(read_manifest(backup).files) == files - {MANIFEST}
    assert json.loads((backup / MANIFEST).read_text())["made"] == "2026-11-20T12:00:00Z"


def test_what_is_written_meanwhile_does_not_begin_the_copy_anew(
    places: Places, tmp_path: Path
) -> None:
    """The copy is as of the moment at which it was begun, and ends however much is written."""
    steps: list[int] = []

    def write_more(done: int, of: int) -> None:
        steps.append(done)
        with opened(places.database) as log:
            log.write(record(f"later-{len(steps)}", payload=os.urandom(1000)))

    with opened(places.database) as log:
        for number in range(3):
            log.write(record(f"before-{number}", payload=os.urandom(6_000_000)))
    directory = tmp_path / "backup"
    make_backup(places, directory, made=NOON, program="1", progress=write_more)

    assert steps == sorted(set(steps))
    assert kept(f"sqlite:///{directory}/database.sqlite3") == [
        "before-0",
        "before-1",
        "before-2",
        "r1",
    ]


def test_a_backup_of_a_file_is_not_put_into_a_server(places: Places, tmp_path: Path) -> None:
    """Which is told before anything is asked of it."""
    backup = back_up(places, tmp_path / "backup")
    target = replace(places_in(tmp_path / "there"), database="postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(AuditError, match="names another kind"):
        restore_backup(backup, target, no_progress)
