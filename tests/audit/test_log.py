"""The log: what `write` has returned from is in the file, whoever else writes and whatever happens next."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from cds_service.audit.log import AuditLog, NoLog, SqliteLog, open_log
from cds_service.audit.record import AuditRecord
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WRITTEN_VERSIONS, EACH = 16, 20
OUT_OF_MEMORY = "out of memory"
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from cds_service.audit.log import open_log
from cds_service.audit.record import AuditRecord
log = open_log(sys.argv[1])
words = {"hook": "order-sign", "hook_instance": "h", "version": "2.2"}
for number in range(20):
    at = datetime(2026, 11, 20, tzinfo=UTC)
    log.write(AuditRecord(id=str(number), at=at, decisions=b"[]", request=b"{}", response=b"{}", **words))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def record(identity: str, **elements: str) -> AuditRecord:
    """An answer to keep."""
    words = {"hook": "order-sign", "hook_instance": "h-1", "version": "2.2", **elements}
    return AuditRecord(
        id=identity,
        at=NOON,
        decisions=b'[{"covered":"not-covered"}]',
        request='{"note":"ärztlich"}'.encode(),
        response=b'{"cards":[]}',
        **words,
    )


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
    """The ids of the answers in the file."""
    return {str(identity) for (identity,) in rows(path, "SELECT id FROM answer")}


def together(work: Sequence[Callable[[], object]]) -> None:
    """Do all of it at the same time."""
    barrier = Barrier(len(work))

    def start(one: Callable[[], object]) -> None:
        barrier.wait()
        one()

    threads = [Thread(target=start, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def written(log: AuditLog, identities: Sequence[str], **elements: str) -> list[str]:
    """Write answers, and return the ids of those the log says it has kept."""
    done = []
    for identity in identities:
        try:
            log.write(record(identity, **elements))
        except NotRecorded:
            continue
        done.append(identity)
    return done


class Forgetful(sqlite3.Connection):
    """A connection that runs out of memory over rows that say so."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if OUT_OF_MEMORY in parameters:
            raise MemoryError
        return super().execute(sql, parameters)


def _forgetful(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Forgetful)


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
def test_an_answer_is_in_the_file_before_write_returns(log: AuditLog, path: Path) -> None:
    """Another reader finds the whole answer while the log is still open."""
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


def test_answers_are_there_after_reopening(path: Path) -> None:
    """A log opened again keeps what was in it and takes more."""
    for identity in ("a-1", "a-2", "a-3"):
        with closing(open_log(f"sqlite:///{path}")) as opened:
            opened.write(record(identity))

    assert kept(path) == {"a-1", "a-2", "a-3"}


@pytest.mark.crd("found-37")
def test_answers_survive_a_killed_process(path: Path) -> None:
    """Every answer a process had kept is there after SIGKILL."""
    command = [sys.executable, "-c", KILLED, f"sqlite:///{path}"]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )

    assert run.returncode == -signal.SIGKILL, run.stderr
    assert kept(path) == set(run.stdout.split()) == {str(number) for number in range(20)}


def test_concurrent_writers_all_land(log: AuditLog, path: Path) -> None:
    """Sixteen threads that write at once lose nothing and write nothing twice."""
    ids = [[f"{writer}-{number}" for number in range(EACH)] for writer in range(WRITTEN_VERSIONS)]

    together([partial(written, log, mine) for mine in ids])

    assert rows(path, "SELECT count(*) FROM answer") == [(WRITTEN_VERSIONS * EACH,)]
    assert kept(path) == {identity for mine in ids for identity in mine}


def test_two_logs_share_a_file(path: Path) -> None:
    """Two processes on one file, here two logs, both keep their answers."""
    with (
        closing(open_log(f"sqlite:///{path}")) as one,
        closing(open_log(f"sqlite:///{path}")) as other,
    ):
        ids = [str(number) for number in range(EACH)]
        done: list[str] = []
        together(
            [
                lambda: done.extend(written(one, ids)),
                lambda: done.extend(written(other, [f"b{i}" for i in ids])),
            ]
        )

    assert len(done) == 2 * EACH
    assert kept(path) == set(done)


def test_answers_and_feedback_share_a_commit(log: AuditLog, path: Path) -> None:
    """Answers and feedback written at once are all kept."""
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
    """Another card, another outcome and another time are events of their own: a clinician may change their mind."""
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

    with closing(
        sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    ) as connection:
        assert written(SqliteLog(connection), ["a-2"]) == []

    assert kept(path) == {"a-1"}


def test_a_locked_file_keeps_nothing_until_it_is_free(log: AuditLog, path: Path) -> None:
    """While another holds the file nothing passes for kept; afterwards the same log works again."""
    log.write(record("a-1"))

    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as impatient:
        locked = SqliteLog(impatient)
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            refused = written(locked, ["a-2"])
            holder.execute("ROLLBACK")
        taken = written(locked, ["a-3"])

    assert (refused, taken, kept(path)) == ([], ["a-3"], {"a-1", "a-3"})


def test_a_full_disk_keeps_nothing_until_there_is_room(log: AuditLog, path: Path) -> None:
    """An answer that does not fit is refused whole; once there is room the same log works again."""
    log.write(record("a-1"))

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        full = SqliteLog(connection)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        refused = written(full, ["a-2"], hook="h" * 100_000)
        connection.execute("PRAGMA max_page_count = 1000000")
        taken = written(full, ["a-3"], hook="h" * 100_000)

    assert (refused, taken, kept(path)) == ([], ["a-3"], {"a-1", "a-3"})


def test_an_answer_that_is_there_is_not_replaced(log: AuditLog, path: Path) -> None:
    """An id used twice is refused; what was kept first stays."""
    log.write(record("a-1"))

    again = written(log, ["a-1"], hook_instance="another")

    assert again == []
    assert rows(path, "SELECT hook_instance FROM answer") == [("h-1",)]


def test_the_refusal_holds_nothing_of_the_answer(log: AuditLog) -> None:
    """The caller is told that nothing was recorded, and no more."""
    log.close()

    with pytest.raises(NotRecorded) as caught:
        log.write(record("canary-1", hook_instance="canary-2"))

    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
    assert (caught.value.status, caught.value.issue_code) == (503, "transient")


@pytest.mark.parametrize(
    "broken", ["\ud800", OUT_OF_MEMORY], ids=["text no database can hold", "out of memory"]
)
def test_an_answer_that_cannot_be_written_hides_no_other(
    log: AuditLog, path: Path, broken: str
) -> None:
    """Writers share a commit: whatever breaks it, no writer's answer passes for kept that is not there."""
    log.write(record("a"))
    waiting = [Event() for _ in range(WRITTEN_VERSIONS)]
    done: list[str] = []

    def write(number: int, shared: SqliteLog) -> None:
        waiting[number].set()
        try:
            done.extend(
                written(shared, [f"a-{number}"], hook_instance=broken if number % 2 else "fine")
            )
        except (UnicodeEncodeError, MemoryError):
            return

    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(_forgetful(path)) as connection,
    ):
        shared = SqliteLog(connection)
        holder.execute("BEGIN IMMEDIATE")  # so that all of them queue behind the first
        threads = [
            Thread(target=write, args=(number, shared)) for number in range(WRITTEN_VERSIONS)
        ]
        for thread, started in zip(threads, waiting, strict=True):
            thread.start()
            started.wait()
        holder.execute("ROLLBACK")
        for thread in threads:
            thread.join()

    assert set(done) <= kept(path)


def test_a_newer_schema_stops_the_start(log: AuditLog, path: Path) -> None:
    """A file a newer release wrote is refused at the start, with the setting to mend, and left as it is."""
    log.write(record("a-1"))
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 2")

    with pytest.raises(SettingError, match="newer") as caught:
        open_log(f"sqlite:///{path}")

    assert "database" in str(caught.value)
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert kept(path) == {"a-1"}


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
        "sqlite:/crd.sqlite3",
        "SQLITE:///crd.sqlite3",
        "postgresql://crd@db.example.invalid/crd",
        "mysql:///crd",
        ":///crd",
    ],
)
def test_a_url_that_names_no_log_stops_the_start(url: str) -> None:
    """The error names the setting and the kinds of store there are."""
    with pytest.raises(SettingError) as caught:
        open_log(url)

    assert "database" in caught.value.key
    assert "sqlite" in str(caught.value)


def _a_directory(there: Path) -> Path:
    return there


def _below_a_file(there: Path) -> Path:
    (there / "file").write_text("no directory")
    return there / "file" / "crd.sqlite3"


def _no_database(there: Path) -> Path:
    (there / "letter").write_text("Dear payer, " * 500)
    return there / "letter"


@pytest.mark.parametrize("make", [_a_directory, _below_a_file, _no_database])
def test_a_file_that_cannot_be_the_log_stops_the_start(
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

    with closing(open_log(f"sqlite:///{relative}")) as log:
        log.write(record("a-1"))

    assert kept(tmp_path / "here.sqlite3") == {"a-1"}


def test_no_log_lets_no_answer_pass_for_kept() -> None:
    """Where nothing is to be recorded, recording fails, so that an answer cannot leave by mistake."""
    with pytest.raises(NotRecorded):
        NoLog().write(record("a-1"))
    with pytest.raises(NotRecorded):
        NoLog().write_feedback([feedback()])


def test_a_new_data_directory_is_the_owners_alone(tmp_path: Path) -> None:
    """Requests are patient data: a directory made for them is closed to others."""
    made = tmp_path / "data"
    open_log(f"sqlite:///{made / 'log.sqlite3'}").close()

    assert made.stat().st_mode & 0o777 == 0o700
