"""A start as commands have it: what prevents it in one line, and progress while it lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cds_service.app import Memory, Orders, Service, begin_service, build_service
from cds_service.audit.log import NoLog
from cds_service.cli.refused_start import refuse_start
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
        refuse_start(str(error))


@start_errors()
def start_service(settings: Settings) -> Service:
    """The service of these settings, with progress shown; it asks no EHR and keeps nothing."""
    return build_service(settings, ehr=None, log=NoLog(), progress=show_progress)


@start_errors()
def start_in_service(orders: Orders, settings: Settings, memory: Memory, ehr: Ehr) -> Service:
    """The service that the store demands, else that of the settings, with progress shown."""
    return begin_service(orders, settings, memory, ehr=ehr, progress=show_progress)


def show_progress(done: int, of: int) -> None:
    """A line for every so many files of a large library, on stderr."""
    if of >= _SHOW_PROGRESS_FROM and (done % _SHOW_PROGRESS_FROM == 0 or done == of):
        click.echo(f"read {done} of {of} library files", err=True)
