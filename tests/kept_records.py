"""Records as tests look at them: the members of a payload, byte for byte."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from cds_service.audit.payloads import decompress
from cds_service.audit.record import AuditRecord, Kind
from cds_service.fhir.resource import decode

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class KeptRecord:
    """One record that a log was given; `request`, `response` and `decisions` are JSON in UTF-8."""

    record: AuditRecord

    @cached_property
    def members(self) -> Mapping[str, bytes]:
        """The JSON of each member of the payload."""
        return {name: bytes(raw) for name, raw in _MEMBERS.decode(self.record.payload).items()}

    @cached_property
    def whole(self) -> Any:
        """The payload as an object."""
        return decode(self.record.payload)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def at(self) -> datetime:
        return self.record.at

    @property
    def hook(self) -> str:
        return self.record.hook

    @property
    def hook_instance(self) -> str:
        return str(self.whole["hookInstance"])

    @property
    def version(self) -> str:
        return str(self.whole["version"])

    @property
    def request(self) -> bytes:
        return self.members["request"]

    @property
    def response(self) -> bytes:
        return self.members["response"]

    @property
    def decisions(self) -> bytes:
        return self.members["decisions"]


def records_in(file: Path, kind: Kind = Kind.ANSWER) -> list[KeptRecord]:
    """The records of one kind in a SQLite file, as they were written; read past the service."""
    query = "SELECT id, at, hook, payload FROM record WHERE kind = ? ORDER BY rowid"
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(query, (kind.value,)).fetchall()
    return [
        KeptRecord(
            AuditRecord(
                id=identity,
                at=datetime.fromisoformat(at),
                kind=kind,
                hook=hook,
                payload=decompress(payload),
            )
        )
        for identity, at, hook, payload in rows
    ]
