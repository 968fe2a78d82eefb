"""Records with their leaves, mentions, uses of tokens, checkpoints, libraries and holds."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _make_records()
    _make_tree()
    _make_others()


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _make_records() -> None:
    op.create_table(
        "record",
        sa.Column("id", sa.Text(), primary_key=True),
        _needed("kind", sa.Text()),
        _needed("at", _time()),
        _needed("hook", sa.Text()),
        _needed("client", sa.Text()),
        _needed("issuer", sa.Text()),
        _needed("status", sa.Integer()),
        _needed("class", sa.Text()),
        _needed("salt", sa.LargeBinary()),
        _needed("payload", sa.LargeBinary()),
    )
    op.create_index("record_at", "record", ["at"])
    op.create_table(
        "mention",
        _needed("record_id", sa.Text()),
        _needed("name", sa.Text()),
        _needed("value", sa.Text()),
        sa.PrimaryKeyConstraint("record_id", "name", "value"),
        sqlite_with_rowid=False,
    )
    op.create_index("mention_value", "mention", ["name", "value"])


def _make_tree() -> None:
    op.create_table(
        "leaf",
        sa.Column("record_id", sa.Text(), primary_key=True),
        _needed("hash", sa.LargeBinary()),
        sa.Column("number", sa.BigInteger(), unique=True),
        sqlite_with_rowid=False,
    )
    _index_of_some("leaf_unnumbered", "leaf", "record_id", "number IS NULL")
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
        _needed("root", sa.LargeBinary()),
        _needed("edge", sa.LargeBinary()),
        _needed("note", sa.Text()),
        _needed("at", _time()),
        sa.Column("published", _time()),
    )
    _index_of_some("checkpoint_unpublished", "checkpoint", "size", "published IS NULL")


def _index_of_some(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def _make_others() -> None:
    op.create_table(
        "token_use",
        sa.Column("key", sa.LargeBinary(), primary_key=True),
        _needed("expires", _time()),
    )
    op.create_index("token_use_expires", "token_use", ["expires"])
    op.create_table(
        "library",
        sa.Column("digest", sa.Text(), primary_key=True),
        _needed("at", _time()),
        _needed("payload", sa.LargeBinary()),
    )
    op.create_table(
        "hold",
        _needed("name", sa.Text()),
        _needed("value", sa.Text()),
        _needed("reason", sa.Text()),
        _needed("at", _time()),
        sa.PrimaryKeyConstraint("name", "value"),
    )
