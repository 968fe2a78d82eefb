"""Records of the SQLite schema before there were migrations: tables `answer` and `feedback`.

They are copied, not moved, so that a program of the former release may still write there while the
new one is rolled out; to copy again copies what is new.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Select, column, inspect, select, table, tuple_

from cds_service.audit.insertion import commit_writes
from cds_service.audit.mentions import mentions_of
from cds_service.audit.record import AuditRecord, Kind, feedback_id
from cds_service.audit.rows import Write, make_write
from cds_service.database.engine import reading
from cds_service.errors import AuditError
from cds_service.fhir.resource import JsonObject, decode, encode, follow, text

FORMER_TABLES = frozenset({"answer", "feedback"})
_ANSWERS = ("id", "at", "hook", "hook_instance", "version", "decisions", "request", "response")
_FEEDBACK = ("card", "outcome", "at", "body")
_AT_ONCE = 200  # records in one transaction
_NOTE = "kept by a release whose records held neither what was read nor the library"

Progress = Callable[[int], None]


def copy_former(engine: Engine, audit_key: bytes, progress: Progress) -> int:
    """Copy the records of the former tables, if they are there; how many there are.

    `progress` is called with the number so far.

    Raises:
        AuditError: one of them cannot be copied; those before it are.
        SQLAlchemyError: the database cannot be read or written.
    """
    if not set(inspect(engine).get_table_names()) >= FORMER_TABLES:
        return 0
    count = 0
    with engine.connect() as connection:
        writes = _writes(engine, audit_key)
        while batch := list(islice(writes, _AT_ONCE)):
            _copy(connection, batch)
            count += len(batch)
            progress(count)
    return count


def _copy(connection: Connection, batch: list[Write]) -> None:
    refusals = commit_writes(connection, batch, has_left=True)
    for write, refusal in zip(batch, refusals, strict=True):
        if refusal:
            raise AuditError(f"record {write.records[0].id} cannot be copied") from refusal


def _writes(engine: Engine, audit_key: bytes) -> Iterator[Write]:
    for row in _rows(engine, "answer", _ANSWERS, ("id",)):
        yield make_write(_answer(row, audit_key))
    for row in _rows(engine, "feedback", _FEEDBACK, ("card", "outcome", "at")):
        yield make_write(_reaction(row, audit_key))


def _rows(
    engine: Engine, name: str, columns: tuple[str, ...], keys: tuple[str, ...]
) -> Iterator[dict[str, str]]:
    """The rows of a table, a page at a time, each begun behind the last key."""
    source = table(name, *map(column, columns))
    key = tuple_(*(source.c[part] for part in keys))
    ordered = select(source).order_by(*(source.c[part] for part in keys)).limit(_AT_ONCE)
    page = _page(engine, ordered)
    while page:
        yield from page
        last = tuple_(*(page[-1][part] for part in keys))
        page = _page(engine, ordered.where(key > last))


def _page(engine: Engine, query: Select[Any]) -> list[dict[str, str]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _answer(row: dict[str, str], audit_key: bytes) -> AuditRecord:
    whole = {
        **_head(row["id"], row["at"], Kind.ANSWER, row["hook"]),
        "hookInstance": row["hook_instance"],
        "version": row["version"],
        "decisions": _parsed(row["decisions"]),
        "request": _parsed(row["request"]),
        "response": _parsed(row["response"]),
    }
    response = whole["response"]
    cards = follow(response, ("cards",)) if isinstance(response, dict) else ()
    whole["cards"] = [text(card.get("uuid")) for card in cards]
    return _record(whole, Kind.ANSWER, audit_key)


def _reaction(row: dict[str, str], audit_key: bytes) -> AuditRecord:
    identity = feedback_id(row["card"], row["outcome"], row["at"])
    whole = {
        **_head(identity, row["at"], Kind.FEEDBACK, ""),
        "cards": [row["card"]],
        "feedback": _parsed(row["body"]),
    }
    return _record(whole, Kind.FEEDBACK, audit_key)


def _head(identity: str, written: str, kind: Kind, hook: str) -> JsonObject:
    """The members that are columns too, as every record has them; a time as it can be compared."""
    at = _time(written).isoformat()
    return {
        "id": identity,
        "at": at,
        "kind": kind.value,
        "hook": hook,
        "client": "",
        "issuer": "",
        "status": 0,
        "former": _NOTE,
        **({} if at == written else {"writtenAt": written}),
    }


def _record(whole: JsonObject, kind: Kind, audit_key: bytes) -> AuditRecord:
    return AuditRecord(
        id=whole["id"],
        at=datetime.fromisoformat(whole["at"]),
        kind=kind,
        hook=whole["hook"],
        payload=encode(whole),
        mentions=mentions_of(whole, audit_key),
    )


def _parsed(kept: str) -> Any:
    """A JSON value of the former schema; what is none is kept as the text that it is."""
    try:
        return decode(kept.encode())
    except ValueError:
        return kept


def _time(written: str) -> datetime:
    """A time of the former schema; feedback holds what its client wrote."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
