"""A backup of a store: the database with all that its records are worth nothing without.

A directory, with a manifest written last that has the digest of each file in it. The journal is
copied before the database: a record that leaves the one for the other meanwhile is in both, and is
put in once. So are the checkpoints: what they sign is in the database by then.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO

import msgspec

from cds_service.database.copying import CopyProgress, copy_database
from cds_service.errors import AuditError

MANIFEST, CHECKPOINTS, JOURNAL, KEYS, SETTINGS = (
    "manifest.json",
    "checkpoints",
    "journal",
    "keys",
    "settings",
)
_JOURNALS = "*.journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the parts of a store are.

    `keys` and `settings` are files by the name that they have in a backup; those that are not there
    are left out. `checkpoints` is their copy outside the database, None if there is none.
    """

    database: str
    journal: Path
    checkpoints: Path | None
    keys: Mapping[str, Path]
    settings: Mapping[str, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is: when it was begun, by which release, and its files with their SHA-256."""

    made: datetime
    program: str
    database: str
    files: Mapping[str, str]


def make_backup(
    places: Places, directory: Path, *, made: datetime, program: str, progress: CopyProgress
) -> Manifest:
    """Copy a store into a new directory, for its owner alone; calls go on meanwhile.

    Raises:
        AuditError: the directory is there already, or something cannot be copied; then it has no
            manifest, and is no backup.
    """
    try:
        directory.mkdir(mode=0o700, parents=True)
        for name, source in _files(places):
            _copy(source, directory / name)
        database = copy_database(places.database, directory, progress)
        manifest = Manifest(
            made=made, program=program, database=database, files=_digests(directory)
        )
        with _private(directory / MANIFEST) as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
    except FileExistsError as error:
        raise AuditError(f"{error.filename} is there already: nothing is overwritten") from error
    except OSError as error:
        raise AuditError(f"cannot back up {error.filename}: {error.strerror}") from error
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a backup, whose files are all as they were when it was made.

    Raises:
        AuditError: it is no backup, was not finished, or a file of it is missing or another.
    """
    try:
        found = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
        files = _digests(directory)
    except (OSError, msgspec.MsgspecError) as error:
        raise AuditError(f"{directory} is no backup, or was not finished: {error}") from error
    for name, digest in found.files.items():
        if files.get(name) != digest:
            state = "has changed" if name in files else "is missing"
            raise AuditError(f"{directory / name} {state} since the backup was made")
    return found


def _files(places: Places) -> Iterator[tuple[str, Path]]:
    """The files to copy, with their names in the backup; the order matters."""
    for room, files in ((KEYS, places.keys), (SETTINGS, places.settings)):
        yield from ((f"{room}/{name}", path) for name, path in files.items() if path.exists())
    if places.checkpoints:
        yield CHECKPOINTS, places.checkpoints
    for path in sorted(places.journal.glob(_JOURNALS)):
        yield f"{JOURNAL}/{path.name}", path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        copy_private(source, target)
    except FileNotFoundError:
        # A journal has been moved into the database, which is copied next.
        if target.parent.name != JOURNAL:
            raise


def copy_private(source: Path, target: Path) -> None:
    """Copy a file to a new one, for its owner alone, and sync it.

    Raises:
        OSError: there is one already, or it cannot be copied.
    """
    with source.open("rb") as file, _private(target) as copy:
        copyfileobj(file, copy)


@contextmanager
def _private(path: Path) -> Iterator[BinaryIO]:
    """A new file to write, for its owner alone, synced at the end."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _digests(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file of a backup but its manifest."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_file() and name != MANIFEST:
            with path.open("rb") as file:
                found[name] = file_digest(file, "sha256").hexdigest()
    return found
