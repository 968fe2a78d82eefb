"""A process that can open no more files goes on as far as it can, and recovers alone (G4)."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stores import kept, locked, opened, wait_until, written

from cds_service.audit.log import DatabaseLog

pytestmark = pytest.mark.long

LOOKS = 2.5  # seconds, in which the store is looked after at least twice


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process opens nothing more; what is open stays so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A SQLite file."""
    return f"sqlite:///{tmp_path / 'data' / 'crd.sqlite3'}"


def is_drained(log: DatabaseLog) -> bool:
    """Whether the database is there and has all of the journal."""
    health = log.health()
    return health.writable and health.journal_bytes == 0


@pytest.mark.parametrize("has_written", [True, False])
def test_the_store_is_used_and_looked_after_again_once_files_can_be_opened(
    url: str, tmp_path: Path, has_written: bool
) -> None:
    """A log that has written goes on even meanwhile; one that has not refuses until it can."""
    with opened(url, tmp_path / "journal") as log:
        done = written(log, ["a-1"] if has_written else [])
        with no_descriptors():
            meanwhile = written(log, ["b-1"])
            time.sleep(LOOKS)
        with locked(url):
            done += meanwhile + written(log, ["c-1", "c-2"])
        wait_until(lambda: is_drained(log))

    assert meanwhile == (["b-1"] if has_written else [])
    assert done[-2:] == ["c-1", "c-2"]
    assert done == kept(url)


def test_what_cannot_be_journaled_is_refused(url: str, tmp_path: Path) -> None:
    """Health can be asked meanwhile; with room again the same log takes records."""
    with opened(url, tmp_path / "journal") as log:
        written(log, ["a-1"])
        with locked(url), no_descriptors():
            refused = written(log, ["b-1", "b-2"])
            health = log.health()
        wait_until(lambda: is_drained(log))
        taken = written(log, ["c-1"])

    assert (refused, taken, kept(url)) == ([], ["c-1"], ["a-1", "c-1"])
    assert not health.writable
