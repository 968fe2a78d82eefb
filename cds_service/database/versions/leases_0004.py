"""What each client may still call, and what processes hold of it, so that limits are of all."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables; nothing of the release before changes."""
    op.create_table(
        "allowance",
        sa.Column("client", sa.Text(), primary_key=True),
        _needed("tokens", sa.Double()),
        _needed("at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "lease",
        _needed("client", sa.Text()),
        _needed("process", sa.Text()),
        _needed("tokens", sa.Integer()),
        _needed("tokens_until", sa.DateTime(timezone=True)),
        _needed("slots", sa.Integer()),
        _needed("slots_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("client", "process"),
    )


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
