"""What a database error means: found by its code, in words that quote nothing of a record."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.database.causes import UNWRITABLE, Trouble, find_cause
from cds_service.database.engine import open_engine, writing

CANARY = "canary"
INSERT = "INSERT INTO word VALUES ('canary')"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with a table whose rows are unique texts."""
    opened = open_engine(database_url)
    with writing(opened) as connection:
        connection.exec_driver_sql("CREATE TABLE word (word TEXT PRIMARY KEY)")
        connection.exec_driver_sql(INSERT)
    yield opened
    opened.dispose()


def failure(engine: Engine, work: Callable[[Connection], object]) -> Exception:
    """What a transaction raises."""
    with pytest.raises(UNWRITABLE) as caught, writing(engine) as connection:
        work(connection)
    error = caught.value
    assert isinstance(error, Exception)
    return error


def test_a_row_that_breaks_a_rule_is_the_fault_of_the_row(engine: Engine) -> None:
    """The database's own words would quote the key; ours do not."""
    cause = find_cause(failure(engine, lambda connection: connection.exec_driver_sql(INSERT)))

    assert cause.trouble is Trouble.ROW
    assert CANARY not in cause.words


def test_a_table_that_is_missing_is_no_fault_of_a_row(engine: Engine) -> None:
    """What was to be written is kept elsewhere until an operator has mended it."""
    insert = "INSERT INTO canary VALUES (1)"

    cause = find_cause(failure(engine, lambda connection: connection.exec_driver_sql(insert)))

    assert cause.trouble is Trouble.AWAY
    assert CANARY not in cause.words


@pytest.mark.parametrize("value", ["\ud800", 1 << 70])
def test_a_value_that_a_driver_refuses_is_the_fault_of_the_row(value: object) -> None:
    """Drivers raise such before a database sees it, and not as an error of theirs."""
    with sqlite3.connect(":memory:") as connection, pytest.raises(UNWRITABLE) as caught:
        connection.execute("SELECT ?", (value,))
    connection.close()

    assert isinstance(caught.value, Exception)
    assert find_cause(caught.value).trouble is Trouble.ROW


def test_what_is_no_error_of_a_driver_leaves_the_database_away() -> None:
    """A pool that has no connection left, for instance."""
    assert find_cause(SQLAlchemyError(CANARY)).trouble is Trouble.AWAY
    assert CANARY not in find_cause(SQLAlchemyError(CANARY)).words


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    """Nothing is kept anywhere then: an operator has to say which file is the right one."""
    path = tmp_path / "letter"
    path.write_text("Dear payer, " * 500)
    engine = open_engine(f"sqlite:///{path}")

    assert find_cause(failure(engine, lambda _: None)).trouble is Trouble.DAMAGED
    engine.dispose()
