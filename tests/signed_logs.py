"""Logs of records for tests of what is signed: small stores, and keys that are always the same."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from cds_service.audit.insertion import commit_writes
from cds_service.audit.mentions import mentions_of
from cds_service.audit.record import AuditRecord, Kind
from cds_service.audit.rows import make_write
from cds_service.audit.sequencer import Sequencer
from cds_service.audit.signed_note import Signer, encode_base64
from cds_service.audit.witnesses import CheckpointFile, Outside, Witness
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate
from cds_service.fhir.resource import Json, encode

AUDIT_KEY = b"k" * 32
START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def signer_called(name: str, seed: int = 7) -> Signer:
    """A key of this name, the same for the same seed."""
    return Signer(name=name, private=Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)))


SIGNER = signer_called("log.example/one")


def write_key(path: Path, signer: Signer = SIGNER) -> None:
    """Write a signing key to a file, as notes write it."""
    octets = encode_base64(b"\x01" + signer.private.private_bytes_raw())
    path.touch(mode=0o600)
    path.write_text(f"PRIVATE+KEY+{signer.name}+{signer.verifier.key_id.hex()}+{octets}\n")


def open_store(url: str) -> Engine:
    """The database at a URL, with its tables."""
    engine = open_engine(url)
    migrate(engine)
    return engine


def answer_of(number: int, **content: Json) -> AuditRecord:
    """The answer of this number: a second after the one before, with its mentions."""
    return record_of(f"record-{number:06}", Kind.ANSWER, START + timedelta(seconds=number), content)


def record_of(key: str, kind: Kind, at: datetime, content: dict[str, Json]) -> AuditRecord:
    """A record of this content, in the form of all records."""
    whole = {
        "id": key,
        "at": at.isoformat(),
        "kind": kind.value,
        "hook": "order-sign",
        "client": "clinic",
        "issuer": "https://ehr.example",
        "status": 200,
        "request": {"context": {"patientId": f"patient-{key}"}},
        "decisions": [
            {"order": f"ServiceRequest/{key}", "payer": "icare", "assertion": f"a-{key}"}
        ],
        **content,
    }
    return AuditRecord(
        id=key,
        at=at,
        kind=kind,
        hook=whole["hook"],
        client=whole["client"],
        issuer=whole["issuer"],
        status=whole["status"],
        payload=encode(whole),
        mentions=mentions_of(whole, AUDIT_KEY),
    )


def write_records(engine: Engine, records: Iterable[AuditRecord]) -> None:
    """Commit these records together, as the store does."""
    with engine.connect() as connection:
        refusals = commit_writes(connection, [make_write(record) for record in records])
    assert not any(refusals), refusals


def write_answers(engine: Engine, numbers: Iterable[int]) -> None:
    """Commit the answers of these numbers together."""
    write_records(engine, map(answer_of, numbers))


def sequencer_of(
    engine: Engine,
    copy: Path,
    *witnesses: Witness,
    signer: Signer = SIGNER,
    every: float = 0.01,
    clock: Callable[[], float] = time.monotonic,
) -> Sequencer:
    """A sequencer that publishes to this file and these witnesses; it is not started."""
    outside = Outside(file=CheckpointFile(path=copy), witnesses=witnesses)
    return Sequencer(engine, signer, outside, every=every, clock=clock)
