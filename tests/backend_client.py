"""A client of SMART Backend Services: its keys, its assertions, and the token service it asks."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)

from cds_service.access.assertions import AssertionVerifier
from cds_service.access.backend_services import TokenService
from cds_service.access.clients import Client, Clients
from cds_service.access.keys import KeyCache
from cds_service.access.replay import Replays
from cds_service.access.signing_keys import KeySet, SigningKey
from cds_service.access.token_key import open_token_key

BASE_URL = "https://crd.example.invalid"
TOKEN_URL = f"{BASE_URL}/auth/token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Clock:
    """The time of day, which stands still unless moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class NoSource:
    """Fetches no keys: those of the clients here stand in the file."""

    def fetch(self, client: Client) -> KeySet:
        raise AssertionError(f"keys of {client.name} fetched")


@dataclass(kw_only=True)
class BackendClient:
    """A client under a name, with a private key of its own."""

    name: str
    clock: Clock
    scopes: frozenset[str] = frozenset({"system/*.rs"})
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP384R1()))

    def registered(self, **fields: Any) -> Client:
        """As it stands in the clients file."""
        key = SigningKey(kid="key-1", algorithms=frozenset({"ES384"}), key=self.key.public_key())
        made: dict[str, Any] = {
            "name": self.name,
            "issuer": f"https://{self.name}.example.invalid",
            "keys": {"key-1": key},
            "scopes": self.scopes,
        }
        return Client(**{**made, **fields})

    def assertion(
        self, *, headers: dict[str, Any] | None = None, key: Any = None, **claims: Any
    ) -> str:
        """An assertion with these claims in place of the right ones; None leaves one out."""
        made = {
            "iss": self.name,
            "sub": self.name,
            "aud": TOKEN_URL,
            "exp": int(self.clock.now.timestamp()) + 300,
            "jti": str(uuid4()),
            **claims,
        }
        head = {"kid": "key-1", **(headers or {})}
        return jwt.encode(
            {name: value for name, value in made.items() if value is not None},
            key or self.key,
            algorithm="ES384",
            headers={name: value for name, value in head.items() if value is not None},
        )

    def form(self, **parameters: str) -> dict[str, str]:
        """What it posts, with these parameters in place of the right ones."""
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": parameters.pop("client_assertion", "") or self.assertion(),
            "scope": "system/*.rs",
            **parameters,
        }


def token_service(
    directory: Path, clock: Clock, *clients: Client, replays: Replays | None = None
) -> TokenService:
    """The real parts, with keys that stand in the file."""
    registered, kept = Clients(clients), replays or Replays(now=clock)
    return TokenService(
        base_url=BASE_URL,
        clients=registered,
        key=open_token_key("", directory),
        assertions=AssertionVerifier(
            clients=registered,
            keys=KeyCache(clients, NoSource(), lambda: 0.0),
            token_url=TOKEN_URL,
            now=clock,
        ),
        remember=lambda _client, use: kept.remember(use),
        now=clock,
    )
