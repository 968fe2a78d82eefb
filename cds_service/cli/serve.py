"""`crd serve`: the service on a socket."""

import socket
from contextlib import closing
from dataclasses import replace
from functools import partial

import click

from cds_service.app import Service, library_directories, utc_today, warm_up
from cds_service.audit.log import AuditLog, open_log
from cds_service.cli.options import with_settings
from cds_service.cli.start import start_errors, start_service
from cds_service.ehr.client import RequestsEhr
from cds_service.errors import SettingError
from cds_service.policy.library.inventory import take_inventory
from cds_service.settings import Settings
from cds_service.web.server import bind, serve_until_stopped

_SHOWN = 20  # policies on the first screen


@click.command()
@with_settings
def serve(settings: Settings) -> None:
    """Answer CDS Hooks calls and show the policies, until stopped."""
    with closing(_usable_log(settings)) as log, closing(_bound(settings)) as bound:
        _serve(replace(settings, port=bound.getsockname()[1]), bound, log)


@start_errors()
def _usable_log(settings: Settings) -> AuditLog:
    """The log, once all settings are usable: a taken port must not hide one that is not."""
    library_directories(settings)  # only whether they are there: to read them may take long
    return open_log(settings.database)


@start_errors()
def _bound(settings: Settings) -> socket.socket:
    try:
        return bind(settings.host, settings.port)
    except UnicodeError as error:
        raise SettingError("host", f"`{settings.host}` is not a host name") from error
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from error


def _serve(settings: Settings, bound: socket.socket, log: AuditLog) -> None:
    with closing(RequestsEhr(settings.ehr, at_once=max(1, settings.threads // 2))) as ehr:
        service = start_service(settings, ehr=ehr, log=log)
        warm_up(service.pipelines.values())
        welcome = partial(_welcome, service, settings)
        serve_until_stopped(service.web(settings), bound, threads=settings.threads, ready=welcome)


def _welcome(service: Service, settings: Settings) -> None:
    url = settings.local_url
    click.echo(f"CRD service on {url}  (answers kept in {settings.database})")
    click.echo(f"{take_inventory(service.library, service.index, utc_today())}")
    policies = service.index.policies
    for policy in policies[:_SHOWN]:
        citation = policy.citation
        click.echo(f"  {citation.audience}: {citation.number}, {citation.policy_title}")
    if len(policies) > _SHOWN:
        click.echo(f"  … and {len(policies) - _SHOWN} more")
    click.echo(f"Look first at {url}/policies and {url}/cds-services; stop with Ctrl-C.")
