"""A start as commands have it: what prevents it in one line, and progress while it lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cds_service.app import Memory, Service, build_service, keep_library
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
def start_service(
    settings: Settings, *, ehr: Ehr | None = None, memory: Memory | None = None
) -> Service:
    """The service these settings describe, with progress shown; without memory it keeps nothing."""
    service = build_service(
        settings,
        ehr=ehr,
        log=memory.log if memory else NoLog(),
        audit_key=memory.audit_key if memory else b"",
        progress=show_progress,
    )
    if memory:
        keep_library(service, memory.log)
    return service


def show_progress(done: int, of: int) -> None:
    """A line for every so many files of a large library, on stderr."""
    if of >= _SHOW_PROGRESS_FROM and (done % _SHOW_PROGRESS_FROM == 0 or done == of):
        click.echo(f"read {done} of {of} library files", err=True)
