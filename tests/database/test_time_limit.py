"""The limit on work with a database that does not respond."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from databases import fresh_database
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cds_service.database.engine import open_engine
from cds_service.database.time_limit import TimeLimit

SECONDS = 0.5
LONG = 20  # seconds

pytestmark = pytest.mark.postgresql


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database."""
    with fresh_database(request.config.getoption("--postgresql")) as url:
        opened = open_engine(url)
        yield opened
        opened.dispose()


def test_a_connection_that_was_closed_meanwhile_ends_no_limit_of_others(engine: Engine) -> None:
    """Whoever watches finds nothing to cut there, and goes on watching."""
    with closing(TimeLimit(SECONDS)) as limit:
        with engine.connect() as closed, limit.on(closed):
            closed.connection.driver_connection.close()  # type: ignore[union-attr]
            time.sleep(3 * SECONDS)
            closed.invalidate()
        begun = time.monotonic()
        with engine.connect() as connection, limit.on(connection):
            with pytest.raises(OperationalError):
                connection.exec_driver_sql(f"SELECT pg_sleep({LONG})")
            seconds = time.monotonic() - begun
            connection.invalidate()

    assert seconds < LONG / 2
