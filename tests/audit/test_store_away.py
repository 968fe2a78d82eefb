"""The store while its database is away: the journal first, 503 at once if that takes nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import event
from stores import (
    file_size_limit,
    kept,
    locked,
    opened,
    record,
    together,
    token_use,
    wait_until,
    written,
)

from cds_service.audit.log import DatabaseLog
from cds_service.errors import NotRecorded, Replayed

pytestmark = pytest.mark.long

CALLS = 40
SOON = 5.0  # seconds within which every call gets its 503
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "tests")
from stores import record
from cds_service.audit.log import open_log
log = open_log(sys.argv[1], journal=Path(sys.argv[2]))
print("open", flush=True)
sys.stdin.readline()
for number in range(20):
    log.write(record(f"k-{number}"))
    print(f"k-{number}", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite file."""
    return f"sqlite:///{tmp_path / 'data' / 'crd.sqlite3'}"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal"


def path_of(url: str) -> Path:
    """The file of a URL."""
    return Path(url.removeprefix("sqlite:///"))


def is_drained(log: DatabaseLog) -> bool:
    """Whether the database is back and has all of the journal."""
    health = log.health()
    return health.writable and health.journal_bytes == 0


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The events in the log of the service, in order."""
    return [getattr(line, "event", "") for line in caplog.records if "audit" in line.name]


def test_a_locked_database_holds_up_nobody_for_long(url: str, journal: Path) -> None:
    """Forty calls at once are answered by the journal, and are in the database when it is free."""
    ids = [f"a-{number}" for number in range(CALLS)]
    done: list[str] = []

    def call(log: DatabaseLog, identity: str) -> None:
        done.extend(written(log, [identity]))

    with opened(url, journal) as log:
        with locked(url):
            begun = time.monotonic()
            together([partial(call, log, identity) for identity in ids])
            seconds = time.monotonic() - begun
            in_journal = log.health().journal_bytes
        wait_until(lambda: is_drained(log))

    assert sorted(done) == sorted(ids) == kept(url)
    assert seconds < SOON
    assert in_journal > 0


@pytest.mark.crd("found-37")
def test_without_a_journal_all_who_wait_learn_at_once(url: str) -> None:
    """Forty calls to a locked database get their refusals together, not one after another."""
    refused: list[float] = []

    def call(log: DatabaseLog, identity: str) -> None:
        begun = time.monotonic()
        with pytest.raises(NotRecorded):
            log.write(record(identity))
        refused.append(time.monotonic() - begun)

    with opened(url) as log:
        with locked(url):
            together([partial(call, log, f"a-{number}") for number in range(CALLS)])
            later = time.monotonic()
            with pytest.raises(NotRecorded):
                log.write(record("b-1"))
            later = time.monotonic() - later
            health = log.health()
        wait_until(lambda: is_drained(log))
        log.write(record("c-1"))

    assert max(refused) < SOON
    assert later < 1.0  # it is known that the database is away: nobody tries for each call
    assert (health.writable, "locked" in health.why) == (False, True)
    assert kept(url) == ["c-1"]


@pytest.mark.crd("found-37")
@pytest.mark.parametrize(
    ("pragma", "cause"),
    [("max_page_count = 1", "the disk is full"), ("query_only = ON", "the file is read-only")],
)
def test_a_file_that_takes_no_more_leaves_it_to_the_journal(
    url: str, journal: Path, caplog: pytest.LogCaptureFixture, pragma: str, cause: str
) -> None:
    """Full or read-only: what is acknowledged is in the database once that takes it again."""
    with opened(url, journal) as log:

        def hamper(connection: sqlite3.Connection, _: object) -> None:
            connection.execute(f"PRAGMA {pragma}")

        event.listen(log.engine, "connect", hamper)
        log.engine.dispose()  # so that whoever writes connects again
        done = written(log, ["a-1", "a-2"], payload=os.urandom(200_000))
        in_journal = log.health().journal_bytes
    with opened(url, journal) as log:
        wait_until(lambda: is_drained(log))

    assert cause in caplog.text
    assert in_journal > 400_000
    assert done == ["a-1", "a-2"] == kept(url)


@pytest.mark.crd("found-37")
def test_a_full_disk_under_both_refuses_at_once_and_recovers(url: str, journal: Path) -> None:
    """No file can grow: every call gets a 503; with room again the same log goes on."""
    big = os.urandom(300_000)
    with opened(url, journal) as log:
        log.write(record("a-1"))
        with file_size_limit(250_000):
            refused = written(log, ["a-2", "a-3"], payload=big)
            health = log.health()
        wait_until(lambda: is_drained(log))
        taken = written(log, ["a-4"], payload=big)

    assert (refused, taken, kept(url)) == ([], ["a-4"], ["a-1", "a-4"])
    assert not health.writable


def test_a_full_journal_refuses_what_comes_and_keeps_what_it_has(url: str, journal: Path) -> None:
    """Beyond its limit calls get a 503; what was acknowledged before is in the database later."""
    with opened(url, journal, journal_max=3000) as log:
        with locked(url):
            done = written(log, [f"a-{number:02}" for number in range(30)])
            health = log.health()
        wait_until(lambda: is_drained(log))
        log.write(record("b-1"))

    assert 0 < len(done) < 30
    assert "journal is full" in health.why
    assert kept(url) == [*done, "b-1"]


@pytest.mark.crd("found-37")
def test_a_process_killed_while_the_database_is_away_loses_nothing(url: str, journal: Path) -> None:
    """Its journal is replayed by the next start, once."""
    with opened(url, journal):
        pass
    command = [sys.executable, "-c", KILLED, url, str(journal)]
    pipe = subprocess.PIPE
    home = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=home) as process:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        with locked(url):
            acknowledged = process.communicate("go\n")[0].split()
    left = list(journal.iterdir())
    with opened(url, journal) as log:
        wait_until(lambda: is_drained(log))

    assert process.returncode == -signal.SIGKILL
    assert (len(left), len(acknowledged)) == (1, 20)
    assert kept(url) == sorted(acknowledged)
    assert list(journal.iterdir()) == []


def test_two_starts_at_once_replay_a_journal_once(url: str, journal: Path) -> None:
    """Both look for the journals of dead processes; each file is taken by one of them."""
    with opened(url, journal) as log, locked(url):
        written(log, [f"a-{number}" for number in range(50)])

    with opened(url, journal) as first, opened(url, journal) as second:
        wait_until(lambda: is_drained(first) and is_drained(second))

    assert len(kept(url)) == 50


def test_what_the_database_has_already_is_not_doubled_by_the_journal(
    url: str, journal: Path
) -> None:
    """A journal that is replayed a second time, as after a crash, adds nothing."""
    with opened(url, journal) as log:
        with locked(url):
            written(log, ["a-1", "a-2"])
            (path,) = journal.iterdir()
            copy = path.read_bytes()
        wait_until(lambda: is_drained(log))
        (journal / "1-again.journal").write_bytes(copy)
        wait_until(lambda: is_drained(log))

    assert kept(url) == ["a-1", "a-2"]


def test_a_token_used_while_the_database_was_away_refuses_no_answer_that_has_left(
    url: str, journal: Path
) -> None:
    """The journal cannot know of a replay; what has left is kept."""
    with opened(url, journal) as log:
        log.write(record("a-1", token_use=token_use("body")))
        with locked(url):
            log.write(record("a-2", token_use=token_use("body")))
        wait_until(lambda: is_drained(log))

    assert kept(url) == ["a-1", "a-2"]


def test_a_token_used_while_the_database_was_away_is_not_used_again_once_it_is_back(
    url: str, journal: Path
) -> None:
    """E4: in another process, or after a start, only the database knows of the use."""
    use = token_use("body", expires=datetime.now(UTC) + timedelta(hours=1))
    with opened(url, journal) as log:
        with locked(url):
            log.write(record("a-1", token_use=use))
        wait_until(lambda: is_drained(log))
        with opened(url, journal) as another, pytest.raises(Replayed):
            another.write(record("a-2", token_use=use))

    assert kept(url) == ["a-1"]


def test_each_change_of_state_is_one_line(
    url: str, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Away, back, and what was moved: each is told once, however many calls there are."""
    with opened(url, journal) as log:
        with locked(url):
            written(log, [f"a-{number}" for number in range(10)])
        wait_until(lambda: is_drained(log))

    assert lines(caplog) == ["database-away", "database-back", "journal-replayed"]
    assert [line.cause for line in caplog.records if hasattr(line, "cause")] == [
        "locked by another program"
    ]


def test_a_refused_record_is_told_with_its_cause(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a journal the line says that calls get 503, and why."""
    with opened(url) as log, locked(url):
        written(log, ["a-1", "a-2"])

    assert lines(caplog)[:2] == ["database-away", "journal-refuses"]
    assert "canary" not in caplog.text
    assert "calls get 503" in caplog.text


def test_closing_decides_every_record_that_waits(url: str, journal: Path) -> None:
    """Whoever writes while the log closes learns truly whether their record is kept."""
    done: list[str] = []

    def write(log: DatabaseLog, identity: str) -> None:
        done.extend(written(log, [identity]))

    with opened(url, journal) as log:
        with locked(url):
            threads = [Thread(target=write, args=(log, f"a-{number}")) for number in range(16)]
            for thread in threads:
                thread.start()
            closers = [Thread(target=log.close) for _ in range(2)]
            for closer in closers:
                closer.start()
        for thread in (*threads, *closers):
            thread.join()
    with opened(url, journal) as log:
        wait_until(lambda: is_drained(log))

    assert kept(url) == sorted(done)


def test_a_program_that_forgets_to_close_its_log_ends(url: str, journal: Path) -> None:
    """The log's own threads do not keep a process alive."""
    forgets = (
        "import sys; from pathlib import Path; from cds_service.audit.log import open_log; "
        "open_log(sys.argv[1], journal=Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", forgets, url, str(journal)]

    run = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], timeout=60)

    assert run.returncode == 0
