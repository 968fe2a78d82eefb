"""Stores for tests: records to keep, logs to keep them in, and what another reader finds there."""

import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, Protocol

from sqlalchemy import Engine, select

from cds_service.audit.log import DatabaseLog, open_log
from cds_service.audit.mentions import Mention
from cds_service.audit.reading import Reader
from cds_service.audit.record import AuditRecord, Kind
from cds_service.crd.request.caller import TokenUse
from cds_service.database.engine import open_engine, reading
from cds_service.database.migrations import migrate
from cds_service.database.tables import LEAF, MENTION
from cds_service.errors import NotRecorded

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MENTIONS = (Mention("order", "ServiceRequest/1"), Mention("payer", "icare"))
PAYLOAD = '{"note":"ärztlich"}'.encode()


class Work(Protocol):
    """Something that is done in a thread."""

    def __call__(self) -> object: ...


def record(identity: str, **elements: Any) -> AuditRecord:
    """A record to keep."""
    made = AuditRecord(
        id=identity,
        at=NOON,
        kind=Kind.ANSWER,
        hook="order-sign",
        client="clinic",
        issuer="https://ehr.example.invalid",
        status=200,
        payload=PAYLOAD,
        mentions=MENTIONS,
    )
    return replace(made, **elements)


def feedback(identity: str, **elements: Any) -> AuditRecord:
    """A record of feedback."""
    return record(identity, kind=Kind.FEEDBACK, **elements)


def token_use(name: str, expires: datetime = NOON) -> TokenUse:
    """The use of a token."""
    return TokenUse(key=name.encode().ljust(32, b"."), expires=expires)


@contextmanager
def opened(url: str, journal: Path | None = None, **options: Any) -> Iterator[DatabaseLog]:
    """An open log in a database that is brought to this release's schema first."""
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    with closing(open_log(url, journal=journal, **options)) as log:
        yield log


@contextmanager
def read(url: str) -> Iterator[Engine]:
    """A database as another program reads it."""
    engine = open_engine(url)
    yield engine
    engine.dispose()


def kept(url: str) -> list[str]:
    """The ids of the records there, sorted; each has exactly the leaf and mentions it needs."""
    with read(url) as engine:
        records = {found.id: found for found in Reader(engine).all_records()}
        with reading(engine) as connection:
            leaves = list(connection.scalars(select(LEAF.c.record_id)))
            mentions = list(connection.execute(select(MENTION)).all())
    assert sorted(leaves) == sorted(records)
    assert len(mentions) == len(MENTIONS) * len(records)
    return sorted(records)


def written(log: DatabaseLog, identities: Sequence[str], **elements: Any) -> list[str]:
    """Write records; the ids of those that the log acknowledges."""
    done = []
    for identity in identities:
        try:
            log.write(record(identity, **elements))
        except NotRecorded:
            continue
        done.append(identity)
    return done


def together(work: Sequence[Work]) -> None:
    """Do all of it at the same time."""
    barrier = Barrier(len(work))

    def start(task: Work) -> None:
        barrier.wait()
        task()

    threads = [Thread(target=start, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@contextmanager
def locked(url: str) -> Iterator[None]:
    """A SQLite file held by another writer."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


def wait_until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that other threads bring about."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
