"""The store whose file is gone or damaged: 503, one loud line, and nothing passes for kept."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from stores import kept, opened, record, wait_until, written

from cds_service.audit.log import DatabaseLog, open_log
from cds_service.errors import SettingError

pytestmark = pytest.mark.long

PAGE = 4096


def log_of(path: Path) -> Path:
    """The write-ahead log beside a file."""
    return path.with_name(f"{path.name}-wal")


def remove_all(path: Path) -> None:
    """What `rm crd.sqlite3*` does."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def move(path: Path) -> None:
    """The database under another name."""
    path.rename(path.with_suffix(".moved"))


def replace_by_copy(path: Path) -> None:
    """The same content in another file, as a careless restore leaves it."""
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    copy.rename(path)


def remove_log(path: Path) -> None:
    """The write-ahead log alone."""
    log_of(path).unlink()


def empty_log(path: Path) -> None:
    """The write-ahead log cut to nothing."""
    os.truncate(log_of(path), 0)


def cut_log(path: Path) -> None:
    """The write-ahead log cut within its first frame."""
    os.truncate(log_of(path), PAGE)


def overwrite_log(path: Path) -> None:
    """Nothing but zeros where the write-ahead log was, as long as it was."""
    size = log_of(path).stat().st_size
    os.truncate(log_of(path), 0)
    os.truncate(log_of(path), size)


def empty_file(path: Path) -> None:
    """The database cut to nothing."""
    os.truncate(path, 0)


def cut_file(path: Path) -> None:
    """The database without its second half."""
    os.truncate(path, path.stat().st_size // (2 * PAGE) * PAGE)


FAULTS = [
    remove_all,
    move,
    replace_by_copy,
    remove_log,
    empty_log,
    cut_log,
    overwrite_log,
    empty_file,
    cut_file,
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "data" / "crd.sqlite3"


@pytest.fixture
def log(path: Path, tmp_path: Path) -> Iterator[DatabaseLog]:
    """A log with records both in its file and in its write-ahead log."""
    with opened(f"sqlite:///{path}", tmp_path / "journal") as opened_log:
        written(opened_log, [f"a-{number}" for number in range(100)], payload=os.urandom(8000))
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")
        written(opened_log, ["b-1", "b-2"])
        yield opened_log


@pytest.mark.crd("found-11", "found-37")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_passes_for_kept_once_the_files_are_not_whole(
    log: DatabaseLog,
    tmp_path: Path,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Path], None],
) -> None:
    """Every call after the fault gets a 503, health says why, and one line is loud."""
    fault(path)

    acknowledged = written(log, [f"c-{number}" for number in range(60)])

    health = log.health()
    assert acknowledged == []
    assert not health.writable
    assert path.name in health.why or "file" in health.why
    assert list((tmp_path / "journal").iterdir()) == []
    loud = [line for line in caplog.records if line.levelname == "CRITICAL"]
    assert len(loud) == 1
    assert "start the service again" in loud[0].getMessage()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_readiness_ends_without_a_call(
    log: DatabaseLog, path: Path, fault: Callable[[Path], None]
) -> None:
    """An orchestrator learns of it before a clinician does."""
    fault(path)

    wait_until(lambda: not log.health().writable)


def test_pages_that_rot_while_the_service_runs_are_found(path: Path) -> None:
    """A look at the pages now and then finds what no write has met yet; from then on 503."""
    with opened(f"sqlite:///{path}") as log:
        log.write(record("a-1"))
    size = path.stat().st_size
    with opened(f"sqlite:///{path}") as log:
        with path.open("r+b") as file:
            file.seek(PAGE)
            file.write(b"\xff" * (size - PAGE))
        log._upkeep.check()
        acknowledged = written(log, ["b-1", "b-2"])

        assert (acknowledged, log.health().writable) == ([], False)


@pytest.mark.parametrize(
    "content",
    [b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 8176],
    ids=["text", "header"],
)
def test_a_file_that_is_no_database_stops_the_start(path: Path, content: bytes) -> None:
    """The file is named, and is left as it is."""
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(SettingError, match="crd"):
        open_log(f"sqlite:///{path}")

    assert path.read_bytes() == content


def test_a_file_with_damaged_pages_stops_the_start(path: Path) -> None:
    """What hangs together no more is found at the start, before anything is written."""
    with opened(f"sqlite:///{path}") as log:
        written(log, [f"a-{number}" for number in range(50)], payload=os.urandom(3000))
    with path.open("r+b") as file:
        file.seek(5 * PAGE)
        file.write(b"\xff" * 3 * PAGE)

    with pytest.raises(SettingError, match=r"damaged.*backup"):
        open_log(f"sqlite:///{path}")


def test_a_file_made_compact_while_the_service_runs_is_no_damage(path: Path) -> None:
    """VACUUM makes a file shorter, and rightly so."""
    with opened(f"sqlite:///{path}") as log:
        written(log, [f"a-{number}" for number in range(60)], payload=os.urandom(9000))
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            log.write(record("a-60"))
            before = path.stat().st_size
            other.execute("DELETE FROM record WHERE id >= 'a-2'")
            other.execute("DELETE FROM leaf WHERE record_id >= 'a-2'")
            other.execute("DELETE FROM mention WHERE record_id >= 'a-2'")
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        after = path.stat().st_size
        acknowledged = written(log, ["b-1"])

        assert after < before
        assert (acknowledged, log.health().writable) == (["b-1"], True)


def test_another_programs_checkpoints_are_no_damage(path: Path) -> None:
    """A backup tool may empty the write-ahead log at any time; no call notices."""
    url = f"sqlite:///{path}"
    acknowledged = []
    with opened(url) as log:
        for number in range(60):
            with closing(sqlite3.connect(path, timeout=10)) as other:
                mode = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")[number % 4]
                other.execute(f"PRAGMA wal_checkpoint({mode})")
            acknowledged += written(log, [f"a-{number:02}"])

    assert len(acknowledged) == 60
    assert kept(url) == acknowledged


@pytest.mark.crd("sec-1")
def test_all_files_are_the_owners_alone_in_any_directory(tmp_path: Path) -> None:
    """In a directory that others read, files that were made and such as were there are closed."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    path = shared / "crd.sqlite3"
    path.touch(mode=0o644)
    path.chmod(0o644)
    with opened(f"sqlite:///{path}") as log:
        log.write(record("a-1"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in shared.iterdir()}

    names = ("crd.sqlite3", "crd.sqlite3-shm", "crd.sqlite3-wal")
    assert modes == dict.fromkeys(names, 0o600)


@pytest.mark.crd("sec-1")
def test_a_new_data_directory_is_the_owners_alone(tmp_path: Path) -> None:
    """Requests are patient data: a directory made for them is closed to others."""
    made = tmp_path / "data"
    open_log(f"sqlite:///{made / 'log.sqlite3'}").close()

    assert made.stat().st_mode & 0o777 == 0o700
