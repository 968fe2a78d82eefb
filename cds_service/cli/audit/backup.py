"""`crd audit backup`: the store copied while the service runs."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from cds_service.audit.backup import make_backup
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.audit.places import places_of
from cds_service.cli.options import with_given
from cds_service.cli.refused_start import start_errors
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


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--without-keys", is_flag=True, help="leave out the keys: you keep them elsewhere")
@with_given(*PARTS)
def backup(directory: Path, without_keys: bool, given: Mapping[str, str]) -> None:
    """Copy the store into a new DIRECTORY, while calls go on; that it was copied is recorded.

    The database as of one moment, the journal, the checkpoints, the three keys, the settings file,
    and the files of clients and authorizations. It is patient data. `crd audit restore` puts it
    back. PostgreSQL needs its programs pg_dump and pg_restore; past PgBouncer, name the server
    itself with --database.
    """
    with start_errors():
        settings = read_settings(os.environ, given)
    places = places_of(settings, given)
    if without_keys:
        places = replace(places, keys={})
    with opened_desk(settings) as desk:
        desk.read("audit backup", {"subject": "", "patients": True})
        manifest = make_backup(
            places,
            directory,
            made=datetime.now(UTC),
            program=VERSION,
            progress=page_progress("copied"),
        )
    click.echo("\n".join([*manifest.files, f"{len(manifest.files)} files are in {directory}"]))
    click.echo("See that it can be restored, on another machine: crd audit restore")


def page_progress(done: str) -> Callable[[int, int], None]:
    """A line on stderr every two seconds, for pages of a SQLite file."""
    due = time.monotonic() + _EVERY

    def show(pages: int, of: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _EVERY
            click.echo(f"{done} {pages} of {of} pages", err=True)

    return show
