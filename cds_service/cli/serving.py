"""Serving: the parts that a process which answers calls is made of, whether alone or a worker."""

import logging
import os
import socket
import sys

import click

from cds_service.app.clock import utc_today
from cds_service.app.libraries import library_directories
from cds_service.app.memory import Memory, open_memory
from cds_service.app.orders import Orders, read_orders
from cds_service.app.service import Service
from cds_service.cli.refused_start import start_errors
from cds_service.database.engine import shown_url
from cds_service.ehr.client import RequestsEhr
from cds_service.errors import StartError
from cds_service.live.reading import LibraryDirectories
from cds_service.policy.library.inventory import take_inventory
from cds_service.settings import Settings
from cds_service.web.listener import BACKLOG
from cds_service.web.server_limits import ServerLimits

_LOG = logging.getLogger("cds_service.cli")
_SHOWN = 20  # policies on the first screen


@start_errors()
def open_usable_memory(settings: Settings) -> Memory:
    """The memory, once all settings are usable: a taken port must not hide one that is not."""
    library_directories(settings)  # only whether they are there: to read them may take long
    return open_memory(settings)


@start_errors()
def open_ehrs(settings: Settings) -> RequestsEhr:
    """What queries EHRs."""
    at_once = max(1, settings.threads // 2)
    return RequestsEhr(settings.ehr, ca_file=settings.ca_file, at_once=at_once)


@start_errors()
def find_orders(settings: Settings, memory: Memory) -> Orders:
    """What the store demands that is served."""
    return read_orders(settings, memory)


@start_errors()
def find_directories(settings: Settings) -> LibraryDirectories:
    """Where policies are read from."""
    return LibraryDirectories(library_directories(settings))


def limits_of(settings: Settings) -> ServerLimits:
    """What one process takes on."""
    return ServerLimits(
        threads=settings.threads,
        connections=settings.connections,
        max_body=settings.max_body,
        request_seconds=settings.request_seconds,
        stop_seconds=settings.stop_seconds,
        large_bodies=settings.large_bodies,
    )


def listen(bound: socket.socket, settings: Settings) -> None:
    """Have the socket listen, now that all is ready.

    Raises:
        StartError: another program listens there, which had not begun to when this one was bound.
    """
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise StartError(f"cannot listen on {where}: {error.strerror}") from error


def welcome(service: Service, settings: Settings) -> None:
    """Write the first screen on stdout; the service does without it where nobody can read it."""
    try:
        _greet(service, settings)
    except OSError as error:
        _LOG.info("the first screen cannot be written", extra={"cause": error.strerror})
        # What is left of it must not be tried again at the end, which would fail then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _greet(service: Service, settings: Settings) -> None:
    """Where it listens, what it holds, and where to look."""
    url = settings.local_url
    click.echo(f"CRD service on {url}  (answers kept in {shown_url(settings.database)})")
    click.echo(f"{take_inventory(service.library, service.index, utc_today())}")
    policies = service.index.policies
    for policy in policies[:_SHOWN]:
        citation = policy.citation
        click.echo(f"  {citation.audience}: {citation.number}, {citation.policy_title}")
    if len(policies) > _SHOWN:
        click.echo(f"  … and {len(policies) - _SHOWN} more")
    click.echo(f"Look first at {url}/policies and {url}/cds-services; stop with Ctrl-C.")
