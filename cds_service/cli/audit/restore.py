"""`crd audit restore`: a backup put back, and verified."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from cds_service.audit.desk import store_errors
from cds_service.audit.restoring import restore_backup
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.backup import PARTS, page_progress
from cds_service.cli.audit.places import places_of
from cds_service.cli.audit.trust import unusable_errors, with_public_keys
from cds_service.cli.audit.verify import show_verification
from cds_service.cli.options import with_given
from cds_service.settings import read_settings


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_public_keys
@with_given(*PARTS)
def restore(directory: Path, public_keys: tuple[str, ...], given: Mapping[str, str]) -> None:
    """Put the backup in DIRECTORY where the settings say, and verify it; no service may run there.

    Nothing is overwritten: the database must be empty, a SQLite file must not be there, and keys
    that are there must be the same. Checkpoints that are there stay, for they are the witness. The
    settings file comes first: take it, and what it names, from `settings` in the backup. Exit
    status 0 if all is as it was signed, 1 if anything is not, 2 if nothing was restored or checked.
    """
    with unusable_errors():
        settings = read_settings(os.environ, given)
        with store_errors():
            manifest, placed = restore_backup(
                directory, places_of(settings, given), page_progress("restored")
            )
        rows = [(name, str(path), "is there, stays" if kept else "") for name, path, kept in placed]
        click.echo(text_table(("Of the backup", "Restored to", ""), rows))
        # As it was then: records of the last second have their numbers once a service runs.
        is_sound = show_verification(settings, public_keys, manifest.made)
    raise SystemExit(0 if is_sound else 1)
