"""The store on a PostgreSQL server that is stopped, frozen, full of locks, or not durable."""

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest
from databases import fresh_database
from gate import Gate, gate_before
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stores import kept, opened, record, together, wait_until, written

from cds_service.audit.log import DatabaseLog, open_log
from cds_service.audit.mentions import mentions_of
from cds_service.database.engine import open_engine, writing
from cds_service.errors import SettingError

pytestmark = pytest.mark.postgresql

SOON = 5.0  # seconds within which every call is answered
LONG = 180.0  # seconds: a loaded machine writes into the journal while it is carried over
CALLS = 40


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database."""
    with fresh_database(request.config.getoption("--postgresql")) as fresh:
        yield fresh


@pytest.fixture
def gate(url: str) -> Iterator[tuple[Gate, str]]:
    """A gate before the server, and the URL through it."""
    with gate_before(url) as through:
        yield through


def is_drained(log: DatabaseLog) -> bool:
    """Whether the database is back and has all of the journal."""
    health = log.health()
    return health.writable and health.journal_bytes == 0


def slowest(log: DatabaseLog, identities: list[str], done: list[str]) -> float:
    """Write all of these at once; seconds that the slowest call took."""
    taken: list[float] = []

    def call(identity: str) -> None:
        begun = time.monotonic()
        done.extend(written(log, [identity]))
        taken.append(time.monotonic() - begun)

    together([partial(call, identity) for identity in identities])
    return max(taken)


def test_a_server_that_is_stopped_and_started_costs_no_record(
    gate: tuple[Gate, str], url: str, tmp_path: Path
) -> None:
    """Under load, three times: all that was acknowledged is there once, nothing else is."""
    door, through = gate
    done: list[str] = []
    stopping = Event()

    def load(log: DatabaseLog, name: str) -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            done.extend(written(log, [f"{name}-{number:05}"]))

    with opened(through, tmp_path / "journal") as log:
        threads = [Thread(target=load, args=(log, f"t{number}")) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.5)
            door.shut()
            time.sleep(1.5)
            door.open()
            wait_until(lambda: is_drained(log), LONG)
        stopping.set()
        for thread in threads:
            thread.join()
        wait_until(lambda: is_drained(log), LONG)

    assert len(done) > 100
    assert kept(url) == sorted(done)


def test_an_idle_server_that_was_started_again_is_not_away(
    gate: tuple[Gate, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that was closed while nobody called is replaced, without a word."""
    door, through = gate
    with opened(through, tmp_path / "journal") as log:
        log.write(record("a-1"))
        door.shut()
        door.open()
        log.write(record("a-2"))

    assert kept(through) == ["a-1", "a-2"]


@pytest.mark.parametrize("with_journal", [True, False])
def test_a_server_that_is_silent_holds_up_nobody_for_long(
    gate: tuple[Gate, str], url: str, tmp_path: Path, with_journal: bool
) -> None:
    """Forty calls to a frozen server all learn within 5 seconds; nothing is doubled later."""
    door, through = gate
    ids = [f"a-{number:02}" for number in range(CALLS)]
    done: list[str] = []
    with opened(through, tmp_path / "journal" if with_journal else None) as log:
        log.write(record("b-1"))
        door.freeze()
        seconds = slowest(log, ids, done)
        later = slowest(log, ["c-1"], done)
        door.shut()
        door.open()
        wait_until(lambda: is_drained(log))

    assert seconds < SOON
    assert later < 1.0
    assert len(done) == (CALLS + 1 if with_journal else 0)
    assert set(kept(url)) >= {*done, "b-1"}


def test_a_table_that_is_locked_holds_up_nobody_for_long(url: str, tmp_path: Path) -> None:
    """Another program that holds the table sends records to the journal, and they come back."""
    done: list[str] = []
    with opened(url, tmp_path / "journal") as log:
        engine = open_engine(url)
        with writing(engine) as connection:
            connection.execute(text("LOCK TABLE record IN ACCESS EXCLUSIVE MODE"))
            seconds = slowest(log, [f"a-{number:02}" for number in range(CALLS)], done)
        engine.dispose()
        wait_until(lambda: is_drained(log))

    assert seconds < SOON
    assert kept(url) == sorted(done)
    assert len(done) == CALLS


def test_a_standby_is_away_and_not_a_fault_of_a_record(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that refuses to write leaves it to the journal."""
    name = url.rpartition("/")[2]
    with opened(url, tmp_path / "journal") as log:
        engine = open_engine(url)
        with writing(engine) as connection:
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            )
        engine.dispose()
        log.engine.dispose()
        log.write(record("a-1"))

        assert log.health().writable


def end_sessions(url: str) -> None:
    """End all sessions in a database, the one that asks for it included."""
    engine = open_engine(url)
    everybody = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    with suppress(DBAPIError), writing(engine) as connection:
        connection.execute(text(f"{everybody} WHERE datname = current_database()"))
    engine.dispose()


def test_a_server_that_does_not_wait_for_its_disk_stops_the_start(url: str) -> None:
    """With asynchronous commit an answer could outlive its record."""
    with opened(url) as log, writing(log.engine) as connection:
        name = url.rpartition("/")[2]
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    end_sessions(url)  # a pooler before the server keeps them

    with pytest.raises(SettingError, match="synchronous_commit"):
        open_log(url)


def test_a_server_that_cannot_be_reached_stops_the_start(gate: tuple[Gate, str]) -> None:
    """The message says so, and holds no password."""
    door, through = gate
    door.shut()

    with pytest.raises(SettingError, match="cannot be reached") as caught:
        open_log(through.replace("//", "//someone:canary@").replace("canary@crd@", "canary@"))

    assert "canary" not in str(caught.value)


def test_an_empty_database_stops_the_start_and_names_the_command(url: str) -> None:
    """Nobody but an operator changes a server's schema."""
    with pytest.raises(SettingError, match="crd audit migrate"):
        open_log(url)


def test_what_no_index_holds_is_found_by_its_digest(url: str) -> None:
    """A code of 10,000 characters, or one with a NUL in it, refuses no answer."""
    decisions = [{"order": "x" * 10_000, "codes": ["sys|a\0b"], "payer": "icare"}]
    mentions = mentions_of({"decisions": decisions}, b"key")
    with opened(url) as log:
        log.write(record("a-1", mentions=mentions))
        with log.engine.connect() as connection:
            found = connection.execute(text("SELECT name, value FROM mention ORDER BY name")).all()

    assert [name for name, _ in found] == ["code", "order", "payer"]
    assert [value[:7] for _, value in found] == ["sha256:", "sha256:", "icare"]


def test_a_value_that_this_database_cannot_hold_refuses_its_record_alone(url: str) -> None:
    """A NUL in a column is the fault of one record; its neighbours are kept."""
    done: list[str] = []
    with opened(url) as log:
        tasks = [
            lambda number=number: done.extend(written(log, [f"a-{number}"])) for number in range(8)
        ]
        bad = [partial(written, log, [f"b-{number}"], client="a\0b") for number in range(8)]
        together([*tasks, *bad])

    assert kept(url) == sorted(done)
    assert len(done) == 8
