"""The sets of policies that a store keeps by their digests. None is ever deleted.

Records name the set they were answered by, so that a replay needs it, and rolling back does too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.audit.payloads import compress
from cds_service.database.engine import reading, writing
from cds_service.database.tables import LIBRARY


def keep_library(engine: Engine, digest: str, payload: bytes) -> None:
    """Keep a set of policies under its digest, unless it is there.

    Raises:
        SQLAlchemyError: the database is away.
    """
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    row = {"digest": digest, "at": datetime.now(UTC), "payload": compress(payload)}
    with writing(engine) as connection:
        connection.execute(dialect.insert(LIBRARY).on_conflict_do_nothing(), row)


def find_digests(engine: Engine, beginning: str, limit: int) -> Sequence[str]:
    """The digests of kept sets that begin so, at most as many.

    Raises:
        SQLAlchemyError: the database cannot be read.
    """
    begins = func.substr(LIBRARY.c.digest, 1, len(beginning)) == beginning
    with reading(engine) as connection:
        return list(connection.scalars(select(LIBRARY.c.digest).where(begins).limit(limit)))
