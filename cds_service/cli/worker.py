"""A worker: one of several processes that answer calls on one socket, by policies read once."""

import socket
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Thread

from cds_service.app.clock import utc_now
from cds_service.app.garbage import set_aside
from cds_service.app.memory import Memory, reopen_memory
from cds_service.app.orders import Orders
from cds_service.app.reloads import Siblings, Workplace
from cds_service.app.revision import Revision, read_revision
from cds_service.app.service import assemble_service
from cds_service.app.site import Site, open_site_of
from cds_service.cli.refused_start import start_errors
from cds_service.cli.serving import limits_of, open_ehrs
from cds_service.ehr.client import RequestsEhr
from cds_service.errors import ArtifactError, NotThereYet, SetRefused, StartError
from cds_service.live.kept_sets import read_kept
from cds_service.live.reading import Fingerprint, LibraryDirectories
from cds_service.outbound import sockets as _sockets  # noqa: F401  # before the fork: all share it
from cds_service.settings import Settings
from cds_service.warm_up import warm_up
from cds_service.web.processes.link import Link, Word
from cds_service.web.processes.post import Post
from cds_service.web.processes.shares import Share
from cds_service.web.server import Stop, serve_until_stopped
from cds_service.web.snapshots import Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """What a worker begins with: the policies as they were read, joined to no world yet.

    `known` are the files before that, and `orders` what the store demanded then; `shares` are of
    all workers, by their places.
    """

    settings: Settings
    directories: LibraryDirectories
    known: Fingerprint
    orders: Orders
    revision: Revision
    shares: Sequence[Share]


def answer_calls(
    start: Inheritance, post: Post, bound: socket.socket, snapshots: Snapshots
) -> None:
    """Answer calls on this socket until told to stop; `snapshots` are of all workers' metrics."""
    settings = start.settings
    with (
        closing(_memory(settings)) as memory,
        closing(open_ehrs(settings)) as ehr,
        closing(_site(start, post, memory, ehr)) as site,
    ):
        site.metrics.join(snapshots)
        if not post.await_go():
            return
        site.start()
        serve_until_stopped(
            site.app,
            bound,
            limits=limits_of(settings),
            ready=partial(post.link.send, Word.LISTENING),
            stopping=site.stopping,
            refused=site.count_refusal,
            hung_up=site.read_again,
            stoppable=partial(_attend, post.link, site),
            again=_wait_all_the_same,
            share=start.shares[post.place],
        )


@start_errors()
def _memory(settings: Settings) -> Memory:
    return reopen_memory(settings)


@start_errors()
def _site(start: Inheritance, post: Post, memory: Memory, ehr: RequestsEhr) -> Site:
    workplace = Workplace(
        settings=start.settings,
        memory=memory,
        ehr=ehr,
        directories=start.directories,
        known=start.known,
        warm_up=warm_up,
        orders=start.orders,
        siblings=Siblings(
            read_again=partial(post.link.send, Word.READ_AGAIN),
            has_read=partial(post.link.send, Word.HAS_READ),
            serving=partial(post.link.send, Word.SERVING),
        ),
    )
    revision = _revision(start, post, memory, ehr)
    return open_site_of(revision, start.settings, memory, ehr.circuits, workplace)


def _revision(start: Inheritance, post: Post, memory: Memory, ehr: RequestsEhr) -> Revision:
    """What the other workers serve: what was read at the start, or what has come since.

    Raises:
        StartError: the set that has come since cannot be had.
    """
    revision = start.revision
    if post.digest in ("", revision.digest):
        service = revision.service.joined(log=memory.answers, ehr=ehr, audit_key=memory.audit_key)
        return revision.joined(service)
    try:
        policies = read_kept(memory.log.engine, post.digest)
    except (ArtifactError, NotThereYet, SetRefused) as error:
        raise StartError(f"the set of policies in service cannot be read: {error}") from error
    with set_aside():
        service = assemble_service(
            policies.library,
            start.settings,
            ehr=ehr,
            log=memory.answers,
            audit_key=memory.audit_key,
        )
        warm_up(service.pipelines.values())
        return read_revision(service, utc_now())


def _attend(link: Link, site: Site, stop: Stop) -> None:
    """Do from now on what those above say; without them, end."""

    def attend() -> None:
        while (words := link.hear()) is not None:
            for word, _ in words:
                if word == Word.STOP:
                    stop()
                elif word == Word.READ_AGAIN:
                    site.read_again()
        stop()

    # A daemon: it waits for words for as long as this process lives.
    Thread(target=attend, name="worker-orders", daemon=True).start()


def _wait_all_the_same(_number: int) -> None:
    """A second signal changes nothing here: whoever wants all to end at once tells the supervisor.

    A service manager signals every process, and the supervisor passes its own signal on.
    """
