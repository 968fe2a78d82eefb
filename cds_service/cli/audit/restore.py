"""`crd audit restore`: a backup put back, and verified."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from cds_service.audit.desk import store_errors
from cds_service.audit.migration import find_schema
from cds_service.audit.restoring import restore_backup
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.backup import PARTS, shown_progress
from cds_service.cli.audit.places import places_of
from cds_service.cli.audit.stopping import stopped_tidily
from cds_service.cli.audit.trust import unusable_errors, with_public_keys
from cds_service.cli.audit.verify import show_verification
from cds_service.cli.options import with_given
from cds_service.database.migrations import Schema
from cds_service.errors import AuditError, StartError
from cds_service.settings import Settings, read_settings

_SOUND, _UNSOUND, _UNVERIFIED = 0, 1, 3  # exit statuses; 2: nothing was restored


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@with_public_keys
@with_given(*PARTS)
def restore(directory: Path, public_keys: tuple[str, ...], given: Mapping[str, str]) -> None:
    """Put the backup in DIRECTORY where the settings say, and verify it; no service may run there.

    All of it or nothing, and nothing is overwritten: the database must be empty, of a SQLite file
    and what belongs to it nothing may be there, and keys that are there must be the same.
    Checkpoints that are there stay, for they are the witness. The settings file comes first: take
    it, and what it names, from `settings` in the backup. Exit status 0 if all is as it was signed,
    1 if anything is not, 2 if nothing was restored, 3 if it was restored and could not be verified,
    such as a store of a release before, which `crd audit migrate` comes first for.
    """
    with unusable_errors():
        settings = read_settings(os.environ, given)
        with store_errors(), stopped_tidily():
            manifest, placed = restore_backup(
                directory, places_of(settings, given), shown_progress()
            )
    rows = [(file.name, str(file.path), "is there, stays" if file.stays else "") for file in placed]
    click.echo(text_table(("Of the backup", "Restored to", ""), rows))
    raise SystemExit(_verified(settings, public_keys, manifest.made))


def _verified(settings: Settings, public_keys: Sequence[str], made: datetime) -> int:
    """Verify what was restored, and say what comes next where that cannot be; the exit status."""
    try:
        schema = find_schema(settings.database)
        if not schema.is_served:
            click.echo(_due(schema))
            return _UNVERIFIED
        # As it was then: records of the last second have their numbers once a service runs.
        return _SOUND if show_verification(settings, public_keys, made) else _UNSOUND
    except (StartError, AuditError, click.ClickException) as error:
        click.echo(f"All is restored, and could not be verified: {error}", err=True)
        return _UNVERIFIED


def _due(schema: Schema) -> str:
    """What comes next for a store that is of another release."""
    next_step = "run `crd audit migrate`, then `crd audit verify`"
    if not schema.is_known:
        next_step = "a newer release has made it, so go on with that one"
    return (
        f"All is restored. Its schema is {schema.current or 'of the first release'}, and this "
        f"release needs {schema.head}: {next_step}."
    )
