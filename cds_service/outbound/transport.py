"""One GET over HTTP: the whole response by the deadline, or the cause why there is none.

An adapter without a Session has no redirects, cookies, proxies, netrc or environment that would
need turning off.
"""

import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import IncompleteRead
from typing import Any

from requests import PreparedRequest, Request, Response
from requests.adapters import BaseAdapter
from requests.exceptions import RequestException
from urllib3 import Timeout
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as Urllib3Timeout

from cds_service.errors import RequestFailed, ServerFailed, StaleConnection
from cds_service.outbound.access import Access, check_origin
from cds_service.outbound.response import LATE, MAX_RESPONSE, HttpResponse

_PIECE = 1 << 16  # bytes

_TROUBLE = frozenset({429, *range(500, 600)})
# X509_V_ERR_HOSTNAME_MISMATCH and its like for mail and IP addresses, where OpenSSL's own words
# would name the host.
_ANOTHER_HOST = (62, 63, 64)
# The first row that knows an exception in the chain wins: to urllib3 a refused connection is late.
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "the server's name leads nowhere"),
    (ConnectionRefusedError, "the server refuses connections"),
    (ConnectionError, "the connection broke"),
    (IncompleteRead, "the response breaks off"),
    (TimeoutError, LATE),
    (Urllib3Timeout, LATE),
)


class Transport:
    """Gets addresses over `adapter`, which keeps connections for the next request.

    `accept` is the media type to ask for; `clock` is monotonic, in seconds; a response has at most
    `max_response` bytes.
    """

    def __init__(
        self,
        adapter: BaseAdapter,
        *,
        accept: str,
        clock: Callable[[], float],
        max_response: int = MAX_RESPONSE,
    ) -> None:
        self._adapter = adapter
        self._accept = accept
        self._clock = clock
        self._max_response = max_response
        # urllib3 logs whole addresses, and those name patients.
        logging.getLogger("urllib3").setLevel(logging.ERROR)

    def close(self) -> None:
        """Let go of the connections kept."""
        self._adapter.close()

    def get(self, url: str, access: Access, deadline: float) -> HttpResponse:
        """The response of the server, whatever its status, by `deadline` on the clock.

        Raises:
            ServerFailed: there is none, or none in time, or none over TLS we trust, or it says that
                the server is in trouble.
            RequestFailed: the response may not be read, or the request may not be sent.
        """
        request = _prepare(url, access, self._accept)
        with suppress(StaleConnection):
            return self._send(request, access, deadline)
        # Once more and no oftener; a GET does no harm if the first did reach the server.
        try:
            return self._send(request, access, deadline)
        except StaleConnection as error:
            raise ServerFailed(_cause(error)) from error

    def post(self, url: str, access: Access, body: bytes, deadline: float) -> HttpResponse:
        """The response to a text sent with POST, once: what came of a broken one is not known.

        Raises:
            RequestFailed: as `get` does.
        """
        try:
            return self._send(_prepare(url, access, self._accept, body), access, deadline)
        except StaleConnection as error:
            raise ServerFailed(_cause(error)) from error

    def _send(self, request: PreparedRequest, access: Access, deadline: float) -> HttpResponse:
        timeout = self._timeout(access, deadline)
        try:
            # The stubs of requests leave out that it takes urllib3's Timeout.
            patience: Any = timeout
            response = self._adapter.send(request, stream=True, timeout=patience)
            with closing(response):
                return _read(response, self._max_response)
        except (RequestException, HTTPError) as error:
            raise ServerFailed(_cause(error)) from error

    def _timeout(self, access: Access, deadline: float) -> Timeout:
        """The seconds a request has to connect, and all in all."""
        now = self._clock()
        if now >= access.expires:
            raise RequestFailed("the access token has expired")
        if now >= deadline:
            raise RequestFailed(LATE)
        # The token leaves once connected, so connecting must not take longer than the token lives.
        # Nor does it take longer than the total: urllib3 uses the smaller of the two.
        return Timeout(connect=access.expires - now, total=deadline - now)


def _prepare(url: str, access: Access, accept: str, body: bytes | None = None) -> PreparedRequest:
    """A GET, or where there is a body a POST of it as text."""
    headers = {
        "Accept": accept,
        "Accept-Encoding": "identity",  # what is small on the wire is small in memory
        "User-Agent": "crd-service",
    }
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    if access.trace_id:
        headers["traceparent"] = f"00-{access.trace_id}-{secrets.token_hex(8)}-01"
    if body is not None:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    try:
        method = "GET" if body is None else "POST"
        request = Request(method, url, headers=headers, data=body).prepare()
    except (RequestException, ValueError) as error:
        raise RequestFailed("an address that cannot be asked") from error
    check_origin(request.url or "", access.base)  # as it will be sent, not as it was written
    return request


def _read(response: Response, max_response: int) -> HttpResponse:
    status = response.status_code
    if status in _TROUBLE:
        raise ServerFailed(f"HTTP status {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestFailed("the response is compressed, which we did not ask for")
    body = bytearray()
    while piece := response.raw.read(_PIECE, decode_content=False):
        body += piece
        if len(body) > max_response:
            raise RequestFailed("the response is too large")
    return HttpResponse(status=status, body=bytes(body), date=response.headers.get("Date", ""))


def _cause(error: BaseException) -> str:
    """What lies behind an error of requests or urllib3, which wrap it several times over."""
    chain = tuple(_chain(error))
    for link in chain:
        if isinstance(link, ssl.SSLError):
            return _tls_cause(link)
    for kind, cause in _CAUSES:
        if any(isinstance(link, kind) for link in chain):
            return cause
    return "no HTTP response"


def _tls_cause(error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {(error.reason or 'cut short').lower().replace('_', ' ')}"
    flaw = "it is for another host" if error.verify_code in _ANOTHER_HOST else error.verify_message
    return f"the server's certificate is refused: {flaw}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
