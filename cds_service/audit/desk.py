"""The desk, where people read the store: what is asked for is recorded before anything is shown."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.dossier import Dossier, texts_of
from cds_service.audit.holds import holds_on
from cds_service.audit.insertion import commit_writes
from cds_service.audit.mentions import Mention, mention, mentions_of
from cds_service.audit.reading import Reader, StoredRecord
from cds_service.audit.record import AuditRecord, Kind, Recorder
from cds_service.audit.rows import make_write
from cds_service.audit.seals import find_seal
from cds_service.database.causes import find_cause
from cds_service.errors import AuditError, NotRecorded
from cds_service.fhir.resource import Json, JsonObject, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What records are looked for: mentions by name, as a person writes them, and the rest."""

    mentions: tuple[tuple[str, str], ...] = ()
    client: str | None = None
    hook: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def to_json(self, hashed: Sequence[Mention]) -> JsonObject:
        """What is kept of it: patients and members as hashes."""
        bounds = {"since": self.since, "until": self.until}
        return {
            "by": [[name.name, name.value] for name in hashed],
            **{
                name: value
                for name, value in (
                    ("of-client", self.client),
                    ("of-hook", self.hook),
                    ("of-kind", self.kind),
                )
                if value is not None
            },
            **{name: at.isoformat() for name, at in bounds.items() if at},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Reads the store for `who`, an operator's name or a user of this machine.

    `write` makes a record durable, or raises NotRecorded: then nothing is read for anybody.
    """

    engine: Engine
    recorder: Recorder
    who: str
    write: Callable[[AuditRecord], object]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    @property
    def reader(self) -> Reader:
        """The store; who asks it for a person has noted that first."""
        return Reader(self.engine)

    def note(self, kind: Kind, what: Mapping[str, Json]) -> None:
        """Record a reading or a change.

        Raises:
            NotRecorded: it could not be made durable.
        """
        written = {name: _clean(value) for name, value in what.items()}
        record = self.recorder.access(self.new_id(), self.now(), kind, who=self.who, what=written)
        self.write(record)

    def read(self, command: str, what: Mapping[str, Json]) -> Reader:
        """The store, once it is recorded that `who` reads it by a command, and what.

        Raises:
            NotRecorded: that could not be recorded, so nothing may be read.
        """
        self.note(Kind.READING, {"command": command, **what})
        return self.reader

    def dossier(self, command: str, identity: str) -> Dossier | None:
        """The dossier of an assertion, or of a record, by id; None if there is none.

        Raises:
            NotRecorded: the reading could not be recorded.
            AuditError: the store cannot be read.
        """
        with store_errors():
            sought = writable(identity)
            reader = self.read(command, {"subject": sought})
            stored = reader.by_assertion(sought) or reader.by_id(sought)
            return None if stored is None else self._dossier(identity, stored)

    def _dossier(self, identity: str, stored: StoredRecord) -> Dossier:
        record: JsonObject = decode(stored.payload)
        return Dossier(
            asked=identity,
            record=record,
            feedback=tuple(feedback_on(self.reader, record)) if stored.kind == Kind.ANSWER else (),
            seal=find_seal(self.engine, stored.id),
            holds=holds_on(self.engine, mentions_of(record, self.recorder.audit_key)),
        )

    def find(self, command: str, search: Search, *, limit: int) -> Iterator[StoredRecord]:
        """The records that a search finds, the latest first; of each patient the hash is sought.

        Raises:
            NotRecorded: the reading could not be recorded.
        """
        key = self.recorder.audit_key
        hashed = [mention(name, writable(value), key) for name, value in search.mentions]
        reader = self.read(command, search.to_json(hashed))
        yield from reader.find(
            hashed,
            client=None if search.client is None else writable(search.client),
            hook=None if search.hook is None else writable(search.hook),
            kind=search.kind,
            since=search.since,
            until=search.until,
            limit=limit,
        )


def writable(typed: str) -> str:
    """What somebody typed, with no character that no record can hold."""
    return typed.encode(errors="replace").decode().replace("\0", "?")


def _clean(value: Json) -> Json:
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return writable(value) if isinstance(value, str) else value


def feedback_on(reader: Reader, record: JsonObject) -> Iterator[JsonObject]:
    """The payloads of the feedback on an answer's cards, card by card, the oldest first."""
    for card in texts_of(record.get("cards")):
        found = list(reader.find([Mention("card", card)], kind=Kind.FEEDBACK))
        yield from (decode(stored.payload) for stored in reversed(found))


def write_at_once(engine: Engine) -> Callable[[AuditRecord], object]:
    """What writes a record in a transaction of its own, for a command that runs alone."""

    def write(record: AuditRecord) -> None:
        with engine.connect() as connection:
            (refusal,) = commit_writes(connection, [make_write(record)])
        if refusal is not None:
            raise NotRecorded("it could not be recorded that the store is read") from refusal

    return write


@contextmanager
def store_errors() -> Iterator[None]:
    """Errors of the database, in words for the person who asked.

    Raises:
        AuditError: the database could not be used.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise AuditError(f"the store cannot be used: {find_cause(error).words}") from error
