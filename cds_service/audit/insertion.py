"""Insertion: a batch of writes in one transaction, each refused for itself.

The leaf decides whether a record is there: it outlives the record, so nothing that was purged comes
back, and a write that is tried again is known by its hash.
"""

from collections.abc import Collection, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Dialect

from cds_service.audit.rows import RecordRows, Write
from cds_service.database.causes import UNWRITABLE, Trouble, find_cause
from cds_service.database.driver import driver_cursor, driver_time, write_cursor
from cds_service.database.engine import write_on
from cds_service.errors import NotRecorded, Replayed

# The statements of every call, for the driver itself; `{}` are the places of the values.
_LEAVES = "INSERT INTO leaf (record_id, hash) VALUES {} ON CONFLICT DO NOTHING RETURNING hash"
_USES = "INSERT INTO token_use (key, expires) VALUES {} ON CONFLICT DO NOTHING RETURNING key"
_PRESENT = "SELECT hash FROM leaf WHERE record_id IN ({})"
_RECORDS = (
    "INSERT INTO record (id, kind, hook, client, issuer, status, class, salt, payload, at) "
    "VALUES {}"
)
_values_of = attrgetter(*"id kind hook client issuer status retention salt payload".split())
_MENTIONS = "INSERT INTO mention (record_id, name, value) VALUES {}"
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
        with write_cursor(connection) as cursor:
            return _Insertion(cursor, connection.dialect).insert(writes, has_left=has_left)
    except UNWRITABLE as error:
        _raise_unless_of_a_row(error)
    with write_on(connection):
        return [_insert_alone(connection, write, has_left=has_left) for write in writes]


def _insert_alone(connection: Connection, write: Write, *, has_left: bool) -> Refusal:
    try:
        with connection.begin_nested(), driver_cursor(connection) as cursor:
            alone = _Insertion(cursor, connection.dialect)
            (refusal,) = alone.insert([write], has_left=has_left)
    except UNWRITABLE as error:
        _raise_unless_of_a_row(error)
        return error
    return refusal


def _raise_unless_of_a_row(error: Exception) -> None:
    if find_cause(error).trouble is not Trouble.ROW:
        raise error


class _Insertion:
    """Inserts in the transaction under way, by the driver's own cursor."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor, self._dialect = cursor, dialect
        self._is_server = dialect.name == "postgresql"
        self._mark = "%s" if self._is_server else "?"

    def insert(self, writes: Sequence[Write], *, has_left: bool) -> list[Refusal]:
        """Insert what can be; the refusal of each write, in their order."""
        replayed = self._use_tokens(writes)
        if has_left:  # it is too late to refuse a second use, and not to note the first
            replayed = [False] * len(writes)
        allowed = (write for write, again in zip(writes, replayed, strict=True) if not again)
        records = [record for write in allowed for record in write.records]
        kept = self._insert_leaves(records)
        self._insert_rows([record for record in records if record.leaf in kept])
        if has_left or (not any(replayed) and len(kept) == len(records)):
            return [None] * len(writes)
        named = [(record.id,) for write in writes for record in write.records]
        kept |= self._ask(_PRESENT, named)
        return [
            _refusal(write, kept, again=again)
            for write, again in zip(writes, replayed, strict=True)
        ]

    def _use_tokens(self, writes: Sequence[Write]) -> list[bool]:
        """Note the use of the token of each write; whether it was used before, in their order."""
        uses = {
            write.token_key: write.token_expires for write in writes if write.token_key is not None
        }
        rows = [(key, driver_time(uses[key], self._dialect)) for key in sorted(uses)]
        unused = self._ask(_USES, rows)
        replayed = []
        for write in writes:
            replayed.append(write.token_key is not None and write.token_key not in unused)
            unused.discard(write.token_key)  # the next in this batch is its second use
        return replayed

    def _insert_leaves(self, records: Sequence[RecordRows]) -> set[bytes]:
        """The hashes of the leaves that were not there."""
        # Sorted, so that two processes with the same feedback wait for each other in one order.
        return self._ask(_LEAVES, sorted((record.id, record.leaf) for record in records))

    def _ask(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> set[Any]:
        """What the statement returns for rows of one or two values, none where there are none."""
        found: set[Any] = set()
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            places = ", ".join([self._places(len(part[0]))] * len(part))
            self._cursor.execute(statement.format(places), list(chain.from_iterable(part)))
            found.update([value for (value,) in self._cursor.fetchall()])
        return found

    def _insert_rows(self, records: Sequence[RecordRows]) -> None:
        rows = [(*_values_of(record), driver_time(record.at, self._dialect)) for record in records]
        mentions = [(record.id, *mention) for record in records for mention in record.mentions]
        if rows:
            self._cursor.executemany(_RECORDS.format(self._places(len(rows[0]))), rows)
        if mentions and self._is_server:
            # One statement: a server plans each row of an `executemany` anew.
            self._cursor.execute(_MENTIONS_AT_ONCE, list(map(list, zip(*mentions, strict=True))))
        elif mentions:
            self._cursor.executemany(_MENTIONS.format(self._places(3)), mentions)

    def _places(self, count: int) -> str:
        return f"({', '.join([self._mark] * count)})"


def _refusal(write: Write, kept: Collection[bytes], *, again: bool) -> Refusal:
    if again and not write.records:
        return Replayed()
    if all(record.leaf in kept for record in write.records):
        return None  # also if an earlier try was committed, though nobody heard of it
    if again:
        return Replayed()
    return None if write.may_be_there else NotRecorded("a record of this id is there already")
