"""A start as commands have it: what prevents it in one line, and progress while it lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cds_service.app import Service, build_service
from cds_service.audit.log import AuditLog
from cds_service.ehr.client import Ehr
from cds_service.errors import StartError
from cds_service.settings import Settings

_SHOW_PROGRESS_FROM = 500  # files


@contextmanager
def start_errors() -> Iterator[None]:
    """What prevents a start ends the command with one line and exit status 1.

    For a block, or for a function as `@start_errors()`.
    """
    try:
        yield
    except StartError as error:
        raise click.ClickException(str(error)) from error


@start_errors()
def start_service(settings: Settings, *, ehr: Ehr | None, log: AuditLog) -> Service:
    """The service these settings describe, with progress shown."""
    return build_service(settings, ehr=ehr, log=log, progress=show_progress)


def show_progress(done: int, of: int) -> None:
    """A line for every so many files of a large library, on stderr."""
    if of >= _SHOW_PROGRESS_FROM and (done % _SHOW_PROGRESS_FROM == 0 or done == of):
        click.echo(f"read {done} of {of} library files", err=True)
