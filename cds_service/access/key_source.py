"""Where the keys of a client are fetched: its registered `jku`, and no other address."""

import time
from collections.abc import Callable, Iterable, Mapping

from cds_service.access.clients import Client
from cds_service.access.signing_keys import KeySet, parse_key_set
from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access, check_access
from cds_service.outbound.reach import Reach
from cds_service.outbound.requester import Requester

FETCH_SECONDS = 5.0  # for a key set, from name look-up to the last byte
MAX_KEY_SET = 256 << 10  # bytes; a hundred keys of RSA 4096 take 80 kB
_OK = 200
_MEDIA_TYPE = "application/jwk-set+json, application/json;q=0.9"


class KeySource:
    """Fetches the key sets of these clients over guarded HTTP.

    TLS with a certificate of an authority in `ca_file` (requests' own where it is empty), no
    redirect, no connection further than the client's own reach, no more than `seconds` for all of
    it. `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        clients: Iterable[Client],
        *,
        ca_file: str = "",
        seconds: float = FETCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        reaches = {reach_of(client) for client in clients if not client.keys}
        self._requesters: Mapping[Reach, Requester] = {
            reach: Requester(
                accept=_MEDIA_TYPE,
                servers=8,
                connections=1,
                clock=clock,
                ca_file=ca_file,
                reach=reach,
                max_response=MAX_KEY_SET,
            )
            for reach in reaches
        }

    def close(self) -> None:
        """Let go of the connections kept."""
        for requester in self._requesters.values():
            requester.close()

    def fetch(self, client: Client) -> KeySet:
        """The key set at the client's `jku`, in time.

        Raises:
            RequestFailed: there is none that can be used; the message is a short cause.
        """
        access = Access(
            base=client.jku,
            token="",
            expires=float("inf"),
            allowed=frozenset({client.jku.removesuffix("/")}),
            is_test=client.is_test,
        )
        check_access(access, ())
        requester = self._requesters[reach_of(client)]
        response = requester.get(client.jku, access, self._clock() + self._seconds)
        if response.status != _OK:
            raise RequestFailed(f"HTTP status {response.status}")
        try:
            return parse_key_set(response.body)
        except ValueError as error:
            raise RequestFailed(str(error)) from error


def reach_of(client: Client) -> Reach:
    """How far a connection for this client may lead."""
    if client.is_test:
        return Reach.ANYWHERE
    return Reach.PRIVATE if client.is_in_private_network else Reach.PUBLIC
