"""Public keys of clients, as JSON Web Keys (RFC 7517), read strictly: what is odd is not used."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from cds_service.fhir.resource import Json, JsonObject, decode

PublicKey = EllipticCurvePublicKey | RSAPublicKey

# Asymmetric only (CDS Hooks, JWT signing algorithm): who can verify a token cannot make one.
ELLIPTIC_ALGORITHMS: Mapping[str, str] = MappingProxyType(
    {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
)
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
ALGORITHMS = RSA_ALGORITHMS | frozenset(ELLIPTIC_ALGORITHMS.values())

MAX_KEYS = 100  # in a set
LEAST_RSA, MOST_RSA = 2048, 8192  # bits of the modulus; NIST SP 800-131A, and what costs too much
_MOST_EXPONENT = 1 << 32  # a huge one makes each verification slow
_LONGEST_ID = 256  # characters
_LONGEST_NUMBER = MOST_RSA // 6 + 3  # characters in base64url
_NUMBER = re.compile(r"[\w-]+", re.ASCII)
_MEMBERS = {"EC": ("x", "y"), "RSA": ("n", "e")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key under its id in a set, and the algorithms whose signatures it may verify."""

    kid: str
    algorithms: frozenset[str]
    key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySet:
    """The keys of a set that can be used, by their ids, and why others cannot."""

    keys: Mapping[str, SigningKey]
    unusable: tuple[str, ...] = ()


def parse_key_set(body: bytes) -> KeySet:
    """The keys in a JWK Set document.

    Keys that cannot be used are left out, for a set may hold others beside those for signing.

    Raises:
        ValueError: it is no JWK Set, or it has too many keys, or none that can be used.
    """
    try:
        document = decode(body)
    except ValueError as error:
        raise ValueError("no JSON") from error
    found = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError("no JWK Set: a `keys` with a list is missing")
    keys = make_key_set(found)
    if not keys.keys:
        raise ValueError("; ".join(("no key that can be used", *keys.unusable[:3])))
    return keys


def make_key_set(jwks: list[Json]) -> KeySet:
    """The keys among these JSON Web Keys that can be used.

    Raises:
        ValueError: there are too many.
    """
    if len(jwks) > MAX_KEYS:
        raise ValueError(f"more than {MAX_KEYS} keys")
    keys, unusable = list[SigningKey](), list[str]()
    for number, jwk in enumerate(jwks):
        try:
            keys.append(parse_key(jwk))
        except ValueError as error:
            unusable.append(f"key {number}: {error}")
    # CDS Hooks, trusting CDS clients: a `kid` is unique in its set. One that is not names no key.
    counts = Counter(key.kid for key in keys)
    repeated = [kid for kid, count in counts.items() if count > 1]
    unusable += [f"several keys have the kid `{kid}`" for kid in repeated]
    return KeySet(
        keys=MappingProxyType({key.kid: key for key in keys if counts[key.kid] == 1}),
        unusable=tuple(unusable),
    )


def parse_key(jwk: Json) -> SigningKey:
    """A public key for signatures.

    Raises:
        ValueError: it is none that can be used; the message holds nothing of it.
    """
    if not isinstance(jwk, dict):
        raise ValueError("no JSON object")
    kid, kind = jwk.get("kid"), jwk.get("kty")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_ID or not kid.isprintable():
        raise ValueError("no `kid`, or none that can be used")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise ValueError("its `kty` is neither EC nor RSA")
    if "d" in jwk:
        raise ValueError("a private key, which nobody but its owner may have")
    _check_use(jwk)
    return SigningKey(kid=kid, algorithms=_algorithms(jwk), key=_public_key(jwk))


def _check_use(jwk: JsonObject) -> None:
    operations = jwk.get("key_ops", ["verify"])
    is_to_verify = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not is_to_verify:
        raise ValueError("not for signatures")


def _algorithms(jwk: JsonObject) -> frozenset[str]:
    """Those of its kind; the one that it is for, if it names one (RFC 7517, 4.4)."""
    if jwk["kty"] == "RSA":
        fitting = RSA_ALGORITHMS
    else:
        fitting = frozenset({ELLIPTIC_ALGORITHMS.get(str(jwk.get("crv")), "")} - {""})
    if "alg" in jwk:
        fitting &= {str(jwk["alg"])}
    if not fitting:
        raise ValueError("for an algorithm or a curve that is not used here")
    return fitting


def _public_key(jwk: JsonObject) -> PublicKey:
    """The key from its numbers alone: no other member has a say."""
    numbers = {name: jwk.get(name) for name in _MEMBERS[jwk["kty"]]}
    for name, number in numbers.items():
        if not isinstance(number, str) or not _NUMBER.fullmatch(number[: _LONGEST_NUMBER + 1]):
            raise ValueError(f"its `{name}` is no number in base64url")
        if len(number) > _LONGEST_NUMBER:
            raise ValueError("too large")
    algorithm = "RS384" if jwk["kty"] == "RSA" else ELLIPTIC_ALGORITHMS[jwk["crv"]]
    plain = {"kty": jwk["kty"], "crv": jwk.get("crv"), **numbers}
    try:
        key: PublicKey = PyJWK(plain, algorithm).key
    except (PyJWTError, ValueError) as error:
        raise ValueError("its numbers make no key") from error
    if isinstance(key, RSAPublicKey):
        _check_size(key)
    return key


def _check_size(key: RSAPublicKey) -> None:
    if not LEAST_RSA <= key.key_size <= MOST_RSA:
        raise ValueError(f"RSA of {key.key_size} bits; {LEAST_RSA} to {MOST_RSA} are used")
    if key.public_numbers().e >= _MOST_EXPONENT:
        raise ValueError("its exponent is too large")
