"""A disk that takes long to sync holds up each call by its own commits, not by all others' (C6)."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event
from stores import kept, opened, together, wait_until, written

from cds_service.audit.log import DatabaseLog

pytestmark = pytest.mark.long

SLOW = 0.2  # seconds of a sync
STUCK = 6.0
CALLERS, CALLS = 40, 5
SOON = 5.0  # seconds within which a call has its answer or its 503


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite file."""
    return f"sqlite:///{tmp_path / 'data' / 'crd.sqlite3'}"


@dataclass(slots=True)
class Disk:
    """A disk that takes `seconds` to sync; when each commit was begun."""

    seconds: float = 0.0
    begun: list[float] = field(default_factory=list)

    def run(self, statement: str) -> None:
        """What is done before a statement."""
        if statement == "COMMIT":
            self.begun.append(time.monotonic())
            time.sleep(self.seconds)


@contextmanager
def on_disk(url: str, journal: Path, disk: Disk) -> Iterator[DatabaseLog]:
    """A log whose commits wait for this disk until its work is done."""

    def wait_for_disk(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(disk.run)

    with opened(url, journal) as log:
        event.listen(log.engine, "connect", wait_for_disk)
        log.engine.dispose()  # the connection of its start
        try:
            yield log
        finally:
            disk.seconds = 0.0


def test_calls_share_slow_commits(url: str, tmp_path: Path) -> None:
    """Two hundred calls of forty callers take a few commits, and none takes long."""
    done: list[str] = []
    taken: list[float] = []

    def call(log: DatabaseLog, name: str) -> None:
        for number in range(CALLS):
            begun = time.monotonic()
            done.extend(written(log, [f"{name}-{number}"]))
            taken.append(time.monotonic() - begun)

    disk = Disk(SLOW)
    with on_disk(url, tmp_path / "journal", disk) as log:
        together([partial(call, log, f"c{number:02}") for number in range(CALLERS)])
        wait_until(lambda: not log.health().journal_bytes)  # other writers may hold the lock

    assert kept(url) == sorted(done)
    assert len(done) == CALLERS * CALLS
    assert len(disk.begun) < len(done) / 4
    assert max(taken) < SOON


def test_a_commit_that_hangs_holds_up_nobody_for_ever(url: str, tmp_path: Path) -> None:
    """Who waits gets a 503 in time and readiness ends; once it is back the log goes on."""
    disk = Disk()
    with on_disk(url, tmp_path / "journal", disk) as log:
        written(log, ["a-1"])
        disk.seconds, begun = STUCK, time.monotonic()
        refused = written(log, ["b-1"])
        seconds = time.monotonic() - begun
        health, disk.seconds = log.health(), 0.0
        wait_until(lambda: log.health().writable)
        taken = written(log, ["c-1"])
        wait_until(lambda: log.health().writable and not log.health().journal_bytes)

    assert (refused, taken) == ([], ["c-1"])
    assert seconds < STUCK
    assert not health.writable
    assert {"a-1", "c-1"} <= set(kept(url))
