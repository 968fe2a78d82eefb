"""Seals: which files of a library directory `crd check` has proved, so that no start does again.

A seal is the file `library.seal` of a directory: the SHA-256 of each artifact, and what proved
them: the program by its version and by the very code that proves, and the models by theirs. It is
heeded for a file whose bytes are those, and for no other file; one of another program, one that is
cut short and one that is not a seal at all are heeded for none, and a log line tells why. It says
nothing of how files fit together, nor of their cases.

It guards against mistakes, not against those who may write in the directory: these could write
policies there as well.
"""

import json
import logging
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cds_service.errors import ArtifactError
from cds_service.fhir.models import models_version
from cds_service.fhir.resource import Json, decode
from cds_service.policy.library.files import read_regular
from cds_service.version import VERSION

SEAL = "library.seal"
ANY_MODELS = "any"  # by which a seal holds whatever the models are
_LOG = logging.getLogger("cds_service.policy")
_PROGRAM, _MODELS, _PROOF, _FILES = "program", "models", "proof", "files"
_SHOWN = 3  # files that are named where some are not as they were sealed

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
    """The SHA-256 of the files that were proved, in hexadecimal, by their path in the directory.

    One that is not heeded has none; `unheeded` tells why, and is empty where there is no seal.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    unheeded: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the directory has a seal, heeded or not."""
        return bool(self.files or self.unheeded)

    def covers(self, name: str, body: bytes) -> bool:
        """Whether a file of this path was proved with these very bytes."""
        sealed = self.files.get(name)
        return sealed is not None and sha256(body).hexdigest() == sealed


NO_SEAL = Seal()


def read_seal(directory: Path) -> Seal:
    """The seal of a library directory; one that covers nothing if it has none for this program."""
    try:
        written = decode(read_regular(directory / SEAL))
        prover = _prover()
    except FileNotFoundError:
        return NO_SEAL
    except OSError as error:
        return Seal(unheeded=f"it cannot be read: {error.strerror}")
    except ValueError:
        written, prover = None, {}
    if not isinstance(written, dict) or not _is_table(written.get(_FILES)):
        return Seal(unheeded="it is no seal, or not all of one")
    if made_by := _other_prover(written, prover):
        return Seal(unheeded=made_by)
    return Seal(written[_FILES])


def write_seal(directory: Path, proved: Mapping[Path, str], *, models: str = "") -> Path:
    """Seal a library directory, in place of the seal it has; returns the file.

    `proved` has the SHA-256 of files by their paths; those elsewhere are passed over. Whoever can
    read all of them can read the seal. It holds for `models`, by default those that are installed.

    Raises:
        ArtifactError: it cannot be written there.
    """
    sealed = [path for path in sorted(proved) if path.is_relative_to(directory)]
    files = {sealed_name(directory, path): proved[path] for path in sealed}
    seal, unfinished = directory / SEAL, directory / f".{SEAL}.{os.getpid()}"
    try:
        prover = {**_prover(), **({_MODELS: models} if models else {})}
        written = json.dumps({**prover, _FILES: files}, indent=1) + "\n"
        unfinished.write_text(written, encoding="utf-8")
        _let_read(unfinished, sealed)
        unfinished.replace(seal)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise ArtifactError(seal, "$", f"cannot be written: {error.strerror}") from error
    return seal


def sealed_name(directory: Path, path: Path) -> str:
    """What a seal has a file by: its path in the directory, with slashes."""
    # The file was found by walking down from the directory; `relative_to` would compare each part.
    return "/".join(path.parts[len(directory.parts) :])


def describe_seal(directory: Path, seal: Seal, unsealed: Collection[str]) -> str:
    """What a start does in spite of a seal, and why; empty if nothing, or if there is none.

    `unsealed` are the files of the directory that it does not cover, as it would name them.
    """
    if not unsealed or not seal.is_there:
        return ""
    named = sorted(unsealed)
    shown = ", ".join((*named[:_SHOWN], *(["…"] if len(named) > _SHOWN else [])))
    why = seal.unheeded or f"it has them otherwise, or not at all: {shown}"
    return (
        f"{directory / SEAL} is not heeded for {len(named)} files, which each start proves again: "
        f"{why}; `crd check --seal` makes a new one"
    )


def check_seal(directory: Path, proved: Mapping[Path, str]) -> str:
    """The same of the seal that a directory has now; `proved` as `write_seal` takes it."""
    seal = read_seal(directory)
    names = {
        sealed_name(directory, path): digest
        for path, digest in proved.items()
        if path.is_relative_to(directory)
    }
    unsealed = [name for name, digest in names.items() if seal.files.get(name) != digest]
    return describe_seal(directory, seal, unsealed)


def note_seal(directory: Path, seal: Seal, unsealed: Collection[Path]) -> None:
    """Tell in the log what was proved in spite of a seal: a start takes longer for it.

    `unsealed` are all files that were proved, in other directories too.
    """
    if not seal.is_there:
        return
    own = [sealed_name(directory, path) for path in unsealed if path.is_relative_to(directory)]
    if description := describe_seal(directory, seal, own):
        _LOG.info("%s", description)


def _prover() -> dict[str, str]:
    """What proves here, as a seal names what proved; raises OSError if it cannot be told."""
    package = Path(__file__).parents[2]
    hashed = sha256()
    for name in _PROVING:
        hashed.update(name.encode() + b"\0" + (package / name).read_bytes())
    proof = f"sha256:{hashed.hexdigest()}"
    return {_PROGRAM: VERSION, _MODELS: models_version(), _PROOF: proof}


def _other_prover(written: Mapping[str, Json], prover: Mapping[str, str]) -> str:
    """In words, what made a seal if something else proves here; else empty."""
    for name in (_PROGRAM, _MODELS):
        holds_for = (prover[name],) if name == _PROGRAM else (prover[name], ANY_MODELS)
        if written.get(name) not in holds_for:
            made_by = f"{name} {written[name]}" if name in written else f"another {name}"
            return f"it was made by {made_by}, and here is {prover[name]}"
    if written.get(_PROOF) != prover[_PROOF]:
        return "it was made by a program of this version that proves otherwise"
    return ""


def _let_read(seal: Path, sealed: Collection[Path]) -> None:
    """Let those read a seal who can read all files it is of: a start may be another user's."""
    seen = [path.stat() for path in sealed]
    mode = 0o666
    for status in seen:
        mode &= status.st_mode
    groups = {status.st_gid for status in seen}
    if seen:
        seal.chmod(mode)
    if len(groups) == 1:
        with suppress(PermissionError):  # who may not give it away is often in that group alone
            os.chown(seal, -1, groups.pop())


def _is_table(files: Json) -> bool:
    return isinstance(files, dict) and all(isinstance(digest, str) for digest in files.values())
