"""Requests that try out a client's configuration, to its registered addresses and no others."""

import time
from collections.abc import Callable
from datetime import datetime

from cds_service.access.clients import Client
from cds_service.access.key_source import reach_of
from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.certificates import certificate_end
from cds_service.outbound.reach import Reach
from cds_service.outbound.response import HttpResponse
from cds_service.outbound.sockets import DeadlineAdapter
from cds_service.outbound.transport import Transport

SECONDS = 10.0  # for a request; a person waits
_OK = 200


class Prober:
    """Sends requests as the running service would send them; `clock` is monotonic, in seconds.

    It trusts the authorities in the PEM file `ca_file`, by default requests' own.
    """

    def __init__(self, *, ca_file: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._ca_file = ca_file
        self._clock = clock
        self._transports: dict[Reach, Transport] = {}

    def close(self) -> None:
        """Let go of the connections kept."""
        for transport in self._transports.values():
            transport.close()

    def get_keys(self, client: Client) -> HttpResponse:
        """What is at the client's `jku`.

        Raises:
            RequestFailed: nothing that can be used; the message is a short cause.
        """
        return self._get(client.jku, client.jku, client, "", reach_of(client))

    def get_fhir(self, server: str, path: str, client: Client, token: str = "") -> HttpResponse:
        """What is at a path of one of the client's FHIR servers.

        Raises:
            RequestFailed: nothing that can be used; the message is a short cause.
        """
        return self._get(f"{server}/{path}", server, client, token, Reach.ANYWHERE)

    def certificate_end(self, url: str) -> datetime | None:
        """Until when the certificate at an address that has just responded is valid.

        Raises:
            RequestFailed: it is not to be had.
        """
        return certificate_end(url, ca_file=self._ca_file, seconds=SECONDS)

    def _get(self, url: str, base: str, client: Client, token: str, reach: Reach) -> HttpResponse:
        access = Access(
            base=base,
            token=token,
            expires=float("inf"),
            allowed=frozenset({base.rstrip("/")}),
            is_test=client.is_test,
        )
        check_access(access, ())
        response = self._transport(reach).get(url, access, self._clock() + SECONDS)
        if response.status != _OK:
            raise RequestFailed(f"HTTP status {response.status}")
        return response

    def _transport(self, reach: Reach) -> Transport:
        if reach not in self._transports:
            adapter = DeadlineAdapter(ca_file=self._ca_file, servers=8, connections=1, reach=reach)
            self._transports[reach] = Transport(
                adapter, accept="application/fhir+json, application/json", clock=self._clock
            )
        return self._transports[reach]
