"""Checkpoints, as C2SP tlog-checkpoint has them: the size and root of a tree, to be signed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_service.audit.merkle import HASH_BYTES
from cds_service.audit.signed_note import (
    SIGNATURE_DASH,
    Verifier,
    decode_base64,
    encode_base64,
    verify_note,
)
from cds_service.errors import TamperError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A tree at one size; `origin` names the log, `extensions` are lines nothing here reads."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(lines) or any("\n" in line for line in lines):
            raise ValueError("the lines of a checkpoint are neither empty nor several")
        if self.size < 0 or len(self.root) != HASH_BYTES:
            raise ValueError(f"no tree of size {self.size} has a root of {len(self.root)} bytes")

    def __str__(self) -> str:
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in the text of a note.

    Raises:
        TamperError: it is none.
    """
    try:
        origin, size, root, *extensions = text.removesuffix("\n").split("\n")
        if not _SIZE.fullmatch(size):
            raise ValueError("its size is no whole number")
        return Checkpoint(
            origin=origin, size=int(size), root=decode_base64(root), extensions=tuple(extensions)
        )
    except ValueError as error:
        raise TamperError(f"it is not a checkpoint: {error}") from error


def read_checkpoint(note: str) -> Checkpoint:
    """The checkpoint in a note, whoever signed it: for its place, never as proof.

    Raises:
        TamperError: it is no note of a checkpoint.
    """
    text, separator, _ = note.rpartition("\n\n")
    if not separator:
        raise TamperError("it is not a signed note")
    return parse_checkpoint(text + "\n")


def verify_checkpoint(note: str, verifiers: Iterable[Verifier]) -> Checkpoint:
    """The checkpoint in a note that a known key has signed.

    Raises:
        TamperError: no known key signed it, or it is no checkpoint.
    """
    return parse_checkpoint(verify_note(note, verifiers))


def split_notes(lines: Iterable[str]) -> Iterator[str]:
    """The notes of checkpoints in a list of them, given as lines with their ends.

    They may have blank lines between them. A last one that was not written to its end is left out.
    """
    body: list[str] = []
    signatures: list[str] = []
    for line in lines:
        if line.startswith(SIGNATURE_DASH):
            signatures.append(line)
        elif line != "\n":
            if signatures:
                yield "".join((*body, "\n", *signatures))
                body, signatures = [], []
            body.append(line)
    if signatures and signatures[-1].endswith("\n"):
        yield "".join((*body, "\n", *signatures))
