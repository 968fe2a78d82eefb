"""A client as it is outside: its keys, the set it publishes, and tokens made rightly or not."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fake_ehr import Behaviour, respond
from jwt import get_algorithm_by_name

from cds_service.access.authentication import JwtAuthentication, open_authentication
from cds_service.access.clients import Client, Clients
from cds_service.access.clients_file import parse_clients
from cds_service.errors import Unauthorized

BASE = "https://payer.example/crd"
DISCOVERY = f"{BASE}/cds-services"
SERVICE = f"{DISCOVERY}/order-sign-crd"
FEEDBACK = f"{SERVICE}/feedback"
ISSUER = "https://ehr.example"
BODY = b'{"hook":"order-sign"}'
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key that takes a while to make, made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One key pair of a client, under its `kid`."""

    kid: str = "key-1"
    algorithm: str = "ES384"
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()))

    def jwk(self, **members: Any) -> dict[str, Any]:
        """The public half, with these members besides or instead."""
        public: Any = self.key.public_key()
        jwk = get_algorithm_by_name(self.algorithm).to_jwk(public, as_dict=True)
        jwk.pop("key_ops", None)
        return {"kid": self.kid, "use": "sig", **jwk, **members}

    def sign(self, text: bytes) -> bytes:
        """A signature with the private half."""
        return bytes(get_algorithm_by_name(self.algorithm).sign(text, self.key))

    def header(self, **members: Any) -> dict[str, Any]:
        """What stands in the header of a token of this key."""
        return {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **members}

    def token(
        self,
        *,
        header: Mapping[str, Any] | bytes | None = None,
        claims: Mapping[str, Any] | bytes | None = None,
    ) -> str:
        """A token, valid at noon, or with this header and these claims."""
        return compact(
            self.header() if header is None else header,
            make_claims() if claims is None else claims,
            self.sign,
        )


def compact(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, sign: Any) -> str:
    """A token with this signature over whatever stands in it."""
    text = b".".join(_encode(_bytes(part)) for part in (header, claims))
    return b".".join((text, _encode(sign(text)))).decode()


def make_claims(**members: Any) -> dict[str, Any]:
    """What stands in a valid token at noon; `None` leaves a claim out."""
    at_noon = int(NOON.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": SERVICE,
        "iat": at_noon,
        "exp": at_noon + 300,
        "jti": "nonce-1",
        **members,
    }
    return {name: value for name, value in claims.items() if value is not None}


def key_set(*jwks: Mapping[str, Any]) -> Behaviour:
    """A server's response with these keys."""
    return respond(json.dumps({"keys": list(jwks)}).encode(), Content_Type="application/json")


def register(*signers: Signer, **settings: Any) -> Client:
    """A client that uses these keys, registered with these settings of the clients file."""
    table = {"iss": ISSUER, "keys": [signer.jwk() for signer in signers], **settings}
    return parse_clients({"clients": {"north": table}}).all[0]


@dataclass(slots=True)
class Calendar:
    """The time of day, put forward by some seconds from noon."""

    forward: float = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.forward)


def authenticating(*clients: Client, now: Calendar | None = None) -> JwtAuthentication:
    """Authentication of clients with inline keys, at noon."""
    return open_authentication(Clients(clients), now=now or Calendar())


def cause(
    authentication: JwtAuthentication, token: str, url: str = SERVICE, body: bytes = BODY
) -> str:
    """Why a token is refused; empty if it is not."""
    try:
        authentication.authenticate([f"Bearer {token}"], url, body)
    except Unauthorized as error:
        return error.cause or "a refusal without a cause"
    return ""


def _bytes(part: Mapping[str, Any] | bytes) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def _encode(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")
