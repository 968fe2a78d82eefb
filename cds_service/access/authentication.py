"""Authentication: who calls, from the `Authorization` headers of a call, or nobody we know."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cds_service.access.clients import Client, Clients
from cds_service.access.key_source import KeySource
from cds_service.access.keys import KeyCache
from cds_service.access.replay import Replays
from cds_service.access.token_parts import read_bearer_token
from cds_service.access.tokens import TokenVerifier, VerifiedToken
from cds_service.crd.request.caller import ANYONE, Caller


class Authentication(Protocol):
    """Who may call."""

    def authenticate(self, header_values: Sequence[str], url: str, body: bytes) -> Caller:
        """The caller, by the values of all `Authorization` headers.

        `url` is the public address of the endpoint that is called, made from the base URL that
        the operator set: what a request has as its host plays no part.

        Raises:
            Unauthorized: it is none of ours.
        """

    def forget(self, caller: Caller) -> None:
        """Let the same token come with the same body again, because this call had no answer."""

    def close(self) -> None:
        """Let go of all held, once no call is under way."""


class OpenAuthentication:
    """Anyone may call, with or without a token."""

    def authenticate(
        self,
        header_values: Sequence[str],  # noqa: ARG002
        url: str,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
    ) -> Caller:
        """Anyone."""
        return ANYONE

    def forget(self, caller: Caller) -> None:
        """Nothing is kept of anyone."""

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtAuthentication:
    """The registered clients may call, each with a JSON Web Token made for that very call."""

    clients: Clients
    verifier: TokenVerifier
    replays: Replays
    keys: KeyCache
    source: KeySource

    def authenticate(self, header_values: Sequence[str], url: str, body: bytes) -> Caller:
        """The client that signed the token, which has not come with this body before.

        Raises:
            Unauthorized: it is not to be accepted; every cause has the same words.
        """
        verified = self.verifier.verify(read_bearer_token(header_values), url, body)
        self.replays.remember(verified.use)
        return _caller(verified)

    def forget(self, caller: Caller) -> None:
        """Let the token of this call come again with the same body."""
        if caller.token_use:
            self.replays.forget(caller.token_use)

    def key_ages(self) -> Mapping[str, float | None]:
        """The seconds since each client's keys came, by its name; None if they never did."""
        return {client.name: self.keys.age(client.name) for client in self.clients.all}

    def close(self) -> None:
        """End the fetching of keys."""
        self.keys.close()
        self.source.close()


def open_authentication(
    clients: Clients,
    *,
    ca_file: str = "",
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> JwtAuthentication:
    """Authentication of these clients, which begins at once to fetch their keys.

    `ca_file` is a PEM file of the authorities that may vouch for their servers, `clock` monotonic
    in seconds, `now` the time with its zone.
    """
    source = KeySource(clients.all, ca_file=ca_file, clock=clock)
    keys = KeyCache(clients.all, source, clock)
    keys.start()
    return JwtAuthentication(
        clients=clients,
        verifier=TokenVerifier(clients=clients, keys=keys, now=now),
        replays=Replays(now=now),
        keys=keys,
        source=source,
    )


def _caller(verified: VerifiedToken) -> Caller:
    client: Client = verified.client
    return Caller(
        name=client.name,
        issuer=client.issuer,
        tenant=verified.tenant,
        payers=client.payers,
        fhir_servers=client.fhir_servers,
        default_version=client.default_version,
        is_test=client.is_test,
        quirks=frozenset(client.quirks),
        token_use=verified.use,
    )
