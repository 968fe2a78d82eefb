"""A backup put back: into an empty database, and where no other key or journal is.

Everything is looked at first. Then each file is copied beside its place, and gets its name at the
end: keys first, the database last, for without it there is no store. Whatever goes wrong before
that leaves all places as they were.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cds_service.audit.backup import (
    CHECKPOINTS,
    JOURNAL,
    KEYS,
    Manifest,
    Places,
    read_manifest,
)
from cds_service.audit.backup_keys import check_keys, key_digest
from cds_service.database.copying import require_empty, require_same_kind, sqlite_file
from cds_service.database.private_files import (
    Progress,
    copy_file,
    digest_of,
    file_errors,
    make_directories,
    put_in_place,
)
from cds_service.database.server_programs import load
from cds_service.errors import AuditError

_DRAFT = ".restoring"  # the end of a file's name until it is in its place
_ORDER = (KEYS, CHECKPOINTS, JOURNAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A file of a backup by its name there, where it goes, and whether another is there, and stays.

    `digest` is its SHA-256.
    """

    name: str
    path: Path
    digest: str
    stays: bool

    @property
    def draft(self) -> Path:
        """What it is called until it is in its place."""
        return self.path.with_name(self.path.name + _DRAFT)


def restore_backup(
    directory: Path, places: Places, progress: Progress
) -> tuple[Manifest, Sequence[Placed]]:
    """Put the store of a backup where `places` are; its manifest, and where its files are now.

    Nothing is overwritten, and nothing is done if anything is in the way. A file of checkpoints
    that is there stays as it is: it may know more than the backup, and is the witness against it.

    Raises:
        AuditError: it is no backup, a key is missing or another store's, something is in the way,
            or it cannot be put there; all is as it was.
        SQLAlchemyError: the server cannot be asked whether its database is empty.
    """
    manifest = read_manifest(directory, progress)
    require_same_kind(manifest.database, places.database)
    with file_errors("cannot restore"):
        placed = list(_placed(directory, manifest, places, progress))
        check_keys(manifest.keys, _key_sources(directory, manifest, places))
        require_empty(places.database)
        coming = [file for file in placed if not file.stays]
        if file := sqlite_file(places.database):
            coming.append(_database(manifest, file))
        _require_no_drafts(coming)
        with ExitStack() as undo:
            _put(directory, coming, undo, progress)
            if file is None:
                load(directory / manifest.database, places.database, progress)
            undo.pop_all()
    return manifest, placed


def _placed(
    directory: Path, manifest: Manifest, places: Places, progress: Progress
) -> Iterator[Placed]:
    """Where the files of a backup go but for the database, in the order in which they do."""
    for room in _ORDER:
        for name, digest in manifest.files.items():
            path = _place(room, name, places)
            if path is not None:
                file = Placed(name=name, path=path, digest=digest, stays=path.exists())
                if file.stays:
                    _check_same(directory / name, file, room, progress)
                yield file


def _place(room: str, name: str, places: Places) -> Path | None:
    """Where a file of this room goes; None if it is of another room, or goes nowhere."""
    of_room, _, rest = name.partition("/")
    if of_room != room:
        return None
    if room == KEYS:
        return places.keys.get(rest)
    return places.journal / rest if room == JOURNAL else places.checkpoints


def _check_same(source: Path, file: Placed, room: str, progress: Progress) -> None:
    """See that what is there is the same, as where a restore was cut off before."""
    if room == KEYS and key_digest(source) != key_digest(file.path):
        raise AuditError(f"{file.path} is another key than that of the backup: move it away")
    if room == JOURNAL and digest_of(file.path, progress, f"compared {file.name}") != file.digest:
        raise AuditError(f"{file.path} is there already: nothing is overwritten")


def _key_sources(directory: Path, manifest: Manifest, places: Places) -> dict[str, Path]:
    """Where each key that the restored store will have comes from."""
    in_backup = {name: directory / KEYS / name for name in places.keys}
    return {
        name: in_backup[name] if f"{KEYS}/{name}" in manifest.files else path
        for name, path in places.keys.items()
    }


def _database(manifest: Manifest, file: Path) -> Placed:
    name = manifest.database
    return Placed(name=name, path=file, digest=manifest.files[name], stays=False)


def _require_no_drafts(coming: Sequence[Placed]) -> None:
    if drafts := [str(file.draft) for file in coming if file.draft.exists()]:
        raise AuditError(
            "another restore is under way here, or was cut off; if none is, remove what it has "
            f"left: {', '.join(drafts)}"
        )


def _put(directory: Path, coming: Sequence[Placed], undo: ExitStack, progress: Progress) -> None:
    """Copy all files beside their places, and only then give each its name, in this order."""
    with ExitStack() as drafts:
        for file in coming:
            make_directories(file.path.parent, undo)
            digest = copy_file(directory / file.name, file.draft, progress, f"restored {file.name}")
            drafts.callback(file.draft.unlink, missing_ok=True)
            if digest != file.digest:
                raise AuditError(f"{directory / file.name} has changed since it was checked")
        for file in coming:
            put_in_place(file.draft, file.path, undo)
