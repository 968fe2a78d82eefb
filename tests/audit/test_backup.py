"""A backup holds a store with all it needs, and has its name once it is whole."""

import json
import os
import shutil
import signal
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from backups import (
    FILES,
    OTHER_SIGNER,
    back_up,
    no_progress,
    places_in,
    store_in,
)
from signed_logs import write_key
from stores import file_size_limit, kept, opened, record

from cds_service.audit.backup import MANIFEST, Manifest, Places, read_manifest
from cds_service.audit.restoring import restore_backup
from cds_service.cli.audit.stopping import stopped_tidily
from cds_service.errors import AuditError, SettingError

LARGE = 24_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is made once, and copied for each test."""
    directory = tmp_path_factory.mktemp("store") / "live"
    store_in(directory)
    return directory


@pytest.fixture
def places(store: Path, tmp_path: Path) -> Places:
    """A store."""
    shutil.copytree(store, tmp_path / "live")
    return places_in(tmp_path / "live")


def test_a_backup_has_every_part_of_the_store(places: Places, tmp_path: Path) -> None:
    """Each for its owner alone, the directories that were made for it too."""
    backup = back_up(places, tmp_path / "backups" / "of today" / "crd")

    assert {*FILES, "settings/crd.toml"} == set(read_manifest(backup, no_progress).files)
    made = [tmp_path / "backups", *(tmp_path / "backups").rglob("*")]
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_the_manifest_names_every_file(places: Places, tmp_path: Path) -> None:
    """With its digest; and when it was made, by which release."""
    backup = back_up(places, tmp_path / "backup")
    files = {path.relative_to(backup).as_posix() for path in backup.rglob("*") if path.is_file()}

    assert set(read_manifest(backup, no_progress).files) == files - {MANIFEST}
    assert json.loads((backup / MANIFEST).read_text())["made"] == "2026-11-20T12:00:00Z"


def test_a_directory_that_is_there_is_not_written_to(places: Places, tmp_path: Path) -> None:
    """Not even an empty one: a backup is never half of another."""
    (tmp_path / "backup").mkdir()

    with pytest.raises(AuditError, match="is there already: nothing is overwritten"):
        back_up(places, tmp_path / "backup")
    assert list((tmp_path / "backup").iterdir()) == []


def test_parts_that_are_not_there_yet_are_left_out(tmp_path: Path) -> None:
    """A store that was made and has no records has neither checkpoints nor a journal."""
    places = places_in(tmp_path / "live")
    with opened(places.database):
        pass

    assert [*read_manifest(back_up(places, tmp_path / "backup"), no_progress).files] == [
        "database.sqlite3"
    ]


def test_what_is_written_meanwhile_does_not_begin_the_copy_anew(
    places: Places, tmp_path: Path
) -> None:
    """The copy is as of the moment at which it was begun, and ends however much is written."""
    steps: list[int] = []
    store = replace(places, database=f"sqlite:///{tmp_path}/large.sqlite3")

    def write_more(doing: str, done: int, of: int) -> None:
        if doing == "copied database.sqlite3":
            steps.append(done)
            with opened(store.database) as log:
                log.write(record(f"later-{len(steps)}", payload=os.urandom(1000)))

    with opened(store.database) as log:
        for number in range(3):
            log.write(record(f"before-{number}", payload=os.urandom(3_000_000)))
    backup = back_up(store, tmp_path / "backup", write_more)

    assert len(steps) > 1
    assert steps == sorted(set(steps))
    assert kept(f"sqlite:///{backup}/database.sqlite3") == ["before-0", "before-1", "before-2"]


def end_by_key(doing: str, done: int, of: int) -> None:
    """As whoever presses Ctrl-C in the middle."""
    if doing == "copied database.sqlite3":
        raise KeyboardInterrupt


def end_by_signal(doing: str, done: int, of: int) -> None:
    """As a timer or an engine of containers does."""
    if doing == "copied database.sqlite3":
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("end", [end_by_key, end_by_signal])
def test_a_backup_that_is_ended_leaves_nothing(
    places: Places, tmp_path: Path, end: Callable[[str, int, int], None]
) -> None:
    """Nor the directories that were made for it."""
    with stopped_tidily(), pytest.raises((KeyboardInterrupt, SystemExit)):
        back_up(places, tmp_path / "backups" / "crd", end)

    assert [path.name for path in tmp_path.iterdir()] == ["live"]


def test_a_backup_that_is_killed_has_not_its_name(places: Places, tmp_path: Path) -> None:
    """What is there meanwhile is hidden, and called unfinished."""
    seen: set[str] = set()

    def look(doing: str, done: int, of: int) -> None:
        seen.update(path.name for path in (tmp_path / "backups").iterdir())

    back_up(places, tmp_path / "backups" / "crd", look)

    assert len(seen) == 1
    (name,) = seen
    assert name.startswith(".crd-")
    assert name.endswith(".unfinished")


def test_a_full_disk_is_told_in_plain_words(places: Places, tmp_path: Path) -> None:
    """And leaves nothing; the system names no file then."""
    (places.journal / "left.journal").write_bytes(b"frames" * 100_000)

    with (
        file_size_limit(400_000),
        pytest.raises(AuditError, match=r"^cannot back up: File too large$"),
    ):
        back_up(places, tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["live"]


def test_a_store_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    """Nor any directory for its backup."""
    with pytest.raises(AuditError, match=r"there is no database at .*, so there is nothing to"):
        back_up(places_in(tmp_path / "none"), tmp_path / "backup")

    assert list(tmp_path.iterdir()) == []


def test_keys_that_are_missing_are_named(places: Places, tmp_path: Path) -> None:
    """Those that the records need, whether a setting names them or not."""
    for name, option in (("audit.key", "--audit-key"), ("checkpoint.key", "--checkpoint-key")):
        elsewhere = replace(places, keys={**places.keys, name: tmp_path / "none.key"})
        with pytest.raises(AuditError, match=f"there is no {name} at .*{option}"):
            back_up(elsewhere, tmp_path / "backup")

    places.keys["token.key"].unlink()
    assert (
        "keys/token.key"
        not in read_manifest(back_up(places, tmp_path / "backup"), no_progress).files
    )


@pytest.mark.parametrize("name", ["audit.key", "checkpoint.key", "token.key"])
def test_a_key_that_a_setting_names_is_there(places: Places, tmp_path: Path, name: str) -> None:
    """Or the backup would lack it, and nobody would know."""
    places.keys[name].unlink()

    with pytest.raises(AuditError, match=f"there is no {name} at "):
        back_up(replace(places, named=frozenset({name})), tmp_path / "backup")
    assert [path.name for path in tmp_path.iterdir()] == ["live"]


def test_checkpoints_that_a_setting_names_are_there(places: Places, tmp_path: Path) -> None:
    """Once there are any."""
    (tmp_path / "live" / "checkpoints").unlink()

    with pytest.raises(AuditError, match="--checkpoints: there is no file"):
        back_up(replace(places, named=frozenset({"checkpoints"})), tmp_path / "backup")


def write_other(places: Places, name: str) -> None:
    """A key of another store."""
    if name == "audit.key":
        places.keys[name].write_bytes(b"o" * 32)
    else:
        places.keys[name].unlink()
        write_key(places.keys[name], OTHER_SIGNER)


@pytest.mark.parametrize("name", ["audit.key", "checkpoint.key"])
def test_a_key_of_another_store_is_refused(places: Places, tmp_path: Path, name: str) -> None:
    """A backup with it would look whole; without the keys, it is no part of it."""
    write_other(places, name)

    with pytest.raises(AuditError, match=f"is not the {name} of this store"):
        back_up(places, tmp_path / "backup")
    backup = back_up(places, tmp_path / "backup", has_keys=False)
    assert not (backup / "keys").exists()
    assert name not in read_manifest(backup, no_progress).keys


def test_a_key_that_is_none_is_refused(places: Places, tmp_path: Path) -> None:
    """With the setting to change."""
    places.keys["checkpoint.key"].write_bytes(b"nothing of the kind")

    with pytest.raises(SettingError, match="--checkpoint-key"):
        back_up(places, tmp_path / "backup")


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
    """Nor one that has no manifest."""
    backup = back_up(places, tmp_path / "backup")
    file = backup / name
    if problem == "has changed":
        file.write_bytes(file.read_bytes() + b"!")
    else:
        file.unlink()

    with pytest.raises(AuditError, match=problem):
        restore_backup(backup, places_in(tmp_path / "there"), no_progress)
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("database", ["database.sqlite3", "keys/audit.key", "none"])
def test_a_manifest_without_its_database_is_refused(
    places: Places, tmp_path: Path, database: str
) -> None:
    """What it calls the database is one, and is among its files."""
    backup = back_up(places, tmp_path / "backup")
    manifest = json.loads((backup / MANIFEST).read_text())
    del manifest["files"]["database.sqlite3"]
    (backup / MANIFEST).write_text(json.dumps({**manifest, "database": database}))

    with pytest.raises(AuditError, match="names no database"):
        restore_backup(backup, places_in(tmp_path / "there"), no_progress)
    assert not (tmp_path / "there").exists()


def test_a_manifest_of_a_release_before_is_read(places: Places, tmp_path: Path) -> None:
    """It told nothing of keys."""
    backup = back_up(places, tmp_path / "backup")
    manifest = json.loads((backup / MANIFEST).read_text())
    del manifest["keys"]
    (backup / MANIFEST).write_text(json.dumps(manifest))

    found: Manifest = read_manifest(backup, no_progress)

    assert found.keys == {}
    restore_backup(backup, places_in(tmp_path / "there"), no_progress)


def peak_of(places: Places, directory: Path) -> int:
    """The most bytes that a backup and its restore hold at a time."""
    tracemalloc.start()
    try:
        back_up(places, directory / "backup")
        restore_backup(directory / "backup", places_in(directory / "there"), no_progress)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_store(places: Places, tmp_path: Path) -> None:
    """A file is copied and checked in pieces; the database by SQLite, so many pages at a time."""
    small = peak_of(places, tmp_path / "small")
    os.truncate(places.journal / "left.journal", LARGE)

    assert peak_of(places, tmp_path / "large") < small + LARGE // 6


def test_progress_is_shown_of_every_file(places: Places, tmp_path: Path) -> None:
    """What is done with it, so many bytes of how many."""
    seen: dict[str, tuple[int, int]] = {}

    def look(doing: str, done: int, of: int) -> None:
        seen[doing] = (done, of)

    backup = back_up(places, tmp_path / "backup", look)

    size = (backup / "database.sqlite3").stat().st_size
    assert seen["copied database.sqlite3"] == (size, size)
    assert seen["checked database.sqlite3"] == (size, size)
    assert seen["copied audit.key"] == (32, 32)
