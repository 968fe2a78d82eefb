"""Asking the EHR; `Ehr` is the seam. Whatever an EHR does, queries have replies by the deadline."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from cds_service.crd.request.reply import Reply
from cds_service.ehr.page import read_page
from cds_service.ehr.query import first_page, next_page, parse_query
from cds_service.errors import RequestFailed
from cds_service.fhir.resource import JsonObject
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.requester import Requester
from cds_service.outbound.response import LATE, HttpResponse
from cds_service.outbound.servers import Server, Servers

MAX_PAGES = 10  # of one query
MAX_QUERIES = 20  # of one `ask`
MAX_TOTAL = 8 << 20  # bytes of one `ask`; small resources take ten times as much once read
AT_ONCE = 8  # requests to one EHR
WORKERS = 64
SERVERS = 64  # whose connections are kept


class Ehr(Protocol):
    """An EHR's FHIR server."""

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        """A Reply to each relative URL such as `Coverage?patient=1`, in order.

        They come by `deadline`, in seconds of the monotonic clock.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One `ask`: the queries that wait for a worker, and the replies so far by query."""

    access: Access
    deadline: float
    waiting: deque[str]
    replies: dict[str, Reply] = field(default_factory=dict)
    # Of the responses so far, in bytes. Workers can append to a list without a lock.
    _sizes: list[int] = field(default_factory=list)

    def take(self) -> Iterator[str]:
        """Queries that no other worker has taken, as long as there are any."""
        with suppress(IndexError):
            while True:
                yield self.waiting.popleft()

    def check_size(self, response: HttpResponse) -> None:
        """Pass a response if those so far are not too large together.

        Raises:
            RequestFailed: they are.
        """
        self._sizes.append(len(response.body))
        if sum(self._sizes) > MAX_TOTAL:
            raise RequestFailed("the responses together are too large")


class RequestsEhr:
    """EHRs over HTTP: those in `allowed`, by base address, or if it is empty those on this machine.

    A query has at most `MAX_PAGES` pages, an `ask` at most `MAX_TOTAL` bytes. All calls together
    have at most `at_once` requests under way to one EHR; a call that finds no connection free waits
    for one as ConnectionLimit has it, so that a slow EHR holds up only its own.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        *,
        ca_file: str = "",
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = frozenset(allowed)
        self._clock = clock
        self._requester = Requester(
            accept="application/fhir+json",
            servers=SERVERS,
            connections=at_once,
            clock=clock,
            ca_file=ca_file,
        )
        self._servers = Servers(connections=at_once, clock=clock)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="ehr")

    def open(self) -> None:
        """Be ready for the first query, which has only its deadline to do that."""
        self._requester.open()

    def circuits(self) -> Mapping[str, int]:
        """How many EHRs there are by the state of their circuit breaker."""
        return self._servers.states()

    def close(self) -> None:
        """Wait for what is under way, which ends by its deadline, then let go of all held."""
        self._workers.shutdown(cancel_futures=True)
        self._requester.close()

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        """A Reply to each query, in order, by `deadline`; no failure of an EHR is raised."""
        asked, beyond = queries[:MAX_QUERIES], queries[MAX_QUERIES:]
        job = _Job(access=access, deadline=deadline, waiting=deque(asked))
        failure = LATE  # of what has no reply in the end
        try:
            check_access(access, self._allowed)
            self._run(job)
        except RequestFailed as error:
            failure = str(error)
        too_many = f"more than {MAX_QUERIES} queries at once"
        return (
            *(job.replies.get(query) or Reply(query=query, failure=failure) for query in asked),
            *(Reply(query=query, failure=too_many) for query in beyond),
        )

    def _run(self, job: _Job) -> None:
        """Have workers, one a connection, take queries until none waits or the deadline is over."""
        server = self._servers.at(job.access.server)
        left = job.deadline - self._clock()
        connections = server.connection_limit.acquire(len(job.waiting), left)
        if job.waiting and not connections:
            raise RequestFailed("too many requests to this server are under way")
        workers = [self._workers.submit(self._work, job, server) for _ in range(connections)]
        done, late = wait(workers, timeout=max(0.0, job.deadline - self._clock()))
        # The deadline holds here, whatever a worker does. A late one that has begun cannot be
        # stopped: the transport cuts it off by the same deadline, what it still writes into the job
        # nobody reads, and it releases its connection itself. One that never began cannot do that.
        for worker in late:
            if worker.cancel():
                server.connection_limit.release()
        for worker in done:
            worker.result()  # raises what is a fault of ours

    def _work(self, job: _Job, server: Server) -> None:
        try:
            for query in job.take():
                job.replies[query] = self._reply(query, job, server)
        finally:
            server.connection_limit.release()

    def _reply(self, query: str, job: _Job, server: Server) -> Reply:
        try:
            return Reply(query=query, resources=self._read(query, job, server))
        except RequestFailed as error:
            return Reply(query=query, failure=str(error))

    def _read(self, relative_url: str, job: _Job, server: Server) -> tuple[JsonObject, ...]:
        """Every resource on every page: half a search is worse than none, for it looks whole."""
        query, found = parse_query(relative_url), list[JsonObject]()
        url = first_page(job.access.server, query)
        for _ in range(MAX_PAGES):
            with server.circuit_breaker.guard(call=job, token=job.access.token):
                response = self._requester.get(url, job.access, job.deadline)
            job.check_size(response)
            page = read_page(response, query)
            found.extend(page.resources)
            if not page.next:
                return tuple(found)
            url = next_page(url, page.next)
        raise RequestFailed(f"more than {MAX_PAGES} pages")
