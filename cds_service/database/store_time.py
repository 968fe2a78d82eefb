"""What time it is at the store: the one clock that all hosts on it share.

Whatever one process writes and another compares goes by it: leases, activations, checkpoints, when
a use of a token is forgotten, when a record is old enough to be purged. A SQLite file has no clock
but that of the machine, which all its processes share.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, func, literal, select, type_coerce

from cds_service.database.engine import reading
from cds_service.database.tables import UtcTime


def read_time(connection: Connection) -> datetime:
    """What time it is at the database."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def time_at_store(
    connection: Connection, later: timedelta = timedelta()
) -> ColumnElement[datetime]:
    """The same, or so much later, as a part of a statement: when that gets there."""
    if connection.dialect.name == "sqlite":
        return literal(datetime.now(UTC) + later, UtcTime())
    now = func.clock_timestamp()
    return type_coerce(now + later if later else now, UtcTime())


def ask_time(engine: Engine) -> datetime:
    """The same, in a transaction of its own.

    Raises:
        SQLAlchemyError: the database is away.
    """
    with reading(engine) as connection:
        return read_time(connection)
