"""One process that does it all: reads the policies and answers the calls."""

import logging
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from threading import Thread

from cds_service.app.memory import Memory
from cds_service.app.reloads import Workplace
from cds_service.app.service import Service
from cds_service.app.site import Site, open_site
from cds_service.cli.refused_start import start_errors
from cds_service.cli.serving import (
    find_directories,
    find_orders,
    limits_of,
    listen,
    open_ehrs,
    open_usable_memory,
    welcome,
)
from cds_service.cli.start import start_in_service
from cds_service.cli.starting import stoppable_start
from cds_service.ehr.client import RequestsEhr
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.server import serve_until_stopped

_LOG = logging.getLogger("cds_service.cli")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """What is ready to serve."""

    settings: Settings
    bound: socket.socket
    service: Service
    ehr: RequestsEhr
    site: Site


def serve_alone(settings: Settings, bind: Callable[[Settings], socket.socket]) -> None:
    """Serve until stopped, on the socket that `bind` gives."""
    _refuse_renewals()
    with ExitStack() as opened:
        with stoppable_start():
            ready = _open(settings, bind, opened)
        _listen(ready)
        ready.site.start()
        serve_until_stopped(
            ready.site.app,
            ready.bound,
            limits=limits_of(settings),
            ready=partial(_begin, ready),
            stopping=ready.site.stopping,
            refused=ready.site.count_refusal,
            hung_up=ready.site.read_again,
        )


def _open(
    settings: Settings, bind: Callable[[Settings], socket.socket], opened: ExitStack
) -> _Ready:
    """All that serving takes; closed with the stack `opened`."""
    memory = opened.enter_context(closing(open_usable_memory(settings)))
    bound = opened.enter_context(closing(bind(settings)))
    settings = replace(settings, port=bound.getsockname()[1])
    ehr = opened.enter_context(closing(open_ehrs(settings)))
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
    site = opened.enter_context(closing(_site(service, workplace, memory, ehr)))
    warm_up(service.pipelines.values())
    return _Ready(settings=settings, bound=bound, service=service, ehr=ehr, site=site)


def _begin(ready: _Ready) -> None:
    """What can wait until probes are answered, and need not wait for the first query."""
    welcome(ready.service, ready.settings)
    Thread(target=ready.ehr.open, name="ehr-opening", daemon=True).start()


@start_errors()
def _site(service: Service, workplace: Workplace, memory: Memory, ehr: RequestsEhr) -> Site:
    return open_site(service, workplace.settings, memory, ehr.circuits, workplace)


@start_errors()
def _listen(ready: _Ready) -> None:
    listen(ready.bound, ready.settings)


def _refuse_renewals() -> None:
    """From now on SIGUSR2 gets a line of log; unheard, it would end the service."""
    asked = SimpleQueue[int]()

    def refuse() -> None:
        while asked.get():
            _LOG.warning(
                "one process cannot load new code beside itself: restart it, or run two `workers`",
                extra={"event": "renewal"},
            )

    # A handler may not log, since it may have interrupted the logging; to a queue it may write.
    signal.signal(signal.SIGUSR2, lambda number, _frame: asked.put(number))
    Thread(target=refuse, name="renewals", daemon=True).start()
