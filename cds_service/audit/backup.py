"""A backup of a store: the database with all that its records are worth nothing without.

A directory, with a manifest that has the digest of each file in it. It is made under a hidden name
beside, and gets its own once it is finished: what has it is whole. The journal is copied before the
database: a record that leaves the one for the other meanwhile is in both, and is put in once. So
are the checkpoints: what they sign is in the database by then.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import msgspec

from cds_service.audit.backup_keys import recognised_keys, require_checkpoints, require_keys
from cds_service.database.copying import (
    POSTGRESQL_COPY,
    SQLITE_COPY,
    copy_database,
    require_database,
)
from cds_service.database.engine import open_engine
from cds_service.database.private_files import (
    Progress,
    copy_file,
    digest_of,
    file_errors,
    make_directories,
    new_file,
    sync_directory,
)
from cds_service.errors import AuditError

MANIFEST, CHECKPOINTS, JOURNAL, KEYS, SETTINGS = (
    "manifest.json",
    "checkpoints",
    "journal",
    "keys",
    "settings",
)
_JOURNALS = "*.journal"
_DATABASES = (SQLITE_COPY, POSTGRESQL_COPY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the parts of a store are.

    `keys` and `settings` are files by the name that they have in a backup; those that are not there
    are left out. `checkpoints` is their copy outside the database, None if there is none. `named`
    are the parts that a setting names: those must be there.
    """

    database: str
    journal: Path
    checkpoints: Path | None
    keys: Mapping[str, Path]
    settings: Mapping[str, Path]
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is: when it was begun, by which release, and its files with their SHA-256.

    `keys` has a digest of each key that the records are found, signed or used by, whether the key
    is in the backup or not; a release before this one wrote none.
    """

    made: datetime
    program: str
    database: str
    files: Mapping[str, str]
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRequest:
    """What to back up, when and by which release; the keys too, unless they are kept elsewhere."""

    places: Places
    made: datetime
    program: str
    has_keys: bool = True


def make_backup(request: BackupRequest, directory: Path, progress: Progress) -> Manifest:
    """Copy a store into a new directory, for its owner alone; calls go on meanwhile.

    Raises:
        AuditError: the directory is there already, a key is missing or is another store's, or
            something cannot be copied. Then there is no such directory.
        SettingError: a key cannot be read.
        SQLAlchemyError: the database cannot be read.
    """
    require_database(request.places.database)
    if directory.exists() or directory.is_symlink():
        raise AuditError(f"{directory} is there already: nothing is overwritten")
    keys = _keys(request)
    with file_errors("cannot back up"), ExitStack() as undo:
        make_directories(directory.parent, undo)
        name = {"prefix": f".{directory.name}-", "suffix": ".unfinished"}
        draft = Path(mkdtemp(dir=directory.parent, **name))
        undo.callback(rmtree, draft, ignore_errors=True)
        manifest = _fill(draft, request, keys, progress)
        draft.rename(directory)
        sync_directory(directory.parent)
        undo.pop_all()
    return manifest


def read_manifest(directory: Path, progress: Progress) -> Manifest:
    """The manifest of a backup, whose files are all as they were when it was made.

    Raises:
        AuditError: it is no backup, was not finished, has no database, or a file of it is missing
            or another.
    """
    try:
        found = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise AuditError(f"{directory} is no backup, or was not finished: {error}") from error
    if found.database not in _DATABASES or found.database not in found.files:
        raise AuditError(f"{directory / MANIFEST} names no database: nothing can be restored of it")
    with file_errors(f"cannot read {directory}"):
        files = _digests(directory, progress)
    for name, digest in found.files.items():
        if files.get(name) != digest:
            state = "has changed" if name in files else "is missing"
            raise AuditError(f"{directory / name} {state} since the backup was made")
    return found


def _keys(request: BackupRequest) -> Mapping[str, str]:
    """Digests of the keys that are the store's own; all of them, where they are backed up."""
    places = request.places
    engine = open_engine(places.database)
    try:
        if request.has_keys:
            require_keys(engine, places.keys, places.named)
        if places.checkpoints and CHECKPOINTS in places.named:
            require_checkpoints(engine, places.checkpoints)
        return recognised_keys(engine, places.keys)
    finally:
        engine.dispose()


def _fill(
    draft: Path, request: BackupRequest, keys: Mapping[str, str], progress: Progress
) -> Manifest:
    for name, source in _files(request):
        _copy(source, draft / name, progress)
    database = copy_database(request.places.database, draft, progress)
    manifest = Manifest(
        made=request.made,
        program=request.program,
        database=database,
        files=_digests(draft, progress),
        keys=keys,
    )
    with new_file(draft / MANIFEST) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _files(request: BackupRequest) -> Iterator[tuple[str, Path]]:
    """The files to copy, with their names in the backup; the order matters."""
    places = request.places
    keys = places.keys if request.has_keys else {}
    for room, files in ((KEYS, keys), (SETTINGS, places.settings)):
        yield from ((f"{room}/{name}", path) for name, path in files.items() if path.exists())
    if places.checkpoints and places.checkpoints.exists():
        yield CHECKPOINTS, places.checkpoints
    for path in sorted(places.journal.glob(_JOURNALS)):
        yield f"{JOURNAL}/{path.name}", path


def _copy(source: Path, target: Path, progress: Progress) -> None:
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        copy_file(source, target, progress, f"copied {target.name}")
    except FileNotFoundError:
        # A journal has been moved into the database, which is copied next.
        if target.parent.name != JOURNAL:
            raise


def _digests(directory: Path, progress: Progress) -> dict[str, str]:
    """The SHA-256 of each file of a backup but its manifest."""
    paths = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*")}
    return {
        name: digest_of(path, progress, f"checked {name}")
        for name, path in sorted(paths.items())
        if path.is_file() and name != MANIFEST
    }
