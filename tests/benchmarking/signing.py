"""A registered client, and tokens that it has signed beforehand."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

_ALGORITHM = "ES384"
_ISSUER = "https://ehr.example.invalid"
_LIFETIME = 86_400  # seconds: longer than any run


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client's file for the service, and its tokens, each good for a day."""

    file: Path
    tokens: tuple[str, ...]


def make_client(directory: Path, audience: str, tokens: int) -> Client:
    """A client with a new ES384 key, and so many tokens of its for one service's URL."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP384R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {**jwk, "kid": "key-1", "use": "sig"}
    members.pop("key_ops", None)
    inline = ", ".join(f"{name} = {json.dumps(value)}" for name, value in members.items())
    file = directory / "clients.toml"
    lines = (
        "[clients.bench]",
        f'iss = "{_ISSUER}"',
        f"keys = [{{ {inline} }}]",
        f"lifetime = {_LIFETIME}",
        "test = true",  # its EHR has no TLS
    )
    file.write_text("\n".join(lines), encoding="utf-8")
    return Client(file=file, tokens=tuple(_signed(key, audience, tokens)))


def _signed(key: ec.EllipticCurvePrivateKey, audience: str, tokens: int) -> Iterator[str]:
    now = int(time.time())
    for number in range(tokens):
        claims = {
            "iss": _ISSUER,
            "aud": audience,
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": f"token-{number:06d}",
        }
        yield jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": "key-1"})
