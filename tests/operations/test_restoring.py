"""A backup taken by the command under load, restored elsewhere by the command, verified (C9)."""

import os
from collections.abc import Sequence
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

BEFORE, AFTER = 30, 10  # answers


def options(site: Site, database: str = "") -> Sequence[str | Path]:
    """Where the store of a site is, as a command is told."""
    keys = site.directory / "keys"
    return (
        *("--data-dir", site.directory, "--database", database or site.database),
        *("--audit-key", keys / "audit.key", "--checkpoint-key", keys / "checkpoint.key"),
    )


def directly(url: str) -> str:
    """A database past PgBouncer, as the guide asks for: programs set what would stay there."""
    server = os.environ.get("POSTGRESQL_URL", url)
    is_file = url.startswith("sqlite:")
    return url if is_file else f"{server.rpartition('/')[0]}/{url.rpartition('/')[2]}"


def backed_up_under_load(site: Site, backup: Path) -> Heard:
    """Run the command while a worker answers; what had been heard before."""
    heard, known = Heard(), Heard()
    worker = site.worker()
    with stopped_in_the_end([worker]):
        worker.start()
        with calling([worker], 4, heard):
            wait_until(
                lambda: (
                    len(heard.assertions) >= BEFORE
                    and site.checkpoints.exists()
                    and site.checkpoints.stat().st_size > 0
                )
            )
            known.assertions |= heard.assertions
            known.cards |= heard.cards
            made = crd("audit", "backup", backup, *options(site, directly(site.database)))
            assert made.returncode == 0, made.stdout + made.stderr
            wait_until(lambda: len(heard.assertions) >= len(known.assertions) + AFTER)
        worker.stop()
    return known


def assert_restores(backup: Path, restored: Site, known: Heard) -> None:
    """The command verifies what it restores; an answer replays, and the service goes on there."""
    there = options(restored, directly(restored.database))
    done = crd("audit", "restore", backup, *there)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All records are as they were signed." in done.stdout
    again = crd("audit", "restore", backup, *there)
    assert again.returncode == 2
    assert "nothing is overwritten" in again.stderr

    replayed = crd("audit", "replay", min(known.assertions), *options(restored)[:6])
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    worker = restored.worker()
    with stopped_in_the_end([worker]):
        worker.start()
        with calling([worker], 1, known):
            wait_until(lambda: known.statuses[200] > 0)
        worker.stop()
    findings = settle(restored, known, CopyWatch(restored))
    assert findings.is_sound, findings_table(findings)


@pytest.mark.long
def test_a_file_is_backed_up_and_restored(tmp_path: Path) -> None:
    """While calls go on; the record of the backup itself is in it."""
    there = tmp_path / "there"
    with site_on(None, tmp_path / "live") as site:
        known = backed_up_under_load(site, tmp_path / "backup")
    restored = Site(directory=there, database=f"sqlite:///{there}/crd.sqlite3")

    assert_restores(tmp_path / "backup", restored, known)
    read = crd("audit", "find", "--kind", "reading", "--json", *options(restored)[:6])
    assert "audit backup" in read.stdout


@pytest.mark.long
def test_an_older_backup_is_found_by_the_checkpoints_that_are_there(tmp_path: Path) -> None:
    """They know of records that it lacks: exit status 1, and what is missing is told."""
    there = tmp_path / "there"
    with site_on(None, tmp_path / "live") as site:
        backed_up_under_load(site, tmp_path / "backup")
        there.mkdir()
        (there / "checkpoints").write_bytes(site.checkpoints.read_bytes())
    restored = Site(directory=there, database=f"sqlite:///{there}/crd.sqlite3")

    done = crd("audit", "restore", tmp_path / "backup", *options(restored))

    assert done.returncode == 1, done.stdout + done.stderr
    assert "the database ends before" in done.stdout


@pytest.mark.long
@pytest.mark.postgresql
def test_a_server_is_backed_up_and_restored(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """By pg_dump while calls go on, and by pg_restore into another database."""
    server = request.config.getoption("--postgresql")
    with site_on(server, tmp_path / "live") as site, fresh_database(server) as url:
        known = backed_up_under_load(site, tmp_path / "backup")
        restored = Site(directory=tmp_path / "there", database=url)

        assert_restores(tmp_path / "backup", restored, known)
