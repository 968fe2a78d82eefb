"""Kept sets: sets of policies in the store, by digest, read as they were kept or not at all."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.libraries import find_digests
from cds_service.audit.reading import Reader
from cds_service.database.causes import find_cause
from cds_service.errors import ArtifactError, ArtifactErrors, AuditError, NotThereYet, SetRefused
from cds_service.fhir.resource import JsonObject, decode
from cds_service.live.candidate import PolicySet
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.snapshot import is_of, unpack

ALGORITHM = "sha256:"
_NAME = re.compile(rf"(?:{ALGORITHM})?([0-9a-f]{{8,64}})")
_SHOWN = 12  # digits of a digest: as many as tell sets apart


def is_digest(typed: str) -> bool:
    """Whether a text may be a digest, or begin one with at least eight digits."""
    return _NAME.fullmatch(typed.lower()) is not None


def short(digest: str) -> str:
    """A digest as people read it: its first twelve digits."""
    return digest.removeprefix(ALGORITHM)[:_SHOWN]


def find_kept(engine: Engine, typed: str) -> str:
    """The digest of the one kept set that this names, whole or by its first digits.

    Raises:
        AuditError: it names none, or several.
        SQLAlchemyError: the store cannot be read.
    """
    match = _NAME.fullmatch(typed.lower())
    if match is None:
        raise AuditError(f"`{typed}` is no digest: at least 8 of its hexadecimal digits are needed")
    found = find_digests(engine, ALGORITHM + match[1], limit=2)
    if not found:
        raise AuditError(f"no set {typed} is kept in this store; see `crd policy history`")
    if len(found) > 1:
        raise AuditError(f"several sets begin with {typed}; give more digits")
    return found[0]


def read_kept(engine: Engine, digest: str) -> PolicySet:
    """The set of a digest, checked as a library in directories is. It has no cases with it.

    Raises:
        NotThereYet: the store is away, or there is no room for the files that it is read from.
        SetRefused: it is not kept there, or is not what the digest names.
        ArtifactError: this program cannot read it; its artifacts are named by their files alone.
    """
    packed = _packed(engine, digest)
    try:
        with TemporaryDirectory(prefix="crd-set-") as directory:
            unpack(packed, Path(directory))
            return _read_unpacked(Path(directory))
    except OSError as error:
        problem = f"set {short(digest)} cannot be unpacked in the directory of temporary files"
        raise NotThereYet(f"{problem}: {error.strerror}") from error


def _read_unpacked(place: Path) -> PolicySet:
    try:
        return PolicySet(read_library([place]))
    except ArtifactError as error:
        faults = [
            ArtifactError(fault.path.name, fault.where, fault.problem.replace(f"{place}/", ""))
            if isinstance(fault.path, Path)
            else fault
            for fault in error.faults
        ]
        raise ArtifactErrors(faults) from error


def read_resources(engine: Engine, digest: str) -> Sequence[JsonObject]:
    """The artifacts of a kept set as JSON, unchecked but for being what the digest names.

    Raises:
        NotThereYet: the store is away.
        SetRefused: it is not kept there, or is not what the digest names.
    """
    resources: list[JsonObject] = decode(_packed(engine, digest))
    return resources


def _packed(engine: Engine, digest: str) -> bytes:
    try:
        packed = Reader(engine).library(digest)
    except SQLAlchemyError as error:
        raise NotThereYet(f"the store cannot be read: {find_cause(error).words}") from error
    except AuditError as error:
        raise SetRefused(f"set {short(digest)} is damaged in the store") from error
    if packed is None:
        raise SetRefused(f"set {short(digest)} is not kept in this store")
    if not is_of(packed, digest):
        raise SetRefused(f"set {short(digest)} was altered in the store; run `crd audit verify`")
    return packed
