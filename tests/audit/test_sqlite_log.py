"""The SQLite log: what `write` has returned from is in the file, whoever else writes."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from cds_service.audit.log import AuditLog, open_log
from cds_service.audit.record import AuditRecord
from cds_service.audit.sqlite_log import SqliteLog, connect
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WRITERS, EACH = 16, 20
FULL = 2  # SQLite syncs at every commit; in write-ahead mode 1, NORMAL, does not
NO_TEXT = "\ud800"  # half a character, which no database can hold
OUT_OF_MEMORY = "out of memory"
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from cds_service.audit.log import open_log
from cds_service.audit.record import AuditRecord
log = open_log(sys.argv[1])
words = {"hook": "order-sign", "hook_instance": "h", "version": "2.2"}
bodies = {"decisions": b"[]", "request": b"{}", "response": b"{}"}
for number in range(20):
    at = datetime(2026, 11, 20, tzinfo=UTC)
    log.write(AuditRecord(id=str(number), at=at, **words, **bodies))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
# A disk that fills up makes SQLite give up a whole transaction; so does this, over such a card.
DISK_FULL = """
CREATE TRIGGER disk_full BEFORE INSERT ON feedback WHEN new.card = 'disk full'
BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END
"""
# Feedback that only a commit finds fault with: its card must be the id of a record.
COMMIT_FAILS = """
CREATE TABLE feedback (
    card TEXT REFERENCES answer DEFERRABLE INITIALLY DEFERRED, outcome TEXT, at TEXT, body TEXT
)
"""


def record(identity: str, **elements: Any) -> AuditRecord:
    """A record to keep."""
    made = AuditRecord(
        id=identity,
        at=NOON,
        hook="order-sign",
        hook_instance="h-1",
        version="2.2",
        decisions=b'[{"covered":"not-covered"}]',
        request='{"note":"ärztlich"}'.encode(),
        response=b'{"cards":[]}',
    )
    return replace(made, **elements)


def feedback(
    card: str = "card-1", outcome: str = "overridden", at: str = "2026-11-20T12:00:00Z"
) -> Feedback:
    """One clinician's reaction."""
    body = {"card": card, "outcome": outcome, "outcomeTimestamp": at}
    return Feedback(card=card, outcome=outcome, timestamp=at, body=body)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """What another reader finds in the file."""
    with closing(sqlite3.connect(path)) as reader:
        return reader.execute(query).fetchall()


def kept(path: Path) -> set[str]:
    """The ids of the records in the file."""
    return {str(identity) for (identity,) in rows(path, "SELECT id FROM answer")}


def together(work: Sequence[Callable[[], object]]) -> None:
    """Do all of it at the same time."""
    barrier = Barrier(len(work))

    def start(task: Callable[[], object]) -> None:
        barrier.wait()
        task()

    threads = [Thread(target=start, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def written(log: AuditLog, identities: Sequence[str], **elements: str) -> list[str]:
    """Write records, and return the ids of those the log says it has kept."""
    done = []
    for identity in identities:
        try:
            log.write(record(identity, **elements))
        except NotRecorded:
            continue
        done.append(identity)
    return done


def wire(path: Path | str, **options: Any) -> sqlite3.Connection:
    """A connection as a log wants it: its own thread uses it, and it begins no transactions."""
    connection: sqlite3.Connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, **options
    )
    return connection


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The file held by another writer, so that whoever writes meanwhile has to wait."""
    with closing(wire(path)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def started(work: Sequence[Callable[[], object]]) -> list[Thread]:
    """Threads that do the work; each has begun."""
    begun = [Event() for _ in work]

    def start(number: int) -> None:
        begun[number].set()
        work[number]()

    threads = [Thread(target=start, args=(number,)) for number in range(len(work))]
    for thread, has_begun in zip(threads, begun, strict=True):
        thread.start()
        has_begun.wait()
    return threads


class Forgetful(sqlite3.Connection):
    """A connection that runs out of memory over rows that say so."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if OUT_OF_MEMORY in parameters:
            raise MemoryError
        return super().execute(sql, parameters)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is kept; the directory is not there yet."""
    return tmp_path / "data" / "crd.sqlite3"


@pytest.fixture
def log(path: Path) -> Iterator[AuditLog]:
    """An open log."""
    with closing(open_log(f"sqlite:///{path}")) as opened:
        yield opened


@pytest.mark.crd("found-11", "found-37")
def test_a_record_is_in_the_file_before_write_returns(log: AuditLog, path: Path) -> None:
    """Another reader finds the whole record while the log is still open."""
    log.write(record("a-1"))

    assert rows(path, "SELECT * FROM answer") == [
        (
            "a-1",
            "2026-11-20T12:00:00+00:00",
            "order-sign",
            "h-1",
            "2.2",
            '[{"covered":"not-covered"}]',
            '{"note":"ärztlich"}',
            '{"cards":[]}',
        )
    ]


def test_records_are_there_after_reopening(path: Path) -> None:
    """A log opened again keeps what was in it and takes more."""
    for identity in ("a-1", "a-2", "a-3"):
        with closing(open_log(f"sqlite:///{path}")) as opened:
            opened.write(record(identity))

    assert kept(path) == {"a-1", "a-2", "a-3"}


@pytest.mark.crd("found-11", "found-37")
def test_what_was_recorded_is_there_however_long_ago_it_was(tmp_path: Path) -> None:
    """Neither a new start nor a new record lets go of an old one."""
    path = tmp_path / "log.sqlite3"
    for year in (1999, 2019, 2026):
        with closing(open_log(f"sqlite:///{path}")) as log:
            log.write(record(f"of-{year}", at=datetime(year, 1, 1, tzinfo=UTC)))

    assert kept(path) == {"of-1999", "of-2019", "of-2026"}


@pytest.mark.crd("found-37")
def test_records_survive_a_killed_process(path: Path) -> None:
    """Every record a process had kept is there after SIGKILL."""
    command = [sys.executable, "-c", KILLED, f"sqlite:///{path}"]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )

    assert run.returncode == -signal.SIGKILL, run.stderr
    assert kept(path) == set(run.stdout.split()) == {str(number) for number in range(20)}


def test_concurrent_writers_all_land(log: AuditLog, path: Path) -> None:
    """Sixteen threads that write at once lose nothing and write nothing twice."""
    ids = [[f"{writer}-{number}" for number in range(EACH)] for writer in range(WRITERS)]

    together([partial(written, log, mine) for mine in ids])

    assert rows(path, "SELECT count(*) FROM answer") == [(WRITERS * EACH,)]
    assert kept(path) == {identity for mine in ids for identity in mine}


def test_two_logs_share_a_file(path: Path) -> None:
    """Two processes on one file, here two logs, both keep their records."""
    done: list[str] = []

    def write_all(log: AuditLog, name: str) -> None:
        done.extend(written(log, [f"{name}-{number}" for number in range(EACH)]))

    with (
        closing(open_log(f"sqlite:///{path}")) as first,
        closing(open_log(f"sqlite:///{path}")) as second,
    ):
        together([partial(write_all, first, "first"), partial(write_all, second, "second")])

    assert len(done) == 2 * EACH
    assert kept(path) == set(done)


def test_records_and_feedback_share_a_commit(log: AuditLog, path: Path) -> None:
    """Records and feedback written at once are all kept."""
    ids = [f"a-{number}" for number in range(EACH)]
    cards = [feedback(card=f"card-{number}") for number in range(EACH)]

    together([partial(written, log, ids), *(partial(log.write_feedback, [card]) for card in cards)])

    assert kept(path) == set(ids)
    assert rows(path, "SELECT count(*) FROM feedback") == [(EACH,)]


def test_the_same_feedback_again_is_one(log: AuditLog, path: Path) -> None:
    """A card reported twice in one batch and again in another is one event."""
    log.write_feedback([feedback(), feedback()])
    log.write_feedback([feedback()])

    assert rows(path, "SELECT card, outcome, at FROM feedback") == [
        ("card-1", "overridden", "2026-11-20T12:00:00Z")
    ]


def test_feedback_that_differs_is_kept_apart(log: AuditLog, path: Path) -> None:
    """Another card, outcome or time is another event: a clinician may change their mind."""
    log.write_feedback(
        [
            feedback(),
            feedback(card="card-2"),
            feedback(outcome="accepted"),
            feedback(at="2026-11-20T12:05:00Z"),
        ]
    )

    assert rows(path, "SELECT count(*) FROM feedback") == [(4,)]


def test_no_feedback_is_kept_without_complaint(log: AuditLog, path: Path) -> None:
    """An empty batch is nothing to keep."""
    log.write_feedback([])

    assert rows(path, "SELECT count(*) FROM feedback") == [(0,)]


def test_a_closed_log_keeps_nothing(log: AuditLog) -> None:
    """After closing, nothing passes for kept."""
    log.close()

    with pytest.raises(NotRecorded):
        log.write(record("a-1"))
    with pytest.raises(NotRecorded):
        log.write_feedback([feedback()])


def test_a_read_only_file_keeps_nothing(log: AuditLog, path: Path) -> None:
    """A file that can be read but not written is no log, and the caller learns it."""
    log.write(record("a-1"))

    with closing(SqliteLog(wire(f"file:{path}?mode=ro", uri=True))) as unwritable:
        refused = written(unwritable, ["a-2"])

    assert (refused, kept(path)) == ([], {"a-1"})


def test_a_locked_file_keeps_nothing_until_it_is_free(log: AuditLog, path: Path) -> None:
    """While another holds the file nothing passes for kept; then the same log works again."""
    log.write(record("a-1"))

    with closing(SqliteLog(wire(path, timeout=0))) as impatient:
        with locked(path):
            refused = written(impatient, ["a-2"])
        taken = written(impatient, ["a-3"])

    assert (refused, taken, kept(path)) == ([], ["a-3"], {"a-1", "a-3"})


def test_a_full_disk_keeps_nothing_until_there_is_room(log: AuditLog, path: Path) -> None:
    """A record that does not fit is refused whole; once there is room the same log works again."""
    log.write(record("a-1"))

    connection = wire(path)
    with closing(SqliteLog(connection)) as full:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        refused = written(full, ["a-2"], hook="h" * 100_000)
        connection.execute("PRAGMA max_page_count = 1000000")
        taken = written(full, ["a-3"], hook="h" * 100_000)

    assert (refused, taken, kept(path)) == ([], ["a-3"], {"a-1", "a-3"})


def test_a_record_that_is_there_is_not_replaced(log: AuditLog, path: Path) -> None:
    """An id used twice is refused; what was kept first stays."""
    log.write(record("a-1"))

    again = written(log, ["a-1"], hook_instance="another")

    assert again == []
    assert rows(path, "SELECT hook_instance FROM answer") == [("h-1",)]


def test_the_refusal_holds_nothing_of_the_record(log: AuditLog) -> None:
    """The caller is told that nothing was recorded, and no more."""
    log.close()

    with pytest.raises(NotRecorded) as caught:
        log.write(record("canary-1", hook_instance="canary-2"))

    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
    assert (caught.value.status, caught.value.issue_code) == (503, "transient")


@pytest.mark.parametrize(
    "broken",
    [{"hook": NO_TEXT}, {"hook": OUT_OF_MEMORY}, {"id": "a"}],
    ids=["text no database can hold", "out of memory", "an id that is taken"],
)
def test_a_record_that_cannot_be_written_refuses_no_other(
    log: AuditLog, path: Path, broken: dict[str, str]
) -> None:
    """Writers share a commit: the one whose record breaks learns it, and all others are kept."""
    log.write(record("a"))
    sound = {f"sound-{number}" for number in range(WRITERS)}
    done: list[str] = []

    def write(shared: AuditLog, identity: str, elements: dict[str, str]) -> None:
        done.extend(written(shared, [identity], **elements))

    with closing(SqliteLog(wire(path, factory=Forgetful))) as shared:
        with locked(path):  # so that all but the first share a commit
            threads = started(
                [partial(write, shared, identity, {}) for identity in sorted(sound)]
                + [partial(write, shared, f"broken-{number}", broken) for number in range(WRITERS)]
            )
        for thread in threads:
            thread.join()

    assert sorted(done) == sorted(sound)
    assert kept(path) == sound | {"a"}


def test_feedback_that_cannot_be_written_refuses_no_other(log: AuditLog, path: Path) -> None:
    """The caller learns that some of it is not kept; what could be kept is."""
    broken = replace(feedback(), card=NO_TEXT)

    with pytest.raises(NotRecorded):
        log.write_feedback([feedback("card-1"), broken, feedback("card-2")])

    assert rows(path, "SELECT card FROM feedback") == [("card-1",), ("card-2",)]


def test_a_transaction_given_up_refuses_all_of_its_batch(path: Path) -> None:
    """SQLite gives up a whole transaction when a disk is full: then no part of it is kept."""
    connection = connect(str(path))
    connection.execute(DISK_FULL)

    with closing(SqliteLog(connection)) as log:
        with pytest.raises(NotRecorded):
            log.write_feedback([feedback("card-1"), feedback("disk full"), feedback("card-2")])
        log.write_feedback([feedback("card-3"), feedback("card-4")])

    assert rows(path, "SELECT card FROM feedback") == [("card-3",), ("card-4",)]


def test_a_commit_that_fails_refuses_all_of_its_batch_and_none_of_the_next(path: Path) -> None:
    """Rows that were all inserted are not kept until the commit is."""
    path.parent.mkdir()
    with closing(wire(path)) as maker:
        maker.execute(COMMIT_FAILS)
    connection = connect(str(path))
    connection.execute("PRAGMA foreign_keys = ON")

    with closing(SqliteLog(connection)) as log:
        log.write(record("a-1"))
        with pytest.raises(NotRecorded):
            log.write_feedback([feedback("a-1"), feedback("nobody's card")])
        refused = rows(path, "SELECT card FROM feedback")
        log.write_feedback([feedback("a-1", "overridden"), feedback("a-1", "accepted")])

    assert refused == []
    assert rows(path, "SELECT outcome FROM feedback") == [("overridden",), ("accepted",)]


def test_closing_decides_every_record_that_waits(log: AuditLog, path: Path) -> None:
    """Whoever writes while the log closes learns truly whether their record is kept."""
    done: list[str] = []

    def write(identity: str) -> None:
        done.extend(written(log, [identity]))

    with locked(path):
        writers = started([partial(write, f"a-{number}") for number in range(WRITERS)])
        closers = started([log.close, log.close])
    for thread in (*writers, *closers):
        thread.join()

    assert kept(path) == set(done)


def test_a_program_that_forgets_to_close_its_log_ends(path: Path) -> None:
    """The log's own thread does not keep a process alive."""
    forgets = "import sys; from cds_service.audit.log import open_log; open_log(sys.argv[1])"
    command = [sys.executable, "-c", forgets, f"sqlite:///{path}"]

    run = subprocess.run(command, check=False, cwd=Path(__file__).parents[2], timeout=60)

    assert run.returncode == 0


@pytest.mark.crd("found-37")
def test_every_commit_is_synced(path: Path) -> None:
    """A record that an EHR acts on survives a power cut, not only the end of the process."""
    with closing(connect(str(path))) as connection:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()

    assert (journal, synchronous) == ("wal", FULL)


def test_a_newer_schema_stops_the_start(log: AuditLog, path: Path) -> None:
    """What a newer release wrote is refused, with the setting to mend, and left as it is."""
    log.write(record("a-1"))
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 2")

    with pytest.raises(SettingError, match="newer") as caught:
        open_log(f"sqlite:///{path}")

    assert "database" in str(caught.value)
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert kept(path) == {"a-1"}


@pytest.mark.crd("sec-1")
def test_a_new_data_directory_is_the_owners_alone(tmp_path: Path) -> None:
    """Requests are patient data: a directory made for them is closed to others."""
    made = tmp_path / "data"
    open_log(f"sqlite:///{made / 'log.sqlite3'}").close()

    assert made.stat().st_mode & 0o777 == 0o700
