"""Exports: records as lines of JSON, or as Parquet for what reads columns; never all in memory."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from cds_service.audit.reading import StoredRecord
from cds_service.errors import AuditError
from cds_service.fhir.resource import JsonObject, decode, encode, objects, text

_ROWS = 1000  # of Parquet that are written together

# What of a record is left where patients are to be left out: by name, so that whatever is new is
# left out. Orders, coverages, days of service and what conditions read are of a patient; queries
# name ids; the version asked for is whatever a client wrote. Codes are as they were ordered.
_OF_RECORD = (
    "id",
    "at",
    "kind",
    "hook",
    "hookInstance",
    "client",
    "issuer",
    "tenant",
    "trace",
    "speaks",
    "status",
    "program",
    "library",
    "durations",
    "cards",
)
_OF_DECISION = ("codes", "payer", "plan", "assertion", "proposed")
_OF_RULE = ("rule", "speaks", "matched")
_OF_CONDITION = ("kind", "description", "value")
_OF_DETERMINED = ("covered", "pa-needed", "rules", "reasons")
_OF_QUERY = ("result", "cause", "seconds")
_OF_FEEDBACK = ("card", "outcome", "outcomeTimestamp")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRecord:
    """A record as it leaves: its payload is whole, or without patients."""

    stored: StoredRecord
    payload: bytes


def whole(stored: StoredRecord) -> ExportedRecord:
    """The record as it is, byte for byte."""
    return ExportedRecord(stored=stored, payload=stored.payload)


def without_patients(stored: StoredRecord) -> ExportedRecord:
    """The record with nothing in it that is a patient's."""
    return ExportedRecord(stored=stored, payload=encode(_impersonal(decode(stored.payload))))


def _impersonal(record: JsonObject) -> JsonObject:
    kept = _only(record, _OF_RECORD)
    if "queries" in record:
        kept["queries"] = [
            {"type": _type_of(query), **_only(query, _OF_QUERY)}
            for query in objects(record["queries"])
        ]
    for name in ("decisions", "advice"):
        if name in record:
            kept[name] = [_decision(decision) for decision in objects(record[name])]
    if "feedback" in record:
        kept["feedback"] = _only(record["feedback"], _OF_FEEDBACK)
    return kept


def _decision(decision: JsonObject) -> JsonObject:
    rules = [_rule(rule) for rule in objects(decision.get("rules"))]
    determined = [_only(found, _OF_DETERMINED) for found in objects(decision.get("determined"))]
    kind = text(decision.get("order")).partition("/")[0]
    return {
        "type": kind,
        **_only(decision, _OF_DECISION),
        "rules": rules,
        "determined": determined,
    }


def _rule(rule: JsonObject) -> JsonObject:
    conditions = [_only(held, _OF_CONDITION) for held in objects(rule.get("conditions"))]
    return {**_only(rule, _OF_RULE), "conditions": conditions}


def _type_of(query: JsonObject) -> str:
    """The type of resource that a query is for."""
    return text(query.get("query")).partition("?")[0].partition("/")[0]


def _only(value: JsonObject, names: Iterable[str]) -> JsonObject:
    return {name: value[name] for name in names if name in value}


def write_ndjson(records: Iterable[ExportedRecord], path: Path) -> Iterator[int]:
    """Write the payload of each record as a line; gives how many have been written, now and then.

    Raises:
        AuditError: the file is there already, or cannot be written.
    """
    with _new_file(path) as file:
        done = 0
        for batch in _batches(records):
            file.writelines(record.payload + b"\n" for record in batch)
            done += len(batch)
            yield done


def _batches(records: Iterable[ExportedRecord]) -> Iterator[list[ExportedRecord]]:
    remaining = iter(records)
    while batch := list(islice(remaining, _ROWS)):
        yield batch


def write_parquet(records: Iterable[ExportedRecord], path: Path) -> Iterator[int]:
    """Write a row a record: what it is found by, and its payload as a text of JSON.

    Raises:
        AuditError: pyarrow is not installed; or the file is there already, or cannot be written.
    """
    try:
        import pyarrow  # noqa: PLC0415  # an extra, of which the rest of the service is free
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise AuditError(
            "Parquet needs pyarrow, which is not installed: pip install 'crd-service[parquet]'"
        ) from error
    texts = ("id", "kind", "hook", "client", "issuer", "class", "payload")
    schema = pyarrow.schema(
        [
            *((name, pyarrow.string()) for name in texts),
            ("at", pyarrow.timestamp("us", tz="UTC")),
            ("status", pyarrow.int32()),
        ]
    )
    with _new_file(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        done = 0
        for batch in _batches(records):
            rows = pyarrow.RecordBatch.from_pylist([_row(record) for record in batch], schema)
            writer.write_batch(rows)
            done += len(batch)
            yield done


def _row(record: ExportedRecord) -> dict[str, Any]:
    stored = record.stored
    return {
        "id": stored.id,
        "kind": stored.kind,
        "hook": stored.hook,
        "client": stored.client,
        "issuer": stored.issuer,
        "class": stored.retention,
        "payload": record.payload.decode(),
        "at": stored.at,
        "status": stored.status,
    }


Write = Callable[[Iterable[ExportedRecord], Path], Iterator[int]]
FORMATS: dict[str, Write] = {"ndjson": write_ndjson, "parquet": write_parquet}


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone; none is left where it could not be written whole."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise AuditError(f"cannot write {path}: {error.strerror}") from error
    is_whole = False
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        is_whole = True
    except OSError as error:
        raise AuditError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if not is_whole:
            with suppress(OSError):
                path.unlink()
