"""Connections on which no answer outlives its time, and on which a stale one is told from a broken one.

requests' timeouts are for each read, so an EHR that sends a byte a second would keep a worker for ever.
"""

import socket
import ssl
from time import monotonic
from typing import Any

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_LEAST = 0.001  # a timeout of nothing would mean "do not block"


class StaleConnection(Exception):
    """A kept connection was gone before it gave a byte of an answer: nothing is known against the EHR."""


class _Punctual(socket.socket):
    """A socket whose timeout is for all that is received from then on, not for each piece of it."""

    _until: float | None = None

    def settimeout(self, value: float | None, /) -> None:
        self._until = None if value is None else monotonic() + value
        super().settimeout(value)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self._until is not None:
            super().settimeout(_left(self._until))
        return super().recv_into(*args, **kwargs)


class _PunctualTls(_Punctual, ssl.SSLSocket):
    """The same over TLS."""


class _Connection(HTTPConnection):
    """A connection that takes one timeout for finding a way to the EHR, however many steps that needs."""

    _answered = False

    def connect(self) -> None:
        self._answered = False
        super().connect()

    def _new_conn(self) -> socket.socket:
        until = monotonic() + (self.timeout or 0)
        punctual = _Punctual(fileno=super()._new_conn().detach())
        punctual.settimeout(_left(until))
        return punctual

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        try:
            response = super().getresponse()
        except ConnectionError as error:
            if self._answered:
                raise StaleConnection from error
            raise
        self._answered = True
        return response


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class PunctualAdapter(HTTPAdapter):
    """requests' adapter over such connections; it trusts the authorities in `ca_file`, by default requests' own."""

    def __init__(self, *, ca_file: str, servers: int, connections: int) -> None:
        self._tls = _tls_context(ca_file or DEFAULT_CA_BUNDLE_PATH)
        super().__init__(pool_connections=servers, pool_maxsize=connections)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """Nothing to add: the context verifies, and reading its authorities again takes 20 ms a connection."""


def _tls_context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _PunctualTls
    return context


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return max(left, _LEAST)
