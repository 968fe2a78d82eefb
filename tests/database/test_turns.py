"""Turns: who comes while another process writes waits for it, and not for ever."""

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from cds_service.database.turns import begin_in_turn

BEGIN = "BEGIN IMMEDIATE"


def connection(file: Path) -> sqlite3.Connection:
    """A connection that begins nothing by itself, and that any thread may use."""
    return sqlite3.connect(file, isolation_level=None, check_same_thread=False)


def test_a_write_begins_when_the_other_has_ended(tmp_path: Path) -> None:
    """Soon after it."""
    file = tmp_path / "one.sqlite3"
    with closing(connection(file)) as other, closing(connection(file)) as ours:
        other.execute(BEGIN)
        ending = Timer(0.2, other.rollback)
        ending.start()
        begin_in_turn(ours.cursor(), BEGIN, 30.0)
        ending.join()

        assert ours.in_transaction


def test_a_write_that_never_gets_its_turn_is_refused(tmp_path: Path) -> None:
    """And whatever else it does then waits as long as before."""
    file = tmp_path / "one.sqlite3"
    with closing(connection(file)) as other, closing(connection(file)) as ours:
        other.execute(BEGIN)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            begin_in_turn(ours.cursor(), BEGIN, 0.05)

        assert ours.execute("PRAGMA busy_timeout").fetchone() == (50,)
