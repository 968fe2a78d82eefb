"""The tables: records, the leaves of their hash tree, and what they are found by."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.types import TypeDecorator

METADATA = MetaData()


class UtcTime(TypeDecorator[datetime]):
    """A point in time: `timestamptz` in PostgreSQL, UTC without its zone in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        at: datetime = value
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _needed(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=False)


# `payload` is compressed; its first byte names the codec. `class` is what retention goes by.
RECORD = Table(
    "record",
    METADATA,
    Column("id", Text, primary_key=True),
    _needed("kind", Text),
    _needed("at", UtcTime),
    _needed("hook", Text),
    _needed("client", Text),
    _needed("issuer", Text),
    _needed("status", Integer),
    _needed("class", Text),
    _needed("salt", LargeBinary),
    _needed("payload", LargeBinary),
    Index("record_at", "at"),
)
# No foreign key: a leaf outlives its record, so that a purge leaves the proofs of others valid.
LEAF = Table(
    "leaf",
    METADATA,
    Column("record_id", Text, primary_key=True),
    _needed("hash", LargeBinary),
    Column("number", BigInteger, unique=True),
    sqlite_with_rowid=False,
)
# The leaves that no sequencer has numbered yet are few: an index of those alone.
UNNUMBERED = Index(
    "leaf_unnumbered",
    LEAF.c.record_id,
    sqlite_where=text("number IS NULL"),
    postgresql_where=text("number IS NULL"),
)
MENTION = Table(
    "mention",
    METADATA,
    _needed("record_id", Text),
    _needed("name", Text),
    _needed("value", Text),
    PrimaryKeyConstraint("record_id", "name", "value"),
    Index("mention_value", "name", "value"),
    sqlite_with_rowid=False,
)
TOKEN_USE = Table(
    "token_use",
    METADATA,
    Column("key", LargeBinary, primary_key=True),
    _needed("expires", UtcTime),
    Index("token_use_expires", "expires"),
)
# `edge` is the right edge of the hash tree, `note` the signed checkpoint; `published` is when that
# was sent out of the database's reach, none: not yet.
CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    _needed("root", LargeBinary),
    _needed("edge", LargeBinary),
    _needed("note", Text),
    _needed("at", UtcTime),
    Column("published", UtcTime),
)
UNPUBLISHED = Index(
    "checkpoint_unpublished",
    CHECKPOINT.c.size,
    sqlite_where=text("published IS NULL"),
    postgresql_where=text("published IS NULL"),
)
LIBRARY = Table(
    "library",
    METADATA,
    Column("digest", Text, primary_key=True),
    _needed("at", UtcTime),
    _needed("payload", LargeBinary),
)
HOLD = Table(
    "hold",
    METADATA,
    _needed("name", Text),
    _needed("value", Text),
    _needed("reason", Text),
    _needed("at", UtcTime),
    PrimaryKeyConstraint("name", "value"),
)
