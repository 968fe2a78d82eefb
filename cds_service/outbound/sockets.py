"""Connections that keep a deadline, and that tell a stale connection from a broken one.

The timeouts of requests and urllib3 are for each read, so that a server that sends a byte a second
would keep a worker for ever. Here a timeout starts once and covers all reads until the next one is
set: urllib3 sets one to connect, and one for what is left of the total when it awaits the response.
"""

import socket
import ssl
from functools import partial
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from cds_service.errors import SettingError, StaleConnection
from cds_service.outbound.reach import Reach, reachable

_LEAST = 0.001  # seconds; a timeout of nothing would mean "do not block"


class _DeadlineSocket(socket.socket):
    """A socket whose timeout, in seconds, covers all that is received from then on."""

    _deadline: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        self._deadline = None if value is None else monotonic() + value
        super().settimeout(value)

    # http.client reads through a file object, which calls nothing but this, over TLS too.
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self._deadline is not None:
            # Not `self.settimeout`: that would start the time again with each piece.
            super().settimeout(_seconds_left(self._deadline))
        return super().recv_into(*args, **kwargs)


class _DeadlineTlsSocket(_DeadlineSocket, ssl.SSLSocket):
    """The same over TLS. A handshake needs no more: to `ssl`, the timeout is for all of it."""


class _Connection(HTTPConnection):
    """A connection with one timeout for all steps to the server; a broken one may prove stale."""

    _has_responded = False

    def __init__(self, *args: Any, reach: Reach = Reach.ANYWHERE, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reach = reach

    def connect(self) -> None:
        # urllib3 opens a connection that has ended again, as the same object.
        self._has_responded = False
        super().connect()

    def _new_conn(self) -> socket.socket:
        # The TLS handshake has what finding the address and connecting leave of the timeout.
        deadline = monotonic() + (self.timeout or 0)
        # urllib3 has no say in the class of its sockets, so the open one changes hands.
        connected = _DeadlineSocket(fileno=self._connect_within_reach(deadline).detach())
        connected.settimeout(_seconds_left(deadline))
        return connected

    def _connect_within_reach(self, deadline: float) -> socket.socket:
        """A connection to the first address of the host that takes one."""
        name, failures = self.host, list[HTTPError]()
        for address in reachable(name, self.port, self._reach):
            # urllib3 would look the name up again and might find another address than we checked.
            # TLS and the Host header are about the name all the same: they come later.
            self.host, self.timeout = address, _seconds_left(deadline)
            try:
                return super()._new_conn()
            except HTTPError as error:
                failures.append(error)
            finally:
                self.host = name
        raise failures[-1]

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        try:
            response = super().getresponse()
        except ConnectionError as error:
            # A server closes an idle connection when it likes, perhaps just as we send. Only where
            # there was a response before can it be that; a new connection that breaks is broken.
            if self._has_responded:
                raise StaleConnection from error
            raise
        self._has_responded = True
        return response


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter over such connections; it keeps `connections` open to each of `servers`.

    It trusts the authorities in the PEM file `ca_file`, by default requests' own, and connects no
    further than `reach`.

    Raises:
        SettingError: `ca_file` holds no authorities.
    """

    def __init__(
        self, *, ca_file: str, servers: int, connections: int, reach: Reach = Reach.ANYWHERE
    ) -> None:
        self._tls = _tls_context(ca_file or DEFAULT_CA_BUNDLE_PATH)
        self._reach = reach
        super().__init__(pool_connections=servers, pool_maxsize=connections)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, reach=self._reach),
            "https": partial(_TlsPool, reach=self._reach),
        }

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Nothing to add: the context verifies.

        requests would have the authorities read again, which takes 20 ms a connection.
        """


def _tls_context(ca_file: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        problem = f"`{ca_file}` is no PEM file of certificates: {error.strerror or error}"
        raise SettingError("ca_file", problem) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _DeadlineTlsSocket
    return context


def _seconds_left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return max(left, _LEAST)
