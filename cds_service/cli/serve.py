"""`crd serve`: the service on a socket."""

import socket
import sys
from contextlib import closing
from dataclasses import replace
from functools import partial

import click

from cds_service.app import (
    Memory,
    Orders,
    Service,
    Site,
    Workplace,
    library_directories,
    open_memory,
    open_site,
    read_orders,
    utc_today,
)
from cds_service.cli.options import with_settings
from cds_service.cli.refused_start import refuse_start
from cds_service.cli.start import start_errors, start_in_service
from cds_service.database.engine import shown_url
from cds_service.ehr.client import RequestsEhr
from cds_service.errors import SettingError
from cds_service.live.reading import LibraryDirectories
from cds_service.policy.library.inventory import take_inventory
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.listener import ServerLimits
from cds_service.web.logs import configure_logs, log_what_ends
from cds_service.web.server import bind, serve_until_stopped

_SHOWN = 20  # policies on the first screen


@click.command()
@with_settings
def serve(settings: Settings) -> None:
    """Answer CDS Hooks calls and show the policies, until stopped."""
    configure_logs(settings.log_format, settings.log_level, sys.stderr)
    log_what_ends()
    with (
        closing(_usable_memory(settings)) as memory,
        closing(_ehrs(settings)) as ehr,
        closing(_bound(settings)) as bound,
    ):
        _serve(replace(settings, port=bound.getsockname()[1]), bound, memory, ehr)


@start_errors()
def _usable_memory(settings: Settings) -> Memory:
    """The memory, once all settings are usable: a taken port must not hide one that is not."""
    library_directories(settings)  # only whether they are there: to read them may take long
    return open_memory(settings)


@start_errors()
def _ehrs(settings: Settings) -> RequestsEhr:
    at_once = max(1, settings.threads // 2)
    return RequestsEhr(settings.ehr, ca_file=settings.ca_file, at_once=at_once)


@start_errors()
def _bound(settings: Settings) -> socket.socket:
    try:
        return bind(settings.host, settings.port)
    except UnicodeError as error:
        raise SettingError("host", f"`{settings.host}` is not a host name") from error
    except OSError as error:
        refuse_start(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}")


def _serve(settings: Settings, bound: socket.socket, memory: Memory, ehr: RequestsEhr) -> None:
    directories = _directories(settings)
    known = directories.fingerprint()  # what changes from here on is noticed, during the start too
    orders = _orders(settings, memory)
    service = start_in_service(orders, settings, memory, ehr)
    workplace = Workplace(
        settings=settings,
        memory=memory,
        ehr=ehr,
        directories=directories,
        known=known,
        warm_up=warm_up,
        orders=orders,
    )
    with closing(_site(service, workplace, ehr)) as site:
        warm_up(service.pipelines.values())
        site.start()
        serve_until_stopped(
            site.app,
            bound,
            limits=_limits(settings),
            ready=partial(_welcome, service, settings),
            stopping=site.stopping,
            refused=site.count_refusal,
            hung_up=site.read_again,
        )


@start_errors()
def _orders(settings: Settings, memory: Memory) -> Orders:
    return read_orders(settings, memory)


@start_errors()
def _directories(settings: Settings) -> LibraryDirectories:
    return LibraryDirectories(library_directories(settings))


@start_errors()
def _site(service: Service, workplace: Workplace, ehr: RequestsEhr) -> Site:
    return open_site(service, workplace.settings, workplace.memory, ehr.circuits, workplace)


def _limits(settings: Settings) -> ServerLimits:
    return ServerLimits(
        threads=settings.threads,
        connections=settings.connections,
        max_body=settings.max_body,
        request_seconds=settings.request_seconds,
        stop_seconds=settings.stop_seconds,
        large_bodies=settings.large_bodies,
    )


def _welcome(service: Service, settings: Settings) -> None:
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
