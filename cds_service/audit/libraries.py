"""The sets of policies that a store keeps by their digests. None is ever deleted.

Records name the set they were answered by, so that a replay needs it, and rolling back does too.
"""

from collections.abc import Sequence

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.audit.payloads import compress
from cds_service.database.engine import reading, writing
from cds_service.database.store_time import read_time
from cds_service.database.tables import LIBRARY


def keep_library(engine: Engine, digest: str, payload: bytes) -> None:
    """Keep a set of policies under its digest, unless it is there.

    Raises:
        SQLAlchemyError: the database is away.
    """
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    with writing(engine) as connection:
        row = {"digest": digest, "at": read_time(connection), "payload": compress(payload)}
        connection.execute(dialect.insert(LIBRARY).on_conflict_do_nothing(), row)


def is_kept(engine: Engine, digest: str) -> bool:
    """Whether a set of policies of this digest is there.

    Raises:
        SQLAlchemyError: the database cannot be read.
    """
    of_digest = select(LIBRARY.c.digest).where(LIBRARY.c.digest == digest)
    with reading(engine) as connection:
        return connection.scalar(of_digest) is not None


def find_digests(engine: Engine, beginning: str, limit: int) -> Sequence[str]:
    """The digests of kept sets that begin so, at most as many.

    Raises:
        SQLAlchemyError: the database cannot be read.
    """
    begins = func.substr(LIBRARY.c.digest, 1, len(beginning)) == beginning
    with reading(engine) as connection:
        return list(connection.scalars(select(LIBRARY.c.digest).where(begins).limit(limit)))
