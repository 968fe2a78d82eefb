"""Asking the EHR. `Ehr` is the seam; whatever an EHR does, there is a Reply to every query by the deadline."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from cds_service.ehr.page import read_page
from cds_service.ehr.query import first_page, next_page, parse_query
from cds_service.fhir.resource import JsonObject
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.connection_limits import Line, Lines
from cds_service.outbound.problem import LATE, Problem
from cds_service.outbound.transport import Transport

MAX_PAGES = 10
MAX_QUERIES = 20
MAX_TOTAL = 8 << 20  # of one `ask`; small resources take ten times as much once read
AT_ONCE = 8
WORKERS = 64
SERVERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one query: its resources, all pages of them, or the problem why there are none.

    No problem and no resources: the EHR has looked and there is nothing.
    """

    query: str
    resources: tuple[JsonObject, ...] = ()
    problem: str = ""


class Ehr(Protocol):
    """An EHR's FHIR server."""

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        """A Reply to each relative URL such as `Coverage?patient=1`, in order, by `deadline` on the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """One `ask`: the queries nobody has taken up yet, by number, and the replies so far."""

    access: Access
    deadline: float
    waiting: deque[tuple[int, str]]
    replies: dict[int, Reply] = field(default_factory=dict)
    _sizes: list[int] = field(default_factory=list)

    def take(self) -> Iterator[tuple[int, str]]:
        """Queries, as long as there are any."""
        with suppress(IndexError):
            while True:
                yield self.waiting.popleft()

    def check_size(self, body: bytes) -> None:
        """Pass an answer if those so far are not too large together; raise a Problem if they are."""
        self._sizes.append(len(body))
        if sum(self._sizes) > MAX_TOTAL:
            raise Problem("the answers together are too large")


class RequestsEhr:
    """EHRs over HTTP: those in `allowed`, by base address, or with an empty list those on this machine.

    A query has at most `MAX_PAGES` pages of `MAX_RESPONSE` bytes, a call `MAX_TOTAL` bytes. All calls together have at
    most `at_once` requests under way to one EHR; one that finds none free is refused at once, so that a slow EHR holds
    up only its own.
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
        self._transport = Transport(
            ca_file=ca_file, servers=SERVERS, connections=at_once, clock=clock
        )
        self._lines = Lines(lanes=at_once, clock=clock)
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="ehr")

    def close(self) -> None:
        """Wait for what is under way, which ends by its deadline, and let go of threads and connections."""
        self._workers.shutdown(cancel_futures=True)
        self._transport.close()

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        """A Reply to each query, in order, by `deadline`. Whatever the EHR does is in the Reply, never raised."""
        waiting = deque(enumerate(queries[:MAX_QUERIES]))
        errand = _Errand(access=access, deadline=deadline, waiting=waiting)
        try:
            check_access(access, self._allowed)
            self._run(errand)
            missing = LATE
        except Problem as problem:
            missing = str(problem)
        return tuple(
            errand.replies.get(n) or self._missing(n, query, missing)
            for n, query in enumerate(queries)
        )

    def _missing(self, number: int, query: str, problem: str) -> Reply:
        too_many = f"more than {MAX_QUERIES} queries at once"
        return Reply(query=query, problem=problem if number < MAX_QUERIES else too_many)

    def _run(self, errand: _Errand) -> None:
        line = self._lines.to(errand.access.base.rstrip("/"))
        lanes = line.take(len(errand.waiting))
        if errand.waiting and not lanes:
            raise Problem("too many requests to this EHR are under way")
        workers = [self._workers.submit(self._work, errand, line) for _ in range(lanes)]
        done, late = wait(workers, timeout=max(0.0, errand.deadline - self._clock()))
        for worker in late:
            if worker.cancel():
                line.give_back()
        for worker in done:
            worker.result()  # raises what is a fault of ours

    def _work(self, errand: _Errand, line: Line) -> None:
        try:
            for number, query in errand.take():
                errand.replies[number] = self._reply(query, errand, line)
        finally:
            line.give_back()

    def _reply(self, query: str, errand: _Errand, line: Line) -> Reply:
        try:
            return Reply(query=query, resources=self._read(query, errand, line))
        except Problem as problem:
            return Reply(query=query, problem=str(problem))

    def _read(self, text: str, errand: _Errand, line: Line) -> tuple[JsonObject, ...]:
        """Every resource on every page: half a search is worse than none, for it looks whole."""
        query, found = parse_query(text), list[JsonObject]()
        url = first_page(errand.access.base, query)
        for _ in range(MAX_PAGES):
            with line.breaker.guard():
                answer = self._transport.get(url, errand.access, errand.deadline)
            errand.check_size(answer.body)
            page = read_page(answer, query)
            found.extend(page.resources)
            if not page.next:
                return tuple(found)
            url = next_page(url, page.next)
        raise Problem(f"more than {MAX_PAGES} pages")
