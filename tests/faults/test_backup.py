"""A backup taken under load and restored elsewhere is whole, verified, and replays (C9)."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from crd_command import crd
from databases import fresh_database
from faults.callers import Heard, calling
from faults.ledger import CopyWatch, settle
from faults.report import findings_table
from faults.site import Site, site_on
from faults.workers import stopped_in_the_end
from stores import wait_until

pytestmark = pytest.mark.long

BEFORE, AFTER = 30, 10  # answers


def by_pages(source: Path, target: Path) -> None:
    """As `.backup` of the sqlite3 shell does."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy, pages=50)


def by_vacuum(source: Path, target: Path) -> None:
    """A compact copy, in one transaction."""
    with closing(sqlite3.connect(source)) as live:
        live.execute("VACUUM INTO ?", (str(target),))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site in a SQLite file."""
    with site_on(None, tmp_path / "live") as made:
        yield made


def back_up_under_load(site: Site, target: Path, back_up: Callable[[], None]) -> Heard:
    """Copy the checkpoints and then the database, while a worker answers; what had been heard."""
    heard, known = Heard(), Heard()
    worker = site.worker()
    with stopped_in_the_end([worker]):
        worker.start()
        with calling([worker], 4, heard):
            wait_until(lambda: len(heard.assertions) >= BEFORE and has_checkpoint(site))
            known.assertions |= heard.assertions
            known.cards |= heard.cards
            shutil.copytree(site.directory / "keys", target / "keys")
            shutil.copyfile(site.checkpoints, target / "checkpoints")
            back_up()
            wait_until(lambda: len(heard.assertions) >= len(known.assertions) + AFTER)
        worker.stop()
    return known


def has_checkpoint(site: Site) -> bool:
    """Whether one has been written outside; the file is there a moment earlier."""
    return site.checkpoints.exists() and site.checkpoints.stat().st_size > 0


def assert_is_whole(restored: Site, known: Heard) -> None:
    """All that was answered before the backup is there, as it was signed, and replays the same."""
    found = restored.verify()
    assert (found.findings, found.checkpoints > 0, found.copied > 0) == ([], True, True)

    keys = ("--audit-key", restored.directory / "keys" / "audit.key")
    store = ("--database", restored.database, "--data-dir", restored.directory, *keys)
    replayed = crd("audit", "replay", min(known.assertions), *store)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr

    worker, heard = restored.worker(), known
    with stopped_in_the_end([worker]):
        worker.start()
        with calling([worker], 1, heard):
            wait_until(lambda: heard.statuses[200] > 0)
        worker.stop()
    findings = settle(restored, heard, CopyWatch(restored))
    assert findings.is_sound, findings_table(findings)


@pytest.mark.parametrize("back_up", [by_pages, by_vacuum])
def test_a_file_is_backed_up_while_it_serves(
    site: Site, tmp_path: Path, back_up: Callable[[Path, Path], None]
) -> None:
    """Both ways that SQLite has; the restored service goes on where the backup ends."""
    restored = Site(
        directory=tmp_path / "restored", database=f"sqlite:///{tmp_path}/restored/crd.sqlite3"
    )
    restored.directory.mkdir()
    file, copy = site.directory / "crd.sqlite3", restored.directory / "crd.sqlite3"
    known = back_up_under_load(site, restored.directory, lambda: back_up(file, copy))

    assert_is_whole(restored, known)


def test_a_backup_older_than_the_checkpoints_outside_is_found(site: Site, tmp_path: Path) -> None:
    """Records that it lacks had left a checkpoint behind: they are known to be missing."""
    older = Site(directory=tmp_path / "older", database=f"sqlite:///{tmp_path}/older/crd.sqlite3")
    older.directory.mkdir()
    file, copy = site.directory / "crd.sqlite3", older.directory / "crd.sqlite3"
    back_up_under_load(site, older.directory, lambda: by_pages(file, copy))
    shutil.copyfile(site.checkpoints, older.checkpoints)

    assert "the database ends before" in str(older.verify().findings[0])


def directly(url: str) -> str:
    """A database past PgBouncer: what these programs set would stay with its connections."""
    server = os.environ.get("POSTGRESQL_URL", url)
    return f"{server.rpartition('/')[0]}/{url.rpartition('/')[2]}"


@pytest.mark.postgresql
def test_a_server_is_dumped_while_it_serves(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """By pg_dump, into another database of the server."""
    server = request.config.getoption("--postgresql")
    with site_on(server, tmp_path / "live") as site, fresh_database(server) as url:
        restored = Site(directory=tmp_path / "restored", database=url)
        restored.directory.mkdir()
        source, target = directly(site.database), directly(url)

        def dump() -> None:
            command = ["pg_dump", "--no-owner", f"--dbname={source}"]
            dumped = subprocess.run(command, capture_output=True, check=True).stdout
            load = ["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={target}"]
            subprocess.run(load, input=dumped, capture_output=True, check=True)

        known = back_up_under_load(site, restored.directory, dump)

        assert_is_whole(restored, known)
