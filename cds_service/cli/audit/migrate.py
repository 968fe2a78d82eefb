"""`crd audit migrate`: the store brought to the schema of this release."""

from pathlib import Path

import click

from cds_service.audit.audit_key import FILE_NAME, open_audit_key
from cds_service.audit.migration import find_schema, migrate_store
from cds_service.cli.audit.opening import command_errors
from cds_service.cli.options import with_some_settings
from cds_service.database.engine import shown_url
from cds_service.settings import Settings

_SHOW_PROGRESS_EVERY = 2000  # records


@click.command()
@with_some_settings("data_dir", "database_url", "audit_key")
@click.option("--check", "checked", is_flag=True, help="change nothing; exit 1 if any is due")
def migrate(settings: Settings, checked: bool) -> None:
    """Bring the database to the schema of this release, once for all workers and hosts.

    Calls may go on meanwhile, answered by the release that is running: a migration adds what the
    new one needs and takes nothing away. Records that a release without migrations kept in SQLite
    are copied; run it again after that release has stopped, for what it has added since.
    """
    with command_errors():
        click.echo(shown_url(settings.database))
        if checked:
            _check(settings)
        else:
            _migrate(settings)


def _check(settings: Settings) -> None:
    schema = find_schema(settings.database)
    newer = ", and may serve this newer one" if schema.is_served and not schema.is_current else ""
    click.echo(f"schema {schema.current or 'none'}; this release needs {schema.head}{newer}")
    raise SystemExit(0 if schema.is_served else 1)


def _migrate(settings: Settings) -> None:
    path = Path(settings.audit_key) if settings.audit_key else settings.data_path / FILE_NAME
    done = migrate_store(settings.database, open_audit_key(path), _show_progress)
    if done.before == done.after:
        click.echo(f"schema {done.after}: nothing to migrate")
    else:
        click.echo(f"schema migrated from {done.before or 'none'} to {done.after}")
    if done.copied:
        click.echo(f"{done.copied} records of the former schema are there")


def _show_progress(copied: int) -> None:
    if copied % _SHOW_PROGRESS_EVERY == 0:
        click.echo(f"copied {copied} records of the former schema", err=True)
