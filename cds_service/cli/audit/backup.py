"""`crd audit backup`: the store copied while the service runs."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from cds_service.audit.backup import BackupRequest, make_backup
from cds_service.audit.desk import Desk
from cds_service.cli.audit.opening import command_errors, opened_desk
from cds_service.cli.audit.places import places_of
from cds_service.cli.audit.stopping import stopped_tidily
from cds_service.cli.options import with_given
from cds_service.cli.refused_start import start_errors
from cds_service.database.copying import require_database
from cds_service.database.private_files import Progress
from cds_service.database.schema_check import stamped
from cds_service.settings import read_settings
from cds_service.version import VERSION

PARTS = (
    "data_dir",
    "database_url",
    "audit_key",
    "checkpoint_key",
    "checkpoints",
    "journal",
    "token_key",
)
_EVERY = 2.0  # seconds between two lines of progress
_MEGABYTE = 1_000_000


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--without-keys", is_flag=True, help="leave out the keys: you keep them elsewhere")
@with_given(*PARTS)
def backup(directory: Path, without_keys: bool, given: Mapping[str, str]) -> None:
    """Copy the store into a new DIRECTORY, while calls go on; that it was copied is recorded.

    The database as of one moment, the journal, the checkpoints, the three keys, the settings file,
    and the files of clients and authorizations. It is patient data. Keys that are not the store's
    are refused. A store of a release before is taken as it is: back it up, then migrate. `crd audit
    restore` puts it back. PostgreSQL needs its programs pg_dump and pg_restore; past PgBouncer,
    name the server itself with --database.
    """
    with start_errors():
        settings = read_settings(os.environ, given)
    places = places_of(settings, given)
    with command_errors():
        require_database(places.database)
    request = BackupRequest(
        places=places, made=datetime.now(UTC), program=VERSION, has_keys=not without_keys
    )
    with ExitStack() as ends:
        with _journal_remembered(places.journal):
            _note(ends.enter_context(opened_desk(settings, of_any_release=True)))
        ends.enter_context(stopped_tidily())
        manifest = make_backup(request, directory, shown_progress())
    click.echo("\n".join([*manifest.files, f"{len(manifest.files)} files are in {directory}"]))
    click.echo("See that it can be restored, on another machine: crd audit restore")


def _note(desk: Desk) -> None:
    """Record that the store is copied, where it is of a release that keeps such records."""
    if stamped(desk.engine):
        desk.read("audit backup", {"subject": "", "patients": True})
    else:
        click.echo(
            "this store is of a release that recorded no readings: that it was copied is not "
            "recorded in it",
            err=True,
        )


@contextmanager
def _journal_remembered(journal: Path) -> Iterator[None]:
    """Where a database that is away prevents a backup, name what may be kept meanwhile."""
    try:
        yield
    except click.ClickException as error:
        if not any(journal.glob("*.journal")):
            raise
        raise click.ClickException(
            f"{error.message}; records that are not in the database yet are files in {journal}: "
            "copy that directory as it is (cp -a)"
        ) from error


def shown_progress() -> Progress:
    """A line on stderr every two seconds."""
    due = time.monotonic() + _EVERY

    def show(doing: str, done: int, of: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _EVERY
            click.echo(_progress_line(doing, done, of), err=True)

    return show


def _progress_line(doing: str, done: int, of: int) -> str:
    whole = f" of {of // _MEGABYTE}" if of else ""
    return f"{doing}: {done // _MEGABYTE}{whole} MB" if done else f"{doing} …"
