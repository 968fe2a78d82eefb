"""Stores to back up, as a service leaves them: keys, signed records, checkpoints and a journal."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from signed_logs import (
    AUDIT_KEY,
    SIGNER,
    open_store,
    sequencer_of,
    write_answers,
    write_key,
)
from stores import NOON

from cds_service.audit.backup import BackupRequest, Places, make_backup
from cds_service.audit.signed_note import Signer
from cds_service.database.private_files import Progress

FRAMES = b"frames"
TOKEN_KEY = b"a key that tokens are signed with"
# The files of a whole backup, in the order in which they are put back.
FILES = (
    "keys/audit.key",
    "keys/checkpoint.key",
    "keys/token.key",
    "checkpoints",
    "journal/left.journal",
    "database.sqlite3",
)
OTHER_SIGNER = Signer(name=SIGNER.name, private=Ed25519PrivateKey.from_private_bytes(b"o" * 32))


def no_progress(doing: str, done: int, of: int) -> None:
    """Nobody looks."""


def places_in(directory: Path) -> Places:
    """The parts of a store below a directory."""
    names = ("audit.key", "checkpoint.key", "token.key")
    return Places(
        database=f"sqlite:///{directory}/crd.sqlite3",
        journal=directory / "journal",
        checkpoints=directory / "checkpoints",
        keys={name: directory / name for name in names},
        settings={"crd.toml": directory / "crd.toml"},
    )


def place_of(name: str, places: Places) -> Path:
    """Where a file of a backup is put."""
    room, _, rest = name.partition("/")
    if room == "keys":
        return places.keys[rest]
    if room == "journal":
        return places.journal / rest
    database = Path(places.database.removeprefix("sqlite:///"))
    return (places.checkpoints or database) if room == "checkpoints" else database


def store_in(directory: Path) -> Places:
    """A store of three signed answers with all that belongs to it."""
    directory.mkdir(mode=0o700, parents=True)
    places = places_in(directory)
    write_private(places.keys["audit.key"], AUDIT_KEY)
    write_private(places.keys["token.key"], TOKEN_KEY)
    write_key(places.keys["checkpoint.key"])
    (directory / "crd.toml").write_bytes(b"port = 1\n")
    places.journal.mkdir()
    (places.journal / "left.journal").write_bytes(FRAMES)
    engine = open_store(places.database)
    write_answers(engine, range(3))
    sequencer_of(engine, directory / "checkpoints").run_round()
    engine.dispose()
    return places


def write_private(path: Path, content: bytes) -> None:
    """A file for its owner alone."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def back_up(
    places: Places, directory: Path, progress: Progress = no_progress, *, has_keys: bool = True
) -> Path:
    """A backup of the store."""
    request = BackupRequest(places=places, made=NOON, program="1", has_keys=has_keys)
    make_backup(request, directory, progress)
    return directory


def tree_of(directory: Path) -> dict[str, bytes]:
    """All that is below a directory: files with their content, directories with none."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in directory.rglob("*")
    }
