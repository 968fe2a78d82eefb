"""The driver itself, for what every call pays for.

SQLAlchemy's way to the same statements takes four times as long. Its errors are raised here too.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError

from cds_service.database.turns import begin_in_turn

BUSY_SECONDS = 1.0  # how long a write waits for another program's; a reader never waits
_PG_BEGIN_WRITE = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1s'; "
    "SET LOCAL idle_in_transaction_session_timeout = '60s'"
)


@contextmanager
def driver_cursor(connection: Connection) -> Iterator[Any]:
    """The driver's own cursor in the transaction under way."""
    cursor = connection.connection.cursor()
    driver = connection.dialect.loaded_dbapi
    try:
        yield cursor
    except driver.Error as error:
        raise DBAPIError.instance(
            None, None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()


@contextmanager
def write_cursor(connection: Connection) -> Iterator[Any]:
    """A transaction that writes, as by `engine.write_on`, of which SQLAlchemy knows nothing."""
    with driver_cursor(connection) as cursor:
        begin_to_write(cursor, connection.dialect)
        is_committed = False
        try:
            yield cursor
            cursor.execute("COMMIT")
            is_committed = True
        finally:
            if not is_committed:
                with suppress(connection.dialect.loaded_dbapi.Error):  # it has ended, or is lost
                    cursor.execute("ROLLBACK")


def begin_to_write(cursor: Any, dialect: Dialect) -> None:
    """Begin a transaction that writes, with the time limits of the kind of database."""
    if dialect.name == "sqlite":
        begin_in_turn(cursor, "BEGIN IMMEDIATE", BUSY_SECONDS)
    else:
        cursor.execute(_PG_BEGIN_WRITE)


def driver_time(at: datetime | None, dialect: Dialect) -> Any:
    """A time as the driver takes it, the same as a `tables.UtcTime` in all other statements."""
    if at is None or dialect.name != "sqlite":
        return at
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
