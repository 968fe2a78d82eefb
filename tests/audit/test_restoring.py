"""A restore is all or nothing, overwrites nothing, and takes no key of another store."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from backups import (
    FILES,
    FRAMES,
    back_up,
    no_progress,
    place_of,
    places_in,
    store_in,
    tree_of,
    write_private,
)
from signed_logs import AUDIT_KEY
from stores import read

from cds_service.audit.backup import Places
from cds_service.audit.reading import Reader
from cds_service.audit.restoring import restore_backup
from cds_service.errors import AuditError

KEYS = ("audit.key", "checkpoint.key", "token.key")
IDS = [f"record-{number:06}" for number in range(3)]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, a backup of it, and one without its keys: made once, and copied for each test."""
    directory = tmp_path_factory.mktemp("once")
    places = store_in(directory / "store")
    back_up(places, directory / "backup")
    back_up(places, directory / "keyless", has_keys=False)
    return directory


@pytest.fixture
def backup(once: Path, tmp_path: Path) -> Path:
    """A backup."""
    return shutil.copytree(once / "backup", tmp_path / "backup")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "new" / "there"


def restore(backup: Path, there: Path) -> None:
    """Put a backup below a directory."""
    restore_backup(backup, places_in(there), no_progress)


def test_a_backup_restored_elsewhere_is_the_store(backup: Path, there: Path) -> None:
    """Its records, keys, checkpoints and journal, each for its owner alone, and no more."""
    restore(backup, there)

    assert kept_ids(there) == IDS
    assert (there / "audit.key").read_bytes() == AUDIT_KEY
    assert (there / "checkpoints").read_bytes() == (backup / "checkpoints").read_bytes()
    assert (there / "journal" / "left.journal").read_bytes() == FRAMES
    assert {path.name for path in there.iterdir()} >= {"checkpoint.key", "token.key"}
    made = [there.parent, there, *there.rglob("*")]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
    assert [path for path in made if path.name.endswith(".restoring")] == []


def kept_ids(directory: Path) -> list[str]:
    """The records in the store of a directory, sorted."""
    with read(places_in(directory).database) as engine:
        return sorted(stored.id for stored in Reader(engine).all_records())


def test_settings_are_put_back_by_hand(backup: Path, there: Path) -> None:
    """They say where the rest goes."""
    restore(backup, there)

    assert (backup / "settings" / "crd.toml").read_bytes() == b"port = 1\n"
    assert not (there / "crd.toml").exists()


def test_a_backup_that_cannot_be_written_is_restored(backup: Path, there: Path) -> None:
    """And stays as it is: it may lie on a disk that is mounted for reading."""
    before = tree_of(backup)
    restore(backup, there)

    assert tree_of(backup) == before


@pytest.mark.parametrize("name", FILES)
def test_whatever_comes_in_the_way_stays_and_all_is_as_it_was(
    backup: Path, there: Path, name: str
) -> None:
    """Each file in turn appears in its place while the last one is copied."""
    there.mkdir(parents=True)
    (there / "journal").mkdir()
    intruder = place_of(name, places_in(there))

    def intrude(doing: str, done: int, of: int) -> None:
        if doing == "restored database.sqlite3":
            intruder.write_bytes(b"somebody's")

    with pytest.raises(AuditError, match=r"is there already: nothing is overwritten$"):
        restore_backup(backup, places_in(there), intrude)
    assert tree_of(there) == {
        "journal": b"",
        intruder.relative_to(there).as_posix(): b"somebody's",
    }


@pytest.mark.parametrize(
    "step", ["checked database.sqlite3", *(f"restored {name}" for name in FILES)]
)
def test_a_restore_that_is_ended_at_any_step_leaves_all_as_it_was(
    backup: Path, there: Path, step: str
) -> None:
    """No directory either."""

    def end(doing: str, done: int, of: int) -> None:
        if doing == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_backup(backup, places_in(there), end)
    assert not there.parent.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_place_that_cannot_be_written_leaves_all_as_it_was(
    backup: Path, there: Path, name: str
) -> None:
    """A file stands where its directory should be."""
    there.parent.mkdir()
    places = places_in(there)
    (there.parent / "file").write_bytes(b"somebody's")
    moved = moved_to(there.parent / "file" / "below", name, places)

    with pytest.raises(AuditError, match=r"cannot restore: .*file"):
        restore_backup(backup, moved, no_progress)
    assert tree_of(there.parent) == {"file": b"somebody's"}


def moved_to(path: Path, name: str, places: Places) -> Places:
    """The places, with that of one file of a backup moved."""
    room, _, rest = name.partition("/")
    if room == "keys":
        return replace(places, keys={**places.keys, rest: path})
    if room == "journal":
        return replace(places, journal=path)
    if room == "checkpoints":
        return replace(places, checkpoints=path)
    return replace(places, database=f"sqlite:///{path}")


def test_a_file_that_changes_after_its_check_is_not_restored(backup: Path, there: Path) -> None:
    """What is put in place is what the manifest names."""
    file = backup / "journal" / "left.journal"

    def change(doing: str, done: int, of: int) -> None:
        if doing == "restored checkpoints":
            file.write_bytes(b"altered")

    with pytest.raises(AuditError, match=r"left\.journal has changed since it was checked"):
        restore_backup(backup, places_in(there), change)
    assert not there.parent.exists()


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_what_is_left_of_a_database_is_not_deleted(backup: Path, there: Path, end: str) -> None:
    """It may hold records that were committed to the store that was there."""
    there.mkdir(parents=True)
    left = there / f"crd.sqlite3{end}"
    left.write_bytes(b"frames of the store that was there")

    with pytest.raises(AuditError, match=rf"crd\.sqlite3{end} is there already: nothing"):
        restore(backup, there)
    assert tree_of(there) == {left.name: b"frames of the store that was there"}


def test_another_key_is_not_overwritten(backup: Path, there: Path) -> None:
    """And nothing else is restored; the same key may be there."""
    there.mkdir(parents=True)
    write_private(there / "audit.key", b"another secret")

    with pytest.raises(AuditError, match="is another key than that of the backup"):
        restore(backup, there)
    assert tree_of(there) == {"audit.key": b"another secret"}

    (there / "audit.key").write_bytes(AUDIT_KEY + b"\n")
    restore(backup, there)
    assert kept_ids(there) == IDS


def test_checkpoints_that_are_there_stay(backup: Path, there: Path) -> None:
    """They are the witness against the backup, and may know more than it does."""
    there.mkdir(parents=True)
    (there / "checkpoints").write_bytes(b"note\nlater note\n")

    _, placed = restore_backup(backup, places_in(there), no_progress)

    assert (there / "checkpoints").read_bytes() == b"note\nlater note\n"
    assert [file.name for file in placed if file.stays] == ["checkpoints"]


def test_another_journal_is_not_overwritten(backup: Path, there: Path) -> None:
    """The same may be there, as where the machine stopped in the middle of a restore."""
    journal = there / "journal" / "left.journal"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b"other frames")

    with pytest.raises(AuditError, match=r"left\.journal is there already"):
        restore(backup, there)
    journal.write_bytes(FRAMES)
    restore(backup, there)
    assert kept_ids(there) == IDS


def test_what_a_restore_that_was_killed_has_left_is_named(backup: Path, there: Path) -> None:
    """All of it, to be removed by whoever knows that none is under way."""
    there.mkdir(parents=True)
    for name in ("audit.key.restoring", "crd.sqlite3.restoring"):
        (there / name).write_bytes(b"half")

    with pytest.raises(AuditError, match=r"audit\.key\.restoring, .*crd\.sqlite3\.restoring$"):
        restore(backup, there)
    assert set(tree_of(there)) == {"audit.key.restoring", "crd.sqlite3.restoring"}


def put_keys(once: Path, there: Path) -> None:
    """Put the keys of the store where they belong, as whoever keeps them does."""
    there.mkdir(parents=True)
    for name in KEYS:
        shutil.copy(once / "store" / name, there / name)


def test_a_backup_without_keys_needs_those_of_its_store(once: Path, there: Path) -> None:
    """Put where they belong before; one that is missing is named."""
    with pytest.raises(AuditError, match=r"there is no audit\.key at .*put that of the store"):
        restore(once / "keyless", there)
    assert not there.exists()

    put_keys(once, there)
    restore(once / "keyless", there)
    assert kept_ids(there) == IDS


@pytest.mark.parametrize("name", KEYS)
def test_a_backup_without_keys_takes_no_key_of_another_store(
    once: Path, there: Path, name: str
) -> None:
    """Nothing is restored."""
    put_keys(once, there)
    (there / name).write_bytes(b"of another store")
    before = tree_of(there)

    with pytest.raises(AuditError, match=f"is another key than the {name} of the backup"):
        restore(once / "keyless", there)
    assert tree_of(there) == before


def test_a_backup_of_a_file_is_not_put_into_a_server(backup: Path, there: Path) -> None:
    """Which is told before anything is asked of it."""
    target = replace(places_in(there), database="postgresql://nobody@127.0.0.1:1/none")

    with pytest.raises(AuditError, match="names another kind"):
        restore_backup(backup, target, no_progress)
