"""A store of recorded calls for tests of those who read it: real records in a real database."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fakes import NOON, CountingIds, fake_recorder
from replaying import record_call
from signed_logs import SIGNER, write_records
from sqlalchemy import Engine

from cds_service.audit.desk import Desk, write_at_once
from cds_service.audit.mentions import mentions_of
from cds_service.audit.numbering import number_leaves
from cds_service.audit.reading import StoredRecord
from cds_service.audit.record import AuditRecord
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.feedback import Feedback
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate
from cds_service.fhir.resource import decode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

AUDIT_KEY = b"key"  # that of the fake recorder


def new_store(url: str) -> Engine:
    """An empty store with the tables of this release."""
    engine = open_engine(url)
    migrate(engine)
    return engine


def seal(engine: Engine) -> None:
    """Number all records, and sign a checkpoint."""
    number_leaves(engine, SIGNER, None, NOON)


@dataclass(slots=True)
class Calls:
    """Makes calls, each with ids of its own, and keeps their records in a store."""

    engine: Engine
    index: PolicyIndex
    ids: CountingIds = field(default_factory=CountingIds)
    audit_key: bytes = AUDIT_KEY

    def call(self, request: JsonObject, **seams: Any) -> JsonObject:
        """Keep the record of a call; its payload."""
        record = record_call(self.index, request, ids=self.ids, **seams)
        payload: JsonObject = decode(record.payload)
        found_by = mentions_of(payload, self.audit_key)
        write_records(self.engine, [replace(record, mentions=found_by)])
        return payload

    def feedback(self, card: str, outcome: str, at: datetime = NOON, **body: Any) -> AuditRecord:
        """Keep the record of a clinician's feedback."""
        whole = {"card": card, "outcome": outcome, "outcomeTimestamp": at.isoformat(), **body}
        reaction = Feedback(card=card, outcome=outcome, timestamp=at.isoformat(), body=whole)
        (record,) = fake_recorder().feedback(at, Trail(), [reaction])
        write_records(self.engine, [record])
        return record


def desk_of(engine: Engine, who: str = "operator") -> Desk:
    """Where a person reads a store; its clock stands still."""
    ids = CountingIds()

    def new_id() -> str:
        return f"{who}-{ids()}"

    return Desk(
        engine=engine,
        recorder=fake_recorder(),
        who=who,
        write=write_at_once(engine),
        now=lambda: NOON,
        new_id=new_id,
    )


def payloads(records: Iterable[StoredRecord]) -> Sequence[JsonObject]:
    """Records as they are read back."""
    return [decode(stored.payload) for stored in records]


def readings(engine: Engine) -> Sequence[JsonObject]:
    """Who has read a store, and what, the latest first."""
    return payloads(desk_of(engine).reader.find(kind="reading"))


def store_in(directory: Path) -> Engine:
    """An empty store in a file of its own."""
    return new_store(f"sqlite:///{directory / 'crd.sqlite3'}")
