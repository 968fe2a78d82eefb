"""`crd serve`: the service on a socket, in one process or in several."""

# ruff: noqa: PLC0415  # a supervisor imports little: it only looks after others

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import closing

import click

from cds_service.cli.options import with_given
from cds_service.cli.refused_start import refuse_start, start_errors
from cds_service.cli.starting import stoppable_start
from cds_service.cli.streams import open_missing_streams
from cds_service.errors import SettingError
from cds_service.settings import Settings, all_settings, read_settings
from cds_service.web.binding import bind
from cds_service.web.logs import configure_logs, log_what_ends
from cds_service.web.processes.cores import count_cores


@click.command()
@click.option("--generation", hidden=True, default="")  # by a supervisor: see `processes`
@with_given(*(setting.name for setting in all_settings()))
def serve(given: Mapping[str, str], generation: str) -> None:
    """Answer CDS Hooks calls and show the policies, until stopped."""
    open_missing_streams()
    settings = _read(given)
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    log_what_ends()
    if generation:
        from cds_service.cli.generation import serve_in_workers

        serve_in_workers(settings, generation)
    elif (settings.workers or count_cores()) == 1:
        _serve_alone(settings)
    else:
        _supervise(settings, given)


@start_errors()
def _read(given: Mapping[str, str]) -> Settings:
    return read_settings(os.environ, given)


def _serve_alone(settings: Settings) -> None:
    from cds_service.cli.alone import serve_alone

    serve_alone(settings, _bound)


def _supervise(settings: Settings, given: Mapping[str, str]) -> None:
    from cds_service.cli.supervision import supervise

    with stoppable_start():
        bound = _bound_or_else(settings)
    with closing(bound):
        # A generation that comes later is for the address that is bound, whatever the file says.
        sys.exit(supervise(bound, {**given, "host": settings.host}))


def _bound_or_else(settings: Settings) -> socket.socket:
    """The socket; a start is refused for its port only if nothing else is wrong."""
    try:
        return bind(settings.host, settings.port)
    except (OSError, UnicodeError):
        from cds_service.cli.serving import open_usable_memory

        open_usable_memory(settings).close()
        return _bound(settings)


@start_errors()
def _bound(settings: Settings) -> socket.socket:
    try:
        return bind(settings.host, settings.port)
    except UnicodeError as error:
        raise SettingError("host", f"`{settings.host}` is not a host name") from error
    except OSError as error:
        refuse_start(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}")
