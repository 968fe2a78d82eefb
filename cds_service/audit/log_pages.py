"""The store read for its verification: leaves by number, each with its record and mentions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, func, select

from cds_service.audit.mentions import Mention
from cds_service.audit.merkle import leaf_hash
from cds_service.audit.payloads import decompress
from cds_service.audit.purge_note import purged_in
from cds_service.audit.record_check import read_content
from cds_service.audit.signed_note import Verifier
from cds_service.database.engine import reading
from cds_service.database.tables import CHECKPOINT, LEAF, LIBRARY, MENTION, RECORD
from cds_service.errors import AuditError
from cds_service.fhir.resource import JsonObject

_PAGE = 500  # leaves at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRow:
    """A leaf and its record; `record` has the columns of its table, None if there is no row."""

    key: str
    number: int | None
    hash: bytes
    record: Mapping[Any, Any] | None
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """A checkpoint as it is stored."""

    size: int
    root: bytes
    edge: bytes
    note: str
    is_published: bool


def numbered_leaves(engine: Engine, below: int) -> Iterator[LeafRow]:
    """The leaves whose number is below a bound, in the order of their numbers."""
    last = -1
    while rows := _leaf_page(engine, LEAF.c.number > last, LEAF.c.number < below):
        yield from rows
        last = rows[-1].number if rows[-1].number is not None else below


def waiting_leaves(engine: Engine) -> Iterator[LeafRow]:
    """The leaves without a number, by the ids of their records."""
    last = ""
    while rows := _leaf_page(engine, LEAF.c.number.is_(None), LEAF.c.record_id > last):
        yield from rows
        last = rows[-1].key


def leaves_between(engine: Engine, start: int, end: int) -> list[tuple[str, bytes]]:
    """Ids and hashes of the leaves from one number to before another."""
    leaves = select(LEAF.c.record_id, LEAF.c.hash).where(LEAF.c.number >= start)
    with reading(engine) as connection:
        rows = connection.execute(leaves.where(LEAF.c.number < end).order_by(LEAF.c.number))
        return [(row.record_id, row.hash) for row in rows]


def checkpoint_rows(engine: Engine) -> Iterator[CheckpointRow]:
    """All checkpoints, the smallest first."""
    last = -1
    query = select(CHECKPOINT).order_by(CHECKPOINT.c.size).limit(_PAGE)
    while True:
        with reading(engine) as connection:
            rows = connection.execute(query.where(CHECKPOINT.c.size > last)).all()
        if not rows:
            return
        for row in rows:
            yield CheckpointRow(
                size=row.size,
                root=row.root,
                edge=row.edge,
                note=row.note,
                is_published=row.published is not None,
            )
        last = rows[-1].size


def numbers_beyond(engine: Engine) -> tuple[int, str] | None:
    """The first number that no checkpoint covers, and its record; None if all are covered."""
    largest = select(func.coalesce(func.max(CHECKPOINT.c.size), 0)).scalar_subquery()
    first = select(LEAF.c.number, LEAF.c.record_id).where(LEAF.c.number >= largest)
    with reading(engine) as connection:
        row = connection.execute(first.order_by(LEAF.c.number).limit(1)).one_or_none()
        return (row.number, row.record_id) if row else None


def records_without_leaf(engine: Engine) -> Iterator[str]:
    """The ids of records that no leaf is of: whoever wrote them is not the service."""
    joined = RECORD.outerjoin(LEAF, LEAF.c.record_id == RECORD.c.id)
    yield from _texts(engine, select(RECORD.c.id).select_from(joined).where(_absent(LEAF)))


def mentions_without_record(engine: Engine) -> Iterator[str]:
    """The ids that mentions are of, and no record is."""
    joined = MENTION.outerjoin(RECORD, MENTION.c.record_id == RECORD.c.id)
    missing = select(MENTION.c.record_id).select_from(joined).where(RECORD.c.id.is_(None))
    yield from _texts(engine, missing.distinct())


def purged_ids(engine: Engine, verifiers: Sequence[Verifier]) -> set[str]:
    """The ids of records that an intact and signed record of a change names as purged."""
    changes = select(RECORD.c.salt, RECORD.c.payload, LEAF.c.hash).join_from(
        RECORD, LEAF, LEAF.c.record_id == RECORD.c.id
    )
    purged: set[str] = set()
    with reading(engine) as connection:
        for row in connection.execute(changes.where(RECORD.c.kind == "change")):
            content = _intact_content(row.salt, row.payload, row.hash)
            purged.update(purged_in(content, verifiers))
    return purged


def library_digests(engine: Engine) -> set[str]:
    """The digests of all policies that are kept."""
    with reading(engine) as connection:
        return set(connection.execute(select(LIBRARY.c.digest)).scalars())


def altered_libraries(engine: Engine) -> Iterator[str]:
    """The digests under which other policies are kept than those that they are of."""
    for digest in sorted(library_digests(engine)):
        kept = select(LIBRARY.c.payload).where(LIBRARY.c.digest == digest)
        with reading(engine) as connection:
            payload = connection.execute(kept).scalar_one()
        if not _is_library(payload, digest):
            yield digest


def _is_library(kept: bytes, digest: str) -> bool:
    try:
        return digest == f"sha256:{sha256(decompress(kept)).hexdigest()}"
    except AuditError:
        return False


def _intact_content(salt: bytes, kept: bytes, leaf: bytes) -> JsonObject:
    """The content of a record, empty if it is not what its leaf hash is of."""
    try:
        payload = decompress(kept)
    except AuditError:
        return {}
    return (read_content(payload) or {}) if leaf_hash(salt + payload) == leaf else {}


def _leaf_page(engine: Engine, *conditions: ColumnElement[bool]) -> list[LeafRow]:
    """A page of leaves. Mentions are read before records: a purge in between removes both."""
    page = select(LEAF).where(*conditions).order_by(LEAF.c.number, LEAF.c.record_id)
    with reading(engine) as connection:
        leaves = connection.execute(page.limit(_PAGE)).all()
        keys = [leaf.record_id for leaf in leaves]
        mentions: dict[str, list[Mention]] = defaultdict(list)
        found = connection.execute(select(MENTION).where(MENTION.c.record_id.in_(keys)))
        for key, name, value in found:
            mentions[key].append(Mention(name, value))
        rows = connection.execute(select(RECORD).where(RECORD.c.id.in_(keys))).mappings()
        records = {row["id"]: row for row in rows}
    return [
        LeafRow(
            key=leaf.record_id,
            number=leaf.number,
            hash=leaf.hash,
            record=records.get(leaf.record_id),
            mentions=tuple(mentions[leaf.record_id]),
        )
        for leaf in leaves
    ]


def _absent(table: Any) -> ColumnElement[bool]:
    absent: ColumnElement[bool] = table.c.record_id.is_(None)
    return absent


def _texts(engine: Engine, query: Select[Any]) -> list[str]:
    with reading(engine) as connection:
        return list(connection.execute(query.limit(_PAGE)).scalars())
