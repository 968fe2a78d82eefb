"""Requests to other servers, by a transport that is opened for the first of them.

To import requests and to read whom it trusts takes a tenth of a service's start, and one whose EHRs
prefetch everything may never send any.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Protocol

from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access
from cds_service.outbound.reach import Reach
from cds_service.outbound.response import MAX_RESPONSE, HttpResponse


class _Transport(Protocol):
    """What sends them (see `transport`)."""

    def get(self, url: str, access: Access, deadline: float) -> HttpResponse:
        """The response of the server."""

    def post(self, url: str, access: Access, body: bytes, deadline: float) -> HttpResponse:
        """The response to a text."""

    def close(self) -> None:
        """Let go of the connections kept."""


class Requester:
    """Sends requests over connections that keep a deadline (see `DeadlineAdapter`, `Transport`).

    Raises:
        SettingError: there is a `ca_file`, and it holds no authorities.
    """

    def __init__(
        self,
        *,
        accept: str,
        servers: int,
        connections: int,
        clock: Callable[[], float],
        ca_file: str = "",
        reach: Reach = Reach.ANYWHERE,
        max_response: int = MAX_RESPONSE,
    ) -> None:
        self._make = partial(
            _open,
            accept=accept,
            servers=servers,
            connections=connections,
            clock=clock,
            ca_file=ca_file,
            reach=reach,
            max_response=max_response,
        )
        self._opening, self._opened, self._is_closed = Lock(), list[_Transport](), False
        if ca_file:  # what is wrong with it keeps a service from starting
            self.open()

    def open(self) -> None:
        """Be ready to send: the first request waits for that otherwise, by its own deadline."""
        with suppress(RequestFailed):  # it has been closed
            self._transport()

    def get(self, url: str, access: Access, deadline: float) -> HttpResponse:
        """See `Transport.get`; raises RequestFailed."""
        return self._transport().get(url, access, deadline)

    def post(self, url: str, access: Access, body: bytes, deadline: float) -> HttpResponse:
        """See `Transport.post`; raises RequestFailed."""
        return self._transport().post(url, access, body, deadline)

    def close(self) -> None:
        """Let go of the connections kept, if there ever were any.

        Waits for a thread that opens just now: a process that ends while TLS is being loaded would
        crash. None opens after that.
        """
        with self._opening:
            self._is_closed = True
            for transport in self._opened:
                transport.close()

    def _transport(self) -> _Transport:
        with self._opening:
            if self._is_closed:
                raise RequestFailed("this service is stopping")
            if not self._opened:
                self._opened.append(self._make())
            return self._opened[0]


def _open(
    *,
    accept: str,
    servers: int,
    connections: int,
    clock: Callable[[], float],
    ca_file: str,
    reach: Reach,
    max_response: int,
) -> _Transport:
    from cds_service.outbound.sockets import DeadlineAdapter  # noqa: PLC0415  # slow to import
    from cds_service.outbound.transport import Transport  # noqa: PLC0415

    adapter = DeadlineAdapter(
        ca_file=ca_file, servers=servers, connections=connections, reach=reach
    )
    return Transport(adapter, accept=accept, clock=clock, max_response=max_response)
