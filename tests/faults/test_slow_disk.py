"""A disk that takes long to sync holds up each call by its own commits, not by all others' (C6)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
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


@contextmanager
def slow_commits(log: DatabaseLog, seconds: float) -> Iterator[list[float]]:
    """Every commit of a log that is begun in the block takes so long; when each was begun."""
    begun: list[float] = []
    pauses = [seconds]

    def wait(_: Connection) -> None:
        begun.append(time.monotonic())
        time.sleep(pauses[0])

    event.listen(log.engine, "commit", wait)
    try:
        yield begun
    finally:
        pauses[0] = 0.0


def test_calls_share_slow_commits(url: str, tmp_path: Path) -> None:
    """Two hundred calls of forty callers take a few commits, and none takes long."""
    done: list[str] = []
    taken: list[float] = []

    def call(log: DatabaseLog, name: str) -> None:
        for number in range(CALLS):
            begun = time.monotonic()
            done.extend(written(log, [f"{name}-{number}"]))
            taken.append(time.monotonic() - begun)

    with opened(url, tmp_path / "journal") as log, slow_commits(log, SLOW) as commits:
        together([partial(call, log, f"c{number:02}") for number in range(CALLERS)])
        wait_until(lambda: not log.health().journal_bytes)  # other writers may hold the lock

    assert kept(url) == sorted(done)
    assert len(done) == CALLERS * CALLS
    assert len(commits) < len(done) / 4
    assert max(taken) < SOON


def test_a_commit_that_hangs_holds_up_nobody_for_ever(url: str, tmp_path: Path) -> None:
    """Who waits gets a 503 in time and readiness ends; once it is back the log goes on."""
    with opened(url, tmp_path / "journal") as log:
        written(log, ["a-1"])
        with slow_commits(log, STUCK):
            begun = time.monotonic()
            refused = written(log, ["b-1"])
            seconds = time.monotonic() - begun
            health = log.health()
        wait_until(lambda: log.health().writable)
        taken = written(log, ["c-1"])
        wait_until(lambda: log.health().writable and not log.health().journal_bytes)

    assert (refused, taken) == ([], ["c-1"])
    assert seconds < STUCK
    assert not health.writable
    assert {"a-1", "c-1"} <= set(kept(url))
