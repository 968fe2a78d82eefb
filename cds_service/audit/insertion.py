"""Insertion: a batch of writes in one transaction, each refused for itself.

The leaf decides whether a record is there: it outlives the record, so nothing that was purged comes
back, and a write that is tried again is known by its hash.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, select

from cds_service.audit.rows import RecordRows, Write
from cds_service.database.causes import UNWRITABLE, Trouble, find_cause
from cds_service.database.engine import driver_cursor, write_on
from cds_service.database.tables import LEAF, RECORD
from cds_service.errors import NotRecorded, Replayed

# The statements of every call, for the driver itself.
_LEAVES = "INSERT INTO leaf (record_id, hash) VALUES {} ON CONFLICT DO NOTHING RETURNING hash"
_USES = "INSERT INTO token_use (key, expires) VALUES {} ON CONFLICT DO NOTHING RETURNING key"
_RECORDS = (
    "INSERT INTO record (id, kind, hook, client, issuer, status, class, salt, payload, at) "
    "VALUES ({})"
)
_RECORD_FIELDS = tuple("id kind hook client issuer status retention salt payload".split())
_MENTIONS = "INSERT INTO mention (record_id, name, value) VALUES (?, ?, ?)"
_MENTIONS_AT_ONCE = (
    "INSERT INTO mention (record_id, name, value) "
    "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])"
)
_AT_ONCE = 400  # rows of two values in one statement; SQLite takes 999 values in any build
# Why a write was not kept; None: it is, once the transaction is committed.
Refusal = Exception | None


def commit_writes(
    connection: Connection, writes: Sequence[Write], *, has_left: bool = False
) -> list[Refusal]:
    """Insert what can be, in a transaction of its own; the refusal of each write, in their order.

    A write refuses no other, whatever is wrong with it. `has_left`: the answers have left, as those
    in a journal have; what is there already is passed over, and so is a token's second use.

    Raises:
        SQLAlchemyError: the database is away or damaged. What was committed is not known, and the
            same writes may be tried again.
    """
    try:
        with write_on(connection):
            return _insert_together(connection, writes, has_left=has_left)
    except UNWRITABLE as error:
        _raise_unless_of_a_row(error)
    with write_on(connection):
        return [_insert_alone(connection, write, has_left=has_left) for write in writes]


def _insert_alone(connection: Connection, write: Write, *, has_left: bool) -> Refusal:
    try:
        with connection.begin_nested():
            (refusal,) = _insert_together(connection, [write], has_left=has_left)
    except UNWRITABLE as error:
        _raise_unless_of_a_row(error)
        return error
    return refusal


def _raise_unless_of_a_row(error: Exception) -> None:
    if find_cause(error).trouble is not Trouble.ROW:
        raise error


def _insert_together(
    connection: Connection, writes: Sequence[Write], *, has_left: bool
) -> list[Refusal]:
    replayed = _use_tokens(connection, writes)
    if has_left:  # it is too late to refuse a second use, and not to note the first
        replayed = [False] * len(writes)
    allowed = (write for write, again in zip(writes, replayed, strict=True) if not again)
    records = [record for write in allowed for record in write.records]
    kept = _insert_leaves(connection, records)
    _insert_rows(connection, [record for record in records if record.leaf in kept])
    if has_left or (not any(replayed) and len(kept) == len(records)):
        return [None] * len(writes)
    kept |= _present_leaves(connection, [record.id for write in writes for record in write.records])
    return [
        _refusal(write, kept, again=again) for write, again in zip(writes, replayed, strict=True)
    ]


def _refusal(write: Write, kept: Collection[bytes], *, again: bool) -> Refusal:
    if again and not write.records:
        return Replayed()
    if all(record.leaf in kept for record in write.records):
        return None  # also if an earlier try was committed, though nobody heard of it
    if again:
        return Replayed()
    return None if write.may_be_there else NotRecorded("a record of this id is there already")


def _use_tokens(connection: Connection, writes: Sequence[Write]) -> list[bool]:
    """Note the use of the token of each write; whether it was used before, in their order."""
    uses = {write.token_key: write.token_expires for write in writes if write.token_key is not None}
    if not uses:
        return [False] * len(writes)
    time_of = _time_writer(connection)
    rows = [(key, time_of(uses[key])) for key in sorted(uses)]
    unused = _insert_new(connection, _USES, rows)
    replayed = []
    for write in writes:
        replayed.append(write.token_key is not None and write.token_key not in unused)
        unused.discard(write.token_key)  # the next in this batch is its second use
    return replayed


def _insert_leaves(connection: Connection, records: Sequence[RecordRows]) -> set[bytes]:
    """The hashes of the leaves that were not there."""
    # Sorted, so that two processes with the same feedback wait for each other in one order.
    ordered = sorted(records, key=lambda record: record.id)
    rows = [(record.id, record.leaf) for record in ordered]
    return _insert_new(connection, _LEAVES, rows) if rows else set()


def _insert_new(
    connection: Connection, statement: str, rows: Sequence[tuple[Any, Any]]
) -> set[Any]:
    """Insert the rows of two values whose key is not there; what the statement returns of them."""
    mark = _mark(connection)
    found: set[Any] = set()
    with driver_cursor(connection) as cursor:
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            places = ", ".join([f"({mark}, {mark})"] * len(part))
            cursor.execute(statement.format(places), list(chain.from_iterable(part)))
            found.update(value for (value,) in cursor.fetchall())
    return found


def _present_leaves(connection: Connection, identities: Collection[str]) -> set[bytes]:
    present = select(LEAF.c.hash).where(LEAF.c.record_id.in_(identities))
    return set(connection.scalars(present))


def _insert_rows(connection: Connection, records: Sequence[RecordRows]) -> None:
    if not records:
        return
    time_of, mark = _time_writer(connection), _mark(connection)
    values_of = attrgetter(*_RECORD_FIELDS)
    rows = [(*values_of(record), time_of(record.at)) for record in records]
    mentions = [(record.id, name, value) for record in records for name, value in record.mentions]
    with driver_cursor(connection) as cursor:
        cursor.executemany(_RECORDS.format(", ".join([mark] * len(rows[0]))), rows)
        if mentions and connection.dialect.name == "postgresql":
            # One statement: a server plans each row of an `executemany` anew.
            cursor.execute(_MENTIONS_AT_ONCE, list(map(list, zip(*mentions, strict=True))))
        elif mentions:
            cursor.executemany(_MENTIONS, mentions)


def _mark(connection: Connection) -> str:
    """What stands for a value in a statement of this driver."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def _time_writer(connection: Connection) -> Callable[[datetime | None], Any]:
    """How a time is handed to this driver, the same as in all other statements."""
    dialect = connection.dialect
    writer = RECORD.c.at.type.dialect_impl(dialect).bind_processor(dialect)
    return writer or (lambda at: at)
