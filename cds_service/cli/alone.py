"""One process that does it all: reads the policies and answers the calls."""

import socket
from contextlib import closing
from dataclasses import replace
from functools import partial

from cds_service.app.memory import Memory
from cds_service.app.reloads import Workplace
from cds_service.app.service import Service
from cds_service.app.site import Site, open_site
from cds_service.cli.refused_start import start_errors
from cds_service.cli.serving import (
    find_directories,
    find_orders,
    limits_of,
    open_ehrs,
    welcome,
)
from cds_service.cli.start import start_in_service
from cds_service.ehr.client import RequestsEhr
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.server import serve_until_stopped


def serve_alone(settings: Settings, bound: socket.socket, memory: Memory) -> None:
    """Serve on this socket until stopped."""
    with closing(open_ehrs(settings)) as ehr:
        _serve(replace(settings, port=bound.getsockname()[1]), bound, memory, ehr)


def _serve(settings: Settings, bound: socket.socket, memory: Memory, ehr: RequestsEhr) -> None:
    directories = find_directories(settings)
    known = directories.fingerprint()  # what changes from here on is noticed, during the start too
    orders = find_orders(settings, memory)
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
            limits=limits_of(settings),
            ready=partial(welcome, service, settings),
            stopping=site.stopping,
            refused=site.count_refusal,
            hung_up=site.read_again,
        )


@start_errors()
def _site(service: Service, workplace: Workplace, ehr: RequestsEhr) -> Site:
    return open_site(service, workplace.settings, workplace.memory, ehr.circuits, workplace)
