"""A backup put back: into an empty database, and where no other key or journal is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cds_service.audit.backup import (
    CHECKPOINTS,
    JOURNAL,
    KEYS,
    Manifest,
    Places,
    copy_private,
    read_manifest,
)
from cds_service.database.copying import (
    CopyProgress,
    require_same_kind,
    restore_database,
    sqlite_file,
)
from cds_service.database.engine import open_engine
from cds_service.database.migrations import read_schema
from cds_service.errors import AuditError

# A file of a backup, where it goes, and whether there is another there already that stays.
Placed = tuple[str, Path, bool]


def restore_backup(
    directory: Path, places: Places, progress: CopyProgress
) -> tuple[Manifest, Sequence[Placed]]:
    """Put the store of a backup where `places` are; its manifest, and what became of its files.

    Nothing is overwritten, and nothing is done if anything is in the way. A file of checkpoints
    that is there stays as it is: it may know more than the backup, and is the witness against it.

    Raises:
        AuditError: it is no backup, something is in the way, or it cannot be put there.
    """
    manifest = read_manifest(directory)
    require_same_kind(manifest.database, places.database)
    placed = list(_placed(directory, manifest, places))
    _check_empty(places.database)
    try:
        restore_database(directory / manifest.database, places.database, progress)
        for name, path, is_there in placed:
            if not is_there:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                copy_private(directory / name, path)
    except OSError as error:
        raise AuditError(f"cannot restore {error.filename}: {error.strerror}") from error
    return manifest, placed


def _placed(directory: Path, manifest: Manifest, places: Places) -> Iterator[Placed]:
    for name in manifest.files:
        room, _, rest = name.partition("/")
        if room == KEYS and rest in places.keys:
            path = places.keys[rest]
            if path.exists() and path.read_bytes() != (directory / name).read_bytes():
                raise AuditError(f"{path} is another key than that of the backup: move it away")
            yield name, path, path.exists()
        elif room == CHECKPOINTS and places.checkpoints:
            yield name, places.checkpoints, places.checkpoints.exists()
        elif room == JOURNAL:
            path = places.journal / rest
            if path.exists():
                raise AuditError(f"{path} is there already: nothing is overwritten")
            yield name, path, False


def _check_empty(url: str) -> None:
    """Pass a database without tables, or a SQLite file that is not there."""
    file = sqlite_file(url)
    if file and file.exists():
        raise AuditError(f"{file} is there already: nothing is overwritten")
    if file is None:
        engine = open_engine(url)
        try:
            if not read_schema(engine).is_empty:
                raise AuditError("the database is not empty: nothing is overwritten")
        finally:
            engine.dispose()
