"""A generation of workers: reads the policies once, then forks those who answer by them."""

import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from cds_service.app.clock import utc_now
from cds_service.app.revision import read_revision
from cds_service.audit.log import NoLog
from cds_service.cli.refused_start import refuse_start
from cds_service.cli.serving import (
    find_directories,
    find_orders,
    listen,
    open_usable_memory,
    welcome,
)
from cds_service.cli.start import start_in_service
from cds_service.cli.worker import Inheritance, answer_calls
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.processes.cores import count_cores
from cds_service.web.processes.counted import WORKER, Losses, remove_directory
from cds_service.web.processes.generation import Generation
from cds_service.web.processes.link import Link, inherit_link
from cds_service.web.processes.post import Post
from cds_service.web.processes.shares import make_shares
from cds_service.web.processes.vigil import Vigil
from cds_service.web.snapshots import Snapshots

_IGNORED = (signal.SIGHUP, signal.SIGUSR2)  # until somebody listens for them


def serve_in_workers(settings: Settings, inherited: str) -> None:
    """Have workers serve until the supervisor says stop, or ends; in a worker: answer calls.

    `inherited` are the descriptors of the listening socket and of the link, our number, and the
    directory of what is counted, empty if there is none.
    """
    for number in _IGNORED:
        signal.signal(number, lambda _number, _frame: None)
    *numbers, directory = inherited.split(",", 3)
    listening, link, generation = map(int, numbers)
    counted = Path(directory) if directory else None
    bound = socket.socket(fileno=listening)
    bound.set_inheritable(False)
    above = inherit_link(link)
    start = _read(replace(settings, port=bound.getsockname()[1]))
    losses = Losses(Snapshots(counted, f"{generation}"), WORKER)
    ending = partial(remove_directory, counted)
    if post := _tend(start, above, bound, losses, ending):
        answer_calls(start, post, bound, Snapshots(counted, f"{generation}-{post.place}"))


def _read(settings: Settings) -> Inheritance:
    """What all workers begin with; nothing of it holds the world, and no thread is left."""
    with closing(open_usable_memory(settings)) as memory:
        directories = find_directories(settings)
        known = directories.fingerprint()
        orders = find_orders(settings, memory)
        service = start_in_service(orders, settings, memory, None)
    apart = service.joined(log=NoLog(), ehr=None, audit_key=b"")
    revision = read_revision(apart, utc_now())
    warm_up(apart.pipelines.values())
    if threading.active_count() > 1:
        refuse_start("the database does not respond; start again once it does")
    return Inheritance(
        settings=settings,
        directories=directories,
        known=known,
        orders=orders,
        revision=revision,
        shares=make_shares(settings.workers or count_cores()),
    )


def _tend(
    start: Inheritance,
    above: Link,
    bound: socket.socket,
    losses: Losses,
    ending: Callable[[], None],
) -> Post | None:
    """The post of a new worker; in the generation itself, its end, before `ending` as an orphan."""

    def ended(place: int) -> None:
        start.shares[place].leave()

    generation = Generation(
        len(start.shares),
        above,
        listen=partial(listen, bound, start.settings),
        shut=bound.close,
        ended=ended,
        lost=losses.count,
        welcome=partial(welcome, start.revision.service, start.settings),
        vigil=Vigil(lambda place: start.shares[place].beats),
    )
    sys.stdout.flush()
    sys.stderr.flush()
    # What is there now is not searched any more: to search it would write in it, and unshare it.
    gc.collect()
    gc.freeze()
    if post := generation.run():
        return post
    if generation.is_orphan:
        ending()
    if generation.refusal:
        refuse_start(generation.refusal)
    sys.exit(generation.status)
