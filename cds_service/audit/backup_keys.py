"""The keys of a backup: whether they are those by which its records are found and signed."""

from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, select

from cds_service.audit.audit_key import read_audit_key
from cds_service.audit.checkpoint import verify_checkpoint
from cds_service.audit.key_check import key_fits
from cds_service.audit.signed_note import Verifier
from cds_service.audit.signing_key import read_signer
from cds_service.database.engine import reading
from cds_service.database.schema_check import stamped
from cds_service.database.tables import CHECKPOINT
from cds_service.errors import AuditError, StartError, TamperError

AUDIT_KEY, CHECKPOINT_KEY, TOKEN_KEY = "audit.key", "checkpoint.key", "token.key"
# The option that names each, as a person types it.
_OPTIONS = {
    AUDIT_KEY: "--audit-key",
    CHECKPOINT_KEY: "--checkpoint-key",
    TOKEN_KEY: "--token-key",
}
_LOOKED_AT = 20  # checkpoints, the latest: after a change of keys the new one has signed some soon
_ELSEWHERE = "or keep the keys elsewhere, --without-keys"


def require_keys(engine: Engine, keys: Mapping[str, Path], named: Collection[str]) -> None:
    """See that no key is missing which the records of a store need, and none is another store's.

    `keys` are files by their names in a backup; those that a setting has `named` must be there.

    Raises:
        AuditError: one is; the message names it.
        SettingError: one cannot be used.
        SQLAlchemyError: the database cannot be read.
    """
    for name, path in keys.items():
        if not path.exists() and (name in named or not _fits(engine, name, path)):
            raise AuditError(
                f"there is no {name} at {path}, and the store is of little use without: name it "
                f"with {_OPTIONS[name]}, {_ELSEWHERE}"
            )
        if not _fits(engine, name, path):
            raise AuditError(
                f"{path} is not the {name} of this store: its latest records were not written "
                f"with it; name the right one with {_OPTIONS[name]}, {_ELSEWHERE}"
            )


def require_checkpoints(engine: Engine, path: Path) -> None:
    """See that a file of checkpoints is there once any has been signed.

    Raises:
        AuditError: it is not.
        SQLAlchemyError: the database cannot be read.
    """
    if not path.exists() and any(_latest_notes(engine)):
        raise AuditError(f"--checkpoints: there is no file {path}")


def recognised_keys(engine: Engine, keys: Mapping[str, Path]) -> Mapping[str, str]:
    """A digest of each key that is there and is the store's own.

    Raises:
        SQLAlchemyError: the database cannot be read.
    """
    return {
        name: key_digest(path)
        for name, path in keys.items()
        if path.exists() and _is_own(engine, name, path)
    }


def key_digest(path: Path) -> str:
    """What a key is known by, whatever blanks stand after it; it does not tell the key.

    Raises:
        OSError: it cannot be read.
    """
    return sha256(b"crd key\0" + path.read_bytes().strip()).hexdigest()


def check_keys(needed: Mapping[str, str], sources: Mapping[str, Path]) -> None:
    """See that the keys which a restored store will have are those of its records.

    `needed` are digests by name, `sources` where each key comes from, in the backup or in place.

    Raises:
        AuditError: one is missing, or another; the message names it.
        OSError: one cannot be read.
    """
    for name, digest in needed.items():
        path = sources.get(name)
        if path is None or not path.exists():
            place = f" at {path}" if path else ""
            raise AuditError(
                f"the backup was made without its keys, and there is no {name}{place}: put that of "
                "the store there first"
            )
        if key_digest(path) != digest:
            raise AuditError(
                f"{path} is another key than the {name} of the backup: its records were not "
                "written with it; put the right one there first"
            )


def _is_own(engine: Engine, name: str, path: Path) -> bool:
    try:
        return _fits(engine, name, path)
    except StartError:  # it is no key
        return False


def _fits(engine: Engine, name: str, path: Path) -> bool:
    """Whether the records of a store go with this key, or with none if it is not there."""
    if not stamped(engine):  # of a release that had neither keys nor checkpoints
        return True
    if name == AUDIT_KEY:
        return _is_audit_key(engine, read_audit_key(path) if path.exists() else b"")
    if name == CHECKPOINT_KEY:
        verifiers = (read_signer(path).verifier,) if path.exists() else ()
        return _has_signed(engine, verifiers)
    return True


def _is_audit_key(engine: Engine, audit_key: bytes) -> bool:
    try:
        return key_fits(engine, audit_key)
    except (AuditError, ValueError):  # a record is damaged: that is for `verify` to tell
        return True


def _has_signed(engine: Engine, verifiers: Collection[Verifier]) -> bool:
    notes = list(_latest_notes(engine))
    return not notes or any(_is_signed(note, verifiers) for note in notes)


def _is_signed(note: str, verifiers: Collection[Verifier]) -> bool:
    try:
        verify_checkpoint(note, verifiers)
    except TamperError:
        return False
    return True


def _latest_notes(engine: Engine) -> Iterator[str]:
    if stamped(engine):
        latest = select(CHECKPOINT.c.note).order_by(CHECKPOINT.c.size.desc()).limit(_LOOKED_AT)
        with reading(engine) as connection:
            yield from connection.scalars(latest).all()
