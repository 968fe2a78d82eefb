"""The store, on each kind of database: what `write` has returned from is there, once, and whole."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from stores import (
    MENTIONS,
    NOON,
    PAYLOAD,
    feedback,
    kept,
    opened,
    read,
    record,
    together,
    token_use,
    written,
)

from cds_service.audit.log import DatabaseLog
from cds_service.audit.mentions import Mention
from cds_service.audit.merkle import leaf_hash
from cds_service.audit.reading import Reader, StoredRecord
from cds_service.database.engine import reading
from cds_service.database.tables import LEAF, TOKEN_USE
from cds_service.errors import NotRecorded, Replayed

WRITERS, EACH = 16, 20
NO_TEXT = "\ud800"  # half a character, which no database can hold
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "tests")
from stores import record
from cds_service.audit.log import open_log
log = open_log(sys.argv[1], journal=Path(sys.argv[2]))
for number in range(20):
    log.write(record(str(number)))
    print(number, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[DatabaseLog]:
    """An open log with a journal."""
    with opened(database_url, tmp_path / "journal") as opened_log:
        yield opened_log


def found(url: str, identity: str) -> StoredRecord:
    """A record as another reader finds it."""
    with read(url) as engine:
        stored = Reader(engine).by_id(identity)
    assert stored
    return stored


@pytest.mark.crd("found-11", "found-37")
def test_a_record_is_there_before_write_returns(log: DatabaseLog, database_url: str) -> None:
    """Another reader finds the whole record while the log is still open."""
    log.write(record("a-1"))

    stored = found(database_url, "a-1")
    assert (stored.at, stored.kind, stored.hook, stored.client, stored.issuer) == (
        NOON,
        "answer",
        "order-sign",
        "clinic",
        "https://ehr.example.invalid",
    )
    assert (stored.status, stored.retention, stored.payload) == (200, "answer", PAYLOAD)


def test_a_leaf_is_the_hash_of_salt_and_payload(log: DatabaseLog, database_url: str) -> None:
    """The leaf in the tree is that of RFC 6962 over the salt and the very bytes of the record."""
    log.write(record("a-1"))

    stored = found(database_url, "a-1")
    with read(database_url) as engine, reading(engine) as connection:
        leaf = connection.execute(select(LEAF)).one()
    assert leaf.hash == leaf_hash(stored.salt + PAYLOAD)
    assert (leaf.record_id, leaf.number, len(stored.salt)) == ("a-1", None, 16)


def test_equal_records_have_different_salts(log: DatabaseLog, database_url: str) -> None:
    """Nobody can tell from two leaves that their records are equal."""
    log.write(record("a-1"))
    log.write(record("a-2"))

    assert found(database_url, "a-1").salt != found(database_url, "a-2").salt


def test_records_are_found_by_what_they_mention(log: DatabaseLog, database_url: str) -> None:
    """All mentions that are asked for must be there."""
    log.write(record("a-1"))
    log.write(record("a-2", mentions=(MENTIONS[0], Mention("payer", "anthem"))))

    with read(database_url) as engine:
        reader = Reader(engine)
        both = [stored.id for stored in reader.find(MENTIONS[:1])]
        icare = [stored.id for stored in reader.find(MENTIONS)]
        others = [stored.id for stored in reader.find(MENTIONS, client="another")]
    assert (sorted(both), icare, others) == (["a-1", "a-2"], ["a-1"], [])


def test_an_answer_is_found_by_its_assertion(log: DatabaseLog, database_url: str) -> None:
    """A reading of it mentions the assertion too, and is not the answer."""
    mentions = (Mention("assertion", "x-1"),)
    log.write(record("a-1", mentions=mentions))
    log.write(record("a-2", kind="reading", at=NOON + timedelta(days=1), mentions=mentions))

    with read(database_url) as engine:
        reader = Reader(engine)
        answer, nothing = reader.by_assertion("x-1"), reader.by_assertion("x-2")
    assert answer
    assert (answer.id, nothing) == ("a-1", None)


def test_records_are_read_page_by_page_in_order_of_time(
    log: DatabaseLog, database_url: str
) -> None:
    """None is left out or doubled between pages, though many have the same time."""
    identities = [f"a-{number:04}" for number in range(1200)]
    for start in range(0, len(identities), 100):
        log.write_feedback(
            [
                record(identity, at=NOON + timedelta(seconds=start // 300))
                for identity in identities[start : start + 100]
            ]
        )

    with read(database_url) as engine:
        reader = Reader(engine)
        oldest_first = [stored.id for stored in reader.all_records()]
        latest_first = [stored.id for stored in reader.find(limit=700)]
        later = [stored.id for stored in reader.all_records(since=NOON + timedelta(seconds=3))]
        earlier = [stored.id for stored in reader.find(until=NOON + timedelta(seconds=1))]
    assert oldest_first == identities
    assert latest_first == identities[:-701:-1]
    assert (later, sorted(earlier)) == (identities[900:], identities[:300])


def test_a_library_is_kept_once(log: DatabaseLog, database_url: str) -> None:
    """The policies of a digest are kept as they were first given, and read back."""
    log.save_library("sha256:1", lambda: b"policies")
    log.save_library("sha256:1", lambda: b"policies")

    with read(database_url) as engine:
        reader = Reader(engine)
        assert (reader.library("sha256:1"), reader.library("sha256:2")) == (b"policies", None)


def test_records_are_there_after_reopening(database_url: str) -> None:
    """A log opened again keeps what was in it and takes more."""
    for identity in ("a-1", "a-2", "a-3"):
        with opened(database_url) as log:
            log.write(record(identity))

    assert kept(database_url) == ["a-1", "a-2", "a-3"]


@pytest.mark.crd("found-11", "found-37")
def test_what_was_recorded_is_there_however_long_ago_it_was(database_url: str) -> None:
    """Neither a new start nor a new record lets go of an old one."""
    for year in (1999, 2019, 2026):
        with opened(database_url) as log:
            log.write(record(f"of-{year}", at=datetime(year, 1, 1, tzinfo=UTC)))

    assert kept(database_url) == ["of-1999", "of-2019", "of-2026"]


@pytest.mark.crd("found-37")
def test_records_survive_a_killed_process(database_url: str, tmp_path: Path) -> None:
    """Every record a process had acknowledged is there after SIGKILL."""
    with opened(database_url):
        pass
    command = [sys.executable, "-c", KILLED, database_url, str(tmp_path / "journal")]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )

    assert run.returncode == -signal.SIGKILL, run.stderr
    assert kept(database_url) == sorted(run.stdout.split()) == sorted(map(str, range(20)))


def test_concurrent_writers_all_land(log: DatabaseLog, database_url: str) -> None:
    """Sixteen threads that write at once lose nothing and write nothing twice."""
    ids = [[f"{writer}-{number}" for number in range(EACH)] for writer in range(WRITERS)]

    together([partial(written, log, mine) for mine in ids])

    assert kept(database_url) == sorted(identity for mine in ids for identity in mine)


def test_two_logs_share_a_database(database_url: str) -> None:
    """Two processes on one database, here two logs, both keep their records."""
    ids = [[f"{name}-{number}" for number in range(EACH)] for name in ("first", "second")]

    with opened(database_url) as first, opened(database_url) as second:
        together([partial(written, first, ids[0]), partial(written, second, ids[1])])

    assert kept(database_url) == sorted(ids[0] + ids[1])


def test_the_same_feedback_again_is_one(log: DatabaseLog, database_url: str) -> None:
    """Feedback sent twice in one call and again in another is one event, and the first stays."""
    log.write_feedback([feedback("f-1"), feedback("f-1")])
    log.write_feedback([feedback("f-1", payload=b"{}"), feedback("f-2")])

    assert kept(database_url) == ["f-1", "f-2"]
    assert found(database_url, "f-1").payload == PAYLOAD


def test_the_same_feedback_from_two_processes_is_one(database_url: str) -> None:
    """Two that send the same in different orders do not block each other."""
    sent = [feedback(f"f-{number}") for number in range(50)]

    with opened(database_url) as first, opened(database_url) as second:
        for _ in range(5):
            together(
                [partial(first.write_feedback, sent), partial(second.write_feedback, sent[::-1])]
            )

    assert len(kept(database_url)) == 50


def test_no_feedback_is_kept_without_complaint(log: DatabaseLog, database_url: str) -> None:
    """An empty call is nothing to keep."""
    log.write_feedback([])

    assert kept(database_url) == []


def test_a_record_that_is_there_is_not_replaced(log: DatabaseLog, database_url: str) -> None:
    """An id used twice is refused; what was kept first stays."""
    log.write(record("a-1"))

    with pytest.raises(NotRecorded):
        log.write(record("a-1", payload=b"another"))

    assert found(database_url, "a-1").payload == PAYLOAD


def test_a_token_used_again_for_the_same_call_is_a_replay(
    log: DatabaseLog, database_url: str
) -> None:
    """The second answer is refused, and leaves no record; another use of the token is none."""
    log.write(record("a-1", token_use=token_use("first body")))

    with pytest.raises(Replayed):
        log.write(record("a-2", token_use=token_use("first body")))
    log.write(record("a-3", token_use=token_use("second body")))

    assert kept(database_url) == ["a-1", "a-3"]


def test_a_replay_is_known_across_processes_and_starts(database_url: str) -> None:
    """A use that another log has noted is a replay here, also after a start."""
    with opened(database_url) as first, opened(database_url) as second:
        first.write(record("a-1", token_use=token_use("body")))
        with pytest.raises(Replayed):
            second.write(record("a-2", token_use=token_use("body")))
    with opened(database_url) as third, pytest.raises(Replayed):
        third.write(record("a-3", token_use=token_use("body")))

    assert kept(database_url) == ["a-1"]


def test_of_calls_with_the_same_token_at_once_exactly_one_is_answered(
    database_url: str,
) -> None:
    """Sixteen replays that race through two logs: one record, fifteen refusals."""
    kinds: list[str] = []

    def call(log: DatabaseLog, identity: str) -> None:
        try:
            log.write(record(identity, token_use=token_use("body")))
        except Replayed:
            kinds.append("replayed")
        else:
            kinds.append("answered")

    with opened(database_url) as first, opened(database_url) as second:
        logs = (first, second)
        together([partial(call, logs[number % 2], f"a-{number}") for number in range(WRITERS)])

    assert sorted(kinds) == ["answered"] + ["replayed"] * (WRITERS - 1)
    assert len(kept(database_url)) == 1


def test_feedback_of_one_call_uses_its_token_once(log: DatabaseLog, database_url: str) -> None:
    """Several records of one call share the use of its token, and a replay refuses them all."""
    use = token_use("feedback")
    log.write_feedback([feedback("f-1", token_use=use), feedback("f-2", token_use=use)])

    with pytest.raises(Replayed):
        log.write_feedback([feedback("f-3", token_use=use), feedback("f-4", token_use=use)])

    assert kept(database_url) == ["f-1", "f-2"]


def test_expired_uses_of_tokens_are_forgotten(database_url: str) -> None:
    """What can no longer be replayed is deleted; what can stays."""
    later = datetime.now(UTC) + timedelta(hours=1)
    with opened(database_url) as log:
        log.write(record("a-1", token_use=token_use("old")))
        log.write(record("a-2", token_use=token_use("new", later)))
    with opened(database_url) as log:
        log._upkeep.look()
        with reading(log.engine) as connection:
            keys = list(connection.scalars(select(TOKEN_USE.c.key)))

    assert keys == [token_use("new").key]


def test_a_closed_log_keeps_nothing(log: DatabaseLog) -> None:
    """After closing, nothing passes for kept."""
    log.close()

    with pytest.raises(NotRecorded):
        log.write(record("a-1"))
    with pytest.raises(NotRecorded):
        log.write_feedback([feedback("f-1")])


def test_the_refusal_holds_nothing_of_the_record(log: DatabaseLog) -> None:
    """The caller learns that nothing was recorded, and no more."""
    log.close()

    with pytest.raises(NotRecorded) as caught:
        log.write(record("canary-1", client="canary-2"))

    assert "canary" not in f"{caught.value} {caught.value.__cause__}"
    assert (caught.value.status, caught.value.issue_code) == (503, "transient")


@pytest.mark.parametrize(
    "broken",
    [{"client": NO_TEXT}, {"status": 1 << 70}, {"identity": "a"}],
    ids=["text no database can hold", "number too large", "an id that is taken"],
)
def test_a_record_that_cannot_be_written_refuses_no_other(
    log: DatabaseLog, database_url: str, broken: dict[str, Any]
) -> None:
    """Writers share a commit: the one whose record breaks learns it, and all others are kept."""
    log.write(record("a"))
    sound = [f"sound-{number}" for number in range(WRITERS)]
    refused: list[str] = []

    def write_broken(identity: str) -> None:
        try:
            log.write(record(**{"identity": identity, **broken}))
        except NotRecorded:
            refused.append(identity)

    together(
        [partial(written, log, [identity]) for identity in sound]
        + [partial(write_broken, f"broken-{number}") for number in range(WRITERS)]
    )

    assert len(refused) == WRITERS
    assert kept(database_url) == sorted([*sound, "a"])


def test_health_shows_a_store_that_takes_records(log: DatabaseLog) -> None:
    """All is well, and the journal is empty."""
    log.write(record("a-1"))

    health = log.health()

    assert (health.writable, health.why, health.journal_bytes) == (True, "", 0)
    assert health.journal_limit > 0
