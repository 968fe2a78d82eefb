"""Reading the policies of a FHIR server, with all that they lead to.

Only a server that the operator lists is asked, without a token; a redirect is not followed, and a
next page is read where it is under the same base address. A server may hold much else: what is
asked for is its PlanDefinitions, and then what those name, as long as there is more.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from urllib.parse import urlsplit

from cds_service.ehr.page import OK, read_page
from cds_service.ehr.query import first_page, next_page, parse_query
from cds_service.errors import ExchangeError, RequestFailed
from cds_service.exchange.incoming.delivery import LARGEST, Delivery, Unpacking, decode_strictly
from cds_service.exchange.incoming.server_queries import Wanted, wanted_by
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.response import HttpResponse
from cds_service.outbound.sockets import DeadlineAdapter
from cds_service.outbound.transport import Transport

MOST_PAGES = 1_000  # of one search
_SECONDS = 600.0  # for all of it
_SECONDS_A_REQUEST = 60.0
_POLICIES = Wanted(query="PlanDefinition?_count=100", is_meant=lambda _resource: True)

# Progress on a long read: how many resources so far.
Progress = Callable[[int], None]


def read_server(
    base: str,
    *,
    allowed: Collection[str],
    ca_file: str,
    clock: Callable[[], float],
    progress: Progress,
) -> Delivery:
    """What a FHIR server brings; `allowed` are the base addresses that may be asked.

    Where `allowed` is empty, that is any server on this machine. `clock` is monotonic, in seconds.

    Raises:
        ExchangeError: the server may not be asked, does not tell its policies, or tells more than
            is read.
    """
    access = Access(base=base.rstrip("/"), token="", expires=float("inf"))
    try:
        check_access(access, allowed)
    except RequestFailed as error:
        raise ExchangeError(f"{base}: {error}; list it with --policy-server") from error
    adapter = DeadlineAdapter(ca_file=ca_file, servers=1, connections=1)
    transport = Transport(
        adapter, accept="application/fhir+json", clock=clock, max_response=LARGEST
    )
    try:
        return _Reading(transport, access, clock, progress).read()
    finally:
        transport.close()


class _Reading:
    """One reading of a server: what is there so far, and what is still to be asked for."""

    def __init__(
        self,
        transport: Transport,
        access: Access,
        clock: Callable[[], float],
        progress: Progress,
    ) -> None:
        self._transport, self._access = transport, access
        self._clock, self._progress = clock, progress
        self._ends = clock() + _SECONDS
        self._unpacking = Unpacking()
        self._taken: set[str] = set()
        self._asked: set[str] = set()
        self._waiting: deque[Wanted] = deque()
        self._missed: list[Wanted] = []

    def read(self) -> Delivery:
        """All of it.

        Raises:
            ExchangeError: the policies cannot be read, or are more than is read.
        """
        try:
            for resource in self._ask(_POLICIES):
                self._take(resource)
        except RequestFailed as error:
            where = f"{self._access.base}/{_POLICIES.query}"
            raise ExchangeError(f"{where}: {error}") from error
        while self._waiting:
            wanted = self._waiting.popleft()
            if wanted.query not in self._asked:
                self._asked.add(wanted.query)
                self._follow(wanted)
        self._check_whole()
        return self._unpacking.delivery()

    def _follow(self, wanted: Wanted) -> None:
        """Take what is wanted; what cannot be had and is due, the check of the whole will miss."""
        try:
            for resource in list(self._ask(wanted)):
                if wanted.is_meant(resource):
                    self._take(resource)
        except RequestFailed as error:
            self._unpacking.pass_over(f"{self._access.base}/{wanted.query}", f"{error}")
            self._missed.append(wanted)

    def _check_whole(self) -> None:
        """Note the queries that failed though some of what they mean came by another way."""
        resources = [received.resource for received in self._unpacking.delivery().resources]
        for wanted in self._missed:
            if wanted.all_or_none and any(map(wanted.is_meant, resources)):
                problem = "only some of these came, and which of them counts depends on all"
                self._unpacking.fault(f"{self._access.base}/{wanted.query}", problem)

    def _take(self, resource: JsonObject) -> None:
        key = f"{read_key(resource)}"
        if key not in self._taken:
            self._taken.add(key)
            self._unpacking.take(f"{self._access.base}/{key}", resource)
            self._waiting += wanted_by(resource)

    def _ask(self, wanted: Wanted) -> Iterator[JsonObject]:
        query = parse_query(wanted.query)
        url, seen = first_page(self._access.server, query), set[str]()
        for _ in range(MOST_PAGES):
            seen.add(url)
            page = read_page(self._get(url), query)
            yield from page.resources
            self._progress(len(self._taken))
            if not page.next:
                return
            url = self._beside(next_page(url, page.next))
            if url in seen:
                raise RequestFailed("the next page is one that was read before")
        raise RequestFailed(f"more than {MOST_PAGES} pages")

    def _get(self, url: str) -> HttpResponse:
        deadline = min(self._ends, self._clock() + _SECONDS_A_REQUEST)
        response = self._transport.get(url, self._access, deadline)
        self._unpacking.count(len(response.body))
        if response.status == OK:
            try:
                decode_strictly(response.body)
            except ValueError as error:
                raise RequestFailed(f"{error}") from error
        return response

    def _beside(self, url: str) -> str:
        """A next page's address, if it is under the base address of the server."""
        path, base = urlsplit(url).path, urlsplit(self._access.server).path
        if path != base and not path.startswith(f"{base}/"):
            raise RequestFailed("the server sends us to another one")
        return url
