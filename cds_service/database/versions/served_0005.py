"""Which programs may still serve this database, so that going back to the release before does."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
# The release before could go on, for nothing is taken away; but it does not look here yet.
oldest_program = "0003"


def upgrade() -> None:
    """Make the table; nothing of the release before changes."""
    op.create_table("served_schema", sa.Column("oldest", sa.Text(), primary_key=True))
