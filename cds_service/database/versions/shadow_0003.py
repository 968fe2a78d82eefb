"""Which set of policies answers silently beside the one in service, and how the two differ."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables; nothing of the release before changes."""
    op.create_table(
        "shadow",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        _needed("digest", sa.Text()),
        _needed("at", sa.DateTime(timezone=True)),
        _needed("who", sa.Text()),
    )
    op.create_table(
        "shadow_effect",
        *(_needed(name, sa.Text()) for name in ("coming", "name", "effect", "payer", "codes")),
        *(_needed(name, sa.Text()) for name in ("before", "after", "rules")),
        _needed("count", sa.BigInteger()),
        _needed("record", sa.Text()),
        _needed("at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("coming", "name"),
    )


def _needed(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
