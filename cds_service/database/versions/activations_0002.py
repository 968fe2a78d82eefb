"""Which set of policies is in service: activations, their approvals, and what went live where."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables; nothing of the release before changes."""
    _make_activations()
    _make_serving()


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _time() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def _make_activations() -> None:
    op.create_table(
        "activation",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        _needed("kind", sa.Text()),
        _needed("digest", sa.Text()),
        _needed("starts", _time()),
        _needed("at", _time()),
        _needed("who", sa.Text()),
        _needed("why", sa.Text()),
        _needed("changes", sa.Text()),
        _needed("planned", sa.Boolean()),
        sa.Column("cancelled", _time()),
    )
    op.create_index("activation_starts", "activation", ["starts", "number"])
    op.create_table(
        "approval",
        _needed("digest", sa.Text()),
        _needed("approver", sa.Text()),
        _needed("starts", sa.Text()),
        _needed("signature", sa.Text()),
        _needed("at", _time()),
        sa.PrimaryKeyConstraint("digest", "approver", "starts"),
    )


def _make_serving() -> None:
    op.create_table(
        "policy_set",
        _needed("instance", sa.Text()),
        _needed("since", _time()),
        _needed("host", sa.Text()),
        _needed("process", sa.Integer()),
        _needed("digest", sa.Text()),
        _needed("source", sa.Text()),
        _needed("seen", _time()),
        sa.Column("ended", _time()),
        _needed("problem", sa.Text()),
        _needed("approvals", sa.Integer()),
        sa.PrimaryKeyConstraint("instance", "since"),
    )
    op.create_index("policy_set_seen", "policy_set", ["seen"])
