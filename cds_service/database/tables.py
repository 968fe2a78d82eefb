"""The tables: records, their hash tree and what they are found by; sets of policies in service."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
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
# Which set of policies all processes on this store serve, from `starts` on. `kind` is activate,
# rollback or follow, which has no digest: then each serves its directories. `planned`: somebody
# named the instant, so that a later activation without one does not take its place.
ACTIVATION = Table(
    "activation",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _needed("kind", Text),
    _needed("digest", Text),
    _needed("starts", UtcTime),
    _needed("at", UtcTime),
    _needed("who", Text),
    _needed("why", Text),
    _needed("changes", Text),
    _needed("planned", Boolean),
    Column("cancelled", UtcTime),
    Index("activation_starts", "starts", "number"),
)
# `starts` is the instant that an approval is limited to, as it was signed; empty: any.
APPROVAL = Table(
    "approval",
    METADATA,
    _needed("digest", Text),
    _needed("approver", Text),
    _needed("starts", Text),
    _needed("signature", Text),
    _needed("at", UtcTime),
    PrimaryKeyConstraint("digest", "approver", "starts"),
)
# What went live where: a row for each set that a process has served. `seen` is when the process was
# there last, `ended` when it stopped; `problem` is why it does not serve what it should, and
# `approvals` how many it asks for.
POLICY_SET = Table(
    "policy_set",
    METADATA,
    _needed("instance", Text),
    _needed("since", UtcTime),
    _needed("host", Text),
    _needed("process", Integer),
    _needed("digest", Text),
    _needed("source", Text),
    _needed("seen", UtcTime),
    Column("ended", UtcTime),
    _needed("problem", Text),
    _needed("approvals", Integer),
    PrimaryKeyConstraint("instance", "since"),
    Index("policy_set_seen", "seen"),
)
# Which set answers silently beside the one in service: the one of the last row, empty for none.
SHADOW = Table(
    "shadow",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _needed("digest", Text),
    _needed("at", UtcTime),
    _needed("who", Text),
)
# How a coming set differs from the one in service: a row for each kind of difference, counted.
# `name` is the digest of all that makes the kind; `record` is the id of the last such call.
SHADOW_EFFECT = Table(
    "shadow_effect",
    METADATA,
    _needed("coming", Text),
    _needed("name", Text),
    _needed("effect", Text),
    _needed("payer", Text),
    _needed("codes", Text),
    _needed("before", Text),
    _needed("after", Text),
    _needed("rules", Text),
    _needed("count", BigInteger),
    _needed("record", Text),
    _needed("at", UtcTime),
    PrimaryKeyConstraint("coming", "name"),
)
# What a client may still call: `tokens` calls as of the time `at`, whatever process it calls.
ALLOWANCE = Table(
    "allowance",
    METADATA,
    Column("client", Text, primary_key=True),
    _needed("tokens", Double),
    _needed("at", UtcTime),
)
# What a process holds of a client's limits, each until a time: calls it may let through without
# asking, and calls at a time.
LEASE = Table(
    "lease",
    METADATA,
    _needed("client", Text),
    _needed("process", Text),
    _needed("tokens", Integer),
    _needed("tokens_until", UtcTime),
    _needed("slots", Integer),
    _needed("slots_until", UtcTime),
    PrimaryKeyConstraint("client", "process"),
)
# The oldest program that may still read and write this database, by the schema it needs: so one
# that does not know the schema, because it is older, knows whether it may go on.
SERVED = Table("served_schema", METADATA, Column("oldest", Text, primary_key=True))
