"""One GET over HTTP: the whole answer by the deadline, or the cause why there is none.

An adapter without a Session has no redirects, cookies, proxies, netrc or environment that would need turning off.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import IncompleteRead

from requests import PreparedRequest, Request, Response
from requests.exceptions import RequestException
from urllib3 import Timeout
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from cds_service.outbound.access import Access, check_origin
from cds_service.outbound.problem import LATE, Problem, Unwell
from cds_service.outbound.sockets import PunctualAdapter, StaleConnection

MAX_RESPONSE = 2 << 20
_PIECE = 1 << 16

_HEADERS = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": "identity",  # what is small on the wire is small in memory
    "User-Agent": "crd-service",
}
_TROUBLE = frozenset({429, *range(500, 600)})
# X509_V_ERR_HOSTNAME_MISMATCH and its like for mail and IP addresses; OpenSSL's own words would name the host.
_ANOTHER_HOST = (62, 63, 64)
# The first row that knows an exception in the chain wins; to urllib3 a refused connection is a late one, too.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "the EHR's name leads nowhere"),
    (ConnectionRefusedError, "the EHR refuses connections"),
    (ConnectionError, "the connection broke"),
    (IncompleteRead, "the answer breaks off"),
    (TimeoutError, LATE),
    (Urllib3Timeout, LATE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came over HTTP."""

    status: int
    body: bytes


class Transport:
    """Gets addresses of EHRs. Connections are kept for the next call."""

    def __init__(
        self, *, ca_file: str, servers: int, connections: int, clock: Callable[[], float]
    ) -> None:
        self._adapter = PunctualAdapter(ca_file=ca_file, servers=servers, connections=connections)
        self._clock = clock
        # urllib3 logs whole addresses, and those name patients.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def close(self) -> None:
        """Let go of the connections kept."""
        self._adapter.close()

    def get(self, url: str, access: Access, deadline: float) -> Answer:
        """What the EHR answers.

        Raises:
            Unwell: it does not, or not in time, or not over TLS we trust, or says itself that it is in trouble.
            Problem: there is an answer that may not be read, or no question that may be asked.
        """
        request = _prepare(url, access)
        with suppress(StaleConnection):
            return self._try(request, access, deadline)
        return self._try_again(request, access, deadline)

    def _try_again(self, request: PreparedRequest, access: Access, deadline: float) -> Answer:
        try:
            return self._try(request, access, deadline)
        except StaleConnection as error:
            raise Unwell("the connection broke") from error

    def _try(self, request: PreparedRequest, access: Access, deadline: float) -> Answer:
        patience = self._patience(access, deadline)
        try:
            # The stubs of requests leave out that it takes urllib3's Timeout.
            response = self._adapter.send(request, stream=True, timeout=patience)  # type: ignore[arg-type]
            with closing(response):
                return _read(response)
        except (RequestException, HTTPError) as error:
            raise Unwell(_cause(error)) from error

    def _patience(self, access: Access, deadline: float) -> Timeout:
        now = self._clock()
        if now >= access.expires:
            raise Problem("the access token has expired")
        if now >= deadline:
            raise Problem(LATE)
        # The token leaves once connected, so it must not take longer to connect than the token lives.
        return Timeout(connect=min(access.expires, deadline) - now, total=deadline - now)


def _prepare(url: str, access: Access) -> PreparedRequest:
    token = {"Authorization": f"Bearer {access.token}"} if access.token else {}
    try:
        request = Request("GET", url, headers={**_HEADERS, **token}).prepare()
    except (RequestException, ValueError) as error:
        raise Problem("an address that cannot be asked") from error
    check_origin(request.url or "", access.base)  # as it will be sent, not as it was written
    return request


def _read(response: Response) -> Answer:
    status = response.status_code
    if status in _TROUBLE:
        raise Unwell(f"the EHR answers {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("the answer is compressed, which we did not ask for")
    body = bytearray()
    while piece := response.raw.read(_PIECE, decode_content=False):
        body += piece
        if len(body) > MAX_RESPONSE:
            raise Problem("the answer is too large")
    return Answer(status=status, body=bytes(body))


def _cause(error: BaseException) -> str:
    chain = tuple(_chain(error))
    for one in chain:
        if isinstance(one, ssl.SSLError):
            return _tls_cause(one)
    known = (words for kind, words in _CAUSES for one in chain if isinstance(one, kind))
    return next(known, "no HTTP answer")


def _tls_cause(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {(error.reason or 'cut short').lower().replace('_', ' ')}"
    flaw = "it is for another host" if error.verify_code in _ANOTHER_HOST else error.verify_message
    return f"the EHR's certificate is refused: {flaw}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
