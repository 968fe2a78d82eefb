"""Proofs that a record is in the log: one file, to be checked without the database, or by hand."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from cds_service.audit.checkpoint import Checkpoint, verify_checkpoint
from cds_service.audit.log_pages import leaves_between
from cds_service.audit.merkle import Edge, Growth, is_included, leaf_hash, parse_edge
from cds_service.audit.reading import StoredRecord
from cds_service.audit.record_check import SALT_BYTES, read_content
from cds_service.audit.signed_note import Verifier
from cds_service.database.engine import reading
from cds_service.database.tables import CHECKPOINT, LEAF
from cds_service.errors import AuditError, TamperError
from cds_service.fhir.resource import JsonObject

FORMAT = "crd-audit-proof/1"
_HOW_TO_CHECK = (
    "With the service's command: crd audit check-proof FILE --public-key KEY, where KEY is known "
    "to you from elsewhere: the one in this file proves nothing by itself.",
    "By hand: 1. leaf = SHA-256 of a byte 00, the salt (16 bytes, here in hex), and the payload as "
    "UTF-8, exactly as the text of `payload` has it once JSON is read.",
    "2. For each step of `path`, from the leaf on: node = SHA-256 of a byte 01, the left hash and "
    "the right hash; `side` tells where the hash of the step stands. (RFC 6962, section 2.1.1)",
    "3. The last node, in base64, is the third line of `checkpoint`, and `size` its second.",
    "4. The last line of `checkpoint` is an Ed25519 signature of the lines before the blank one, "
    "their newlines included, after four bytes that name the key. (C2SP signed-note)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedRecord:
    """A record that a proof has proved: its place in the log, and its content."""

    key: str
    at: str
    number: int
    checkpoint: Checkpoint
    content: JsonObject


def prove(engine: Engine, record: StoredRecord, verifiers: Sequence[Verifier]) -> bytes:
    """The proof of a record as JSON for a file: against the first checkpoint that covers it.

    Raises:
        AuditError: no checkpoint covers it yet.
        TamperError: what is stored is not what was signed, so nothing can be proved by it.
        SQLAlchemyError: the database cannot be read.
    """
    number = _number_of(engine, record.id)
    size, note, before = _checkpoints_around(engine, number)
    leaves = [leaf for _, leaf in leaves_between(engine, before.size, size)]
    if before.size + len(leaves) != size:
        raise TamperError(f"of the records below {size} some are missing; run `crd audit verify`")
    path = Growth(before, leaves).inclusion_path(number)
    proof = _write(record, number, size, path, note, verifiers)
    try:
        check_proof(proof, verifiers)
    except TamperError as error:
        raise TamperError(f"the store proves nothing: {error}; run `crd audit verify`") from error
    return proof


def _number_of(engine: Engine, key: str) -> int:
    with reading(engine) as connection:
        row = connection.execute(select(LEAF.c.number).where(LEAF.c.record_id == key)).one_or_none()
    if row is None:
        raise TamperError(f"record {key} has no leaf; run `crd audit verify`")
    if row.number is None:
        raise AuditError(f"record {key} has no number yet: it gets one within seconds of its call")
    return int(row.number)


def _checkpoints_around(engine: Engine, number: int) -> tuple[int, str, Edge]:
    """Size and note of the first checkpoint that covers a number, and the edge before it."""
    size = CHECKPOINT.c.size
    with reading(engine) as connection:
        covering = select(CHECKPOINT).where(size > number).order_by(size).limit(1)
        first = connection.execute(covering).one_or_none()
        earlier = select(CHECKPOINT).where(size <= number).order_by(size.desc()).limit(1)
        before = connection.execute(earlier).one_or_none()
    if first is None:
        raise TamperError(f"no checkpoint covers number {number}; run `crd audit verify`")
    edge = parse_edge(before.size, before.edge) if before else Edge()
    return first.size, first.note, edge


def _write(
    record: StoredRecord,
    number: int,
    size: int,
    path: Sequence[bytes],
    note: str,
    verifiers: Sequence[Verifier],
) -> bytes:
    sides = _sides(number, size)
    steps = zip(sides, path, strict=True)
    whole = {
        "format": FORMAT,
        "howToCheck": _HOW_TO_CHECK,
        "number": number,
        "size": size,
        "leaf": leaf_hash(record.salt + record.payload).hex(),
        "path": [{"side": side, "hash": node.hex()} for side, node in steps],
        "checkpoint": note,
        "publicKeys": [str(verifier) for verifier in verifiers],
        "salt": record.salt.hex(),
        "payload": record.payload.decode(),
    }
    return json.dumps(whole, indent=2, ensure_ascii=False).encode() + b"\n"


def _sides(number: int, size: int) -> list[str]:
    """On which side of the way up from a leaf each sibling stands."""
    sides, position, last = [], number, size - 1
    while last:
        if position & 1:
            sides.append("left")
        elif position < last:
            sides.append("right")
        position, last = position >> 1, last >> 1
    return sides


def check_proof(proof: bytes, verifiers: Sequence[Verifier]) -> ProvedRecord:
    """The record that a proof proves, to whoever knows the log's public key.

    Raises:
        AuditError: it is no proof that this release can read.
        TamperError: it proves nothing.
    """
    whole = _read(proof)
    try:
        number, size = int(whole["number"]), int(whole["size"])
        salt, payload = bytes.fromhex(whole["salt"]), whole["payload"].encode()
        path = [bytes.fromhex(step["hash"]) for step in whole["path"]]
        sides, note = [step["side"] for step in whole["path"]], str(whole["checkpoint"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AuditError("not a whole proof: a member is missing or of another kind") from error
    checkpoint = verify_checkpoint(note, verifiers)
    leaf = leaf_hash(salt + payload)
    if checkpoint.size != size:
        raise TamperError(f"its checkpoint is of size {checkpoint.size}, not {size}")
    if len(salt) != SALT_BYTES or leaf.hex() != whole.get("leaf"):
        raise TamperError("its record is another one: the leaf hash does not fit it")
    if not is_included(leaf, number, size, path, checkpoint.root) or sides != _sides(number, size):
        raise TamperError("its record is not in the log at this place: the path does not lead up")
    return _proved(payload, number, checkpoint)


def _read(proof: bytes) -> dict[str, Any]:
    whole = read_content(proof)
    if whole is None or whole.get("format") != FORMAT:
        raise AuditError(f"not a proof in the format {FORMAT}")
    return whole


def _proved(payload: bytes, number: int, checkpoint: Checkpoint) -> ProvedRecord:
    content = read_content(payload)
    if content is None:
        raise TamperError("its record is not JSON")
    return ProvedRecord(
        key=str(content.get("id", "")),
        at=str(content.get("at", "")),
        number=number,
        checkpoint=checkpoint,
        content=content,
    )
