"""Engines by URL: which kinds there are, what a wrong one is told, and that commits are synced."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError
from stores import kept, opened, record

from cds_service.audit.log import open_log
from cds_service.database.driver import driver_time, write_cursor
from cds_service.database.engine import open_engine, reading, shown_url, writing
from cds_service.database.tables import HOLD
from cds_service.errors import SettingError

FULL = 2  # SQLite syncs at every commit; in write-ahead mode 1, NORMAL, does not
WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from cds_service.database.engine import open_engine
from cds_service.errors import SettingError
try:
    open_engine("postgresql://someone:canary@127.0.0.1/crd")
except SettingError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "crd.sqlite3",
        "/var/lib/crd.sqlite3",
        "sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:/crd.sqlite3",
        "SQLITE:///crd.sqlite3",
        "mysql:///crd",
        "postgresql+psycopg2://crd@db.example.invalid/crd",
        "postgresql://crd@db.example.invalid:port/crd",
        ":///crd",
    ],
)
def test_a_url_that_names_no_database_stops_the_start(url: str) -> None:
    """The error names the setting and the kinds of database there are."""
    with pytest.raises(SettingError) as caught:
        open_log(url)

    assert "database" in caught.value.key
    assert "sqlite:///FILE or postgresql://" in str(caught.value)


def _a_directory(there: Path) -> Path:
    return there


def _below_a_file(there: Path) -> Path:
    (there / "file").write_text("no directory")
    return there / "file" / "crd.sqlite3"


def _no_database(there: Path) -> Path:
    (there / "letter").write_text("Dear payer, " * 500)
    return there / "letter"


@pytest.mark.parametrize("make", [_a_directory, _below_a_file, _no_database])
def test_a_file_that_cannot_be_the_database_stops_the_start(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    """The error names the setting and the file."""
    unusable = make(tmp_path)

    with pytest.raises(SettingError) as caught:
        open_log(f"sqlite:///{unusable}")

    assert "database" in caught.value.key
    assert str(unusable) in str(caught.value)


def test_a_url_may_be_relative_or_absolute(tmp_path: Path) -> None:
    """Three slashes and a path from here name the same file as four and one from the root."""
    relative = os.path.relpath(tmp_path / "here.sqlite3")

    with opened(f"sqlite:///{relative}") as log:
        log.write(record("a-1"))

    assert kept(f"sqlite:///{tmp_path / 'here.sqlite3'}") == ["a-1"]


@pytest.mark.parametrize("name", ["a b.sqlite3", "50%25.sqlite3", "ä#?.sqlite3"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    """What a URL would take for something else is the file's name all the same."""
    engine = open_engine("sqlite:///" + str(tmp_path / name).replace("?", "%3F"))
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE found (id INTEGER)")
    engine.dispose()

    made = [file for file in tmp_path.iterdir() if file.stat().st_size]
    assert len(made) == 1


@pytest.mark.crd("found-37")
def test_every_commit_is_synced(tmp_path: Path) -> None:
    """A record that an EHR acts on survives a power cut, not only the end of the process."""
    engine = open_engine(f"sqlite:///{tmp_path / 'crd.sqlite3'}")
    with writing(engine) as connection:
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    engine.dispose()

    assert (mode, synchronous) == ("wal", FULL)


def test_a_removed_file_is_not_made_again(tmp_path: Path) -> None:
    """A new connection finds no file rather than an empty one."""
    path = tmp_path / "crd.sqlite3"
    with opened(f"sqlite:///{path}") as log:
        path.unlink()
        log.health()

    assert not path.exists()


def test_a_transaction_that_fails_leaves_nothing(database_url: str) -> None:
    """Neither kind of database keeps half of a block."""

    def write_and_fail(engine: Engine) -> None:
        with writing(engine) as connection:
            connection.exec_driver_sql(
                "INSERT INTO hold VALUES ('order', '1', 'why', '2026-11-20 12:00:00')"
            )
            raise ZeroDivisionError

    with opened(database_url) as log:
        with pytest.raises(ZeroDivisionError):
            write_and_fail(log.engine)
        with writing(log.engine) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM hold").scalar_one() == 0


_HOLD = "INSERT INTO hold VALUES ('order', '1', 'why', '2026-11-20 12:00:00')"
_ANY_HOLD = {
    "sqlite": "INSERT INTO hold VALUES ('order', ?, '', ?)",
    "postgresql": "INSERT INTO hold VALUES ('order', %s, '', %s)",
}


def test_what_every_call_writes_is_committed_or_leaves_nothing(database_url: str) -> None:
    """By the driver's own cursor too; the errors are SQLAlchemy's, and the connection is as new."""

    def write(connection: Connection, *statements: str, fails: bool = False) -> None:
        with write_cursor(connection) as cursor:
            for statement in statements:
                cursor.execute(statement)
            if fails:
                raise ZeroDivisionError

    with opened(database_url) as log, log.engine.connect() as connection:
        with pytest.raises(ZeroDivisionError):
            write(connection, _HOLD, fails=True)
        write(connection, _HOLD)
        with pytest.raises(IntegrityError):
            write(connection, "DELETE FROM hold", _HOLD, _HOLD)
        with reading(log.engine) as other:
            assert other.exec_driver_sql("SELECT count(*) FROM hold").scalar_one() == 1


def test_a_time_is_written_the_same_by_the_driver_itself(database_url: str) -> None:
    """In whatever zone it is given; so all times of a column are compared."""
    zone = timezone(timedelta(hours=-6))
    times = [
        datetime(2026, 11, 20, 6, tzinfo=zone),
        datetime(2026, 11, 20, 12, 0, 0, 1, tzinfo=UTC),
    ]
    with opened(database_url) as log, log.engine.connect() as connection:
        with write_cursor(connection) as cursor:
            for number, at in enumerate(times):
                values = (f"{number}", driver_time(at, connection.dialect))
                cursor.execute(_ANY_HOLD[connection.dialect.name], values)
        with reading(log.engine) as other:
            found = list(other.scalars(select(HOLD.c.at).order_by(HOLD.c.at)))
            equal = select(HOLD.c.value).where(HOLD.c.at == times[1])
            assert (found, other.scalar(equal)) == (times, "1")


def test_without_the_driver_the_extra_is_named() -> None:
    """An operator reads what to install."""
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_DRIVER],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert "pip install 'crd-service[postgresql]'" in run.stdout
    assert "canary" not in run.stdout


def test_a_url_is_shown_without_its_password() -> None:
    """Where answers are kept is for everybody to see, the password is not."""
    assert "canary" not in shown_url("postgresql://someone:canary@db.example.invalid/crd")
    assert "canary" not in shown_url("postgresql://db.example.invalid/crd?password=canary")
    assert shown_url("sqlite:////var/lib/crd.sqlite3") == "sqlite:////var/lib/crd.sqlite3"
