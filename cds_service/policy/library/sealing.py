"""Seals: which files of a library directory `crd check` has proved, so that no start does again.

A seal is the file `library.seal` of a directory: the SHA-256 of each artifact, and which program
proved them, by its version and by the very code that proves. It is heeded for a file whose bytes
are those, and for no other file; one of another program, one that is cut short and one that is not
a seal at all are heeded for none. It says nothing of how files fit together, nor of their cases.

It guards against mistakes, not against those who may write in the directory: these could write
policies there as well.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cds_service.errors import ArtifactError
from cds_service.fhir.resource import Json, decode
from cds_service.version import VERSION

SEAL = "library.seal"
_PROGRAM, _PROOF, _FILES = "program", "proof", "files"

# The code that proves a file, from the package down: a change of it is another proof.
_PROVING = (
    "fhir/models.py",
    "fhir/resource.py",
    "policy/library/elements.py",
    "policy/library/formats.py",
    "policy/library/invariants.py",
    "policy/library/proving.py",
    "policy/library/shape.py",
)


@dataclass(frozen=True, slots=True)
class Seal:
    """The SHA-256 of the files that were proved, in hexadecimal, by their path in the directory."""

    files: Mapping[str, str] = field(default_factory=dict)

    def covers(self, name: str, body: bytes) -> bool:
        """Whether a file of this path was proved with these very bytes."""
        sealed = self.files.get(name)
        return sealed is not None and sha256(body).hexdigest() == sealed


NO_SEAL = Seal()


def read_seal(directory: Path) -> Seal:
    """The seal of a library directory; one that covers nothing if it has none for this program."""
    try:
        written = decode((directory / SEAL).read_bytes())
    except (OSError, ValueError):
        return NO_SEAL
    if not isinstance(written, dict) or written.get(_FILES) is None:
        return NO_SEAL
    if {name: written.get(name) for name in (_PROGRAM, _PROOF)} != _prover():
        return NO_SEAL
    return Seal(written[_FILES]) if _is_table(written[_FILES]) else NO_SEAL


def write_seal(directory: Path, proved: Mapping[Path, str]) -> Path:
    """Seal a library directory, in place of the seal it has; returns the file.

    `proved` has the SHA-256 of files by their paths; those elsewhere are passed over.

    Raises:
        ArtifactError: it cannot be written there.
    """
    files = {
        sealed_name(directory, path): digest
        for path, digest in sorted(proved.items())
        if path.is_relative_to(directory)
    }
    seal, unfinished = directory / SEAL, directory / f".{SEAL}.{os.getpid()}"
    written = json.dumps({**_prover(), _FILES: files}, indent=1) + "\n"
    try:
        unfinished.write_text(written, encoding="utf-8")
        unfinished.replace(seal)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ArtifactError(seal, "$", f"cannot be written: {error.strerror}") from error
    return seal


def sealed_name(directory: Path, path: Path) -> str:
    """What a seal has a file by: its path in the directory, with slashes."""
    # The file was found by walking down from the directory; `relative_to` would compare each part.
    return "/".join(path.parts[len(directory.parts) :])


def _prover() -> dict[str, str]:
    """The program that this is, as a seal names the one that proved."""
    package = Path(__file__).parents[2]
    hashed = sha256()
    for name in _PROVING:
        hashed.update(name.encode() + b"\0" + (package / name).read_bytes())
    return {_PROGRAM: VERSION, _PROOF: f"sha256:{hashed.hexdigest()}"}


def _is_table(files: Json) -> bool:
    return isinstance(files, dict) and all(isinstance(digest, str) for digest in files.values())
