"""Whether a token is a client's own, made for this very call (CDS Hooks, trusting CDS clients).

The checks come in a fixed order, cheap ones and those that need no key first: nothing is fetched
for a token that could not be accepted with any key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Protocol

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from cds_service.access.causes import Cause
from cds_service.access.clients import Client, Clients, Quirk, for_tenant
from cds_service.access.signing_keys import SigningKey
from cds_service.access.token_parts import TokenParts, parse_token
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import Unauthorized

# Headers that name a key of the token's own, or demand something that we do not do. `crit` is
# refused whatever it lists; `b64` would have another text signed than the one that is read.
FORBIDDEN_HEADERS = ("crit", "b64", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "zip", "enc")
_FEEDBACK = "/feedback"
_LAST_TIME = 1 << 33  # seconds since 1970: the year 2242


class FindKey(Protocol):
    """Where the keys of clients are."""

    def get(self, client: Client, kid: str) -> SigningKey:
        """The client's key under this id.

        Raises:
            Unauthorized: there is none.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """Whose token it is, the tenant it names (empty for none), and this use of it."""

    client: Client
    tenant: str
    use: TokenUse


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVerifier:
    """Verifies tokens of these clients; `now` is the time with its zone."""

    clients: Clients
    keys: FindKey
    now: Callable[[], datetime]

    def verify(self, token: str, url: str, body: bytes) -> VerifiedToken:
        """Whose token this is, if it was made for a call of `url` with this body.

        Raises:
            Unauthorized: it is not to be accepted.
        """
        parts = parse_token(token)
        algorithm, kid = self._check_header(parts)
        client, tenant = self._find_client(parts, algorithm)
        _check_key_url(parts, client)
        _check_signature(parts, algorithm, self.keys.get(client, kid))
        _check_audience(parts, client, url)
        expires = _check_times(parts, client, self.now().timestamp())
        nonce = _text(parts.claims.get("jti"), Cause.NONCE)
        key = use_key(client.issuer, nonce, body)
        use = TokenUse(key=key, expires=datetime.fromtimestamp(expires, UTC))
        return VerifiedToken(client=client, tenant=tenant, use=use)

    def _check_header(self, parts: TokenParts) -> tuple[str, str]:
        """The algorithm, which some client may use, and the id of the key."""
        algorithm = _text(parts.header.get("alg"), Cause.ALGORITHM)
        if algorithm not in self.clients.algorithms:
            raise Unauthorized(Cause.ALGORITHM)
        if not parts.header.keys().isdisjoint(FORBIDDEN_HEADERS):
            raise Unauthorized(Cause.HEADER)
        return algorithm, _text(parts.header.get("kid"), Cause.UNKNOWN_KEY)

    def _find_client(self, parts: TokenParts, algorithm: str) -> tuple[Client, str]:
        """The client and the tenant that it names.

        The claims are not verified yet, but a false one leads to keys that do not fit.
        """
        candidates = self.clients.of_issuer(_text(parts.claims.get("iss"), Cause.ISSUER))
        if not candidates:
            raise Unauthorized(Cause.ISSUER)
        tenant = parts.claims.get("tenant", "")
        client = for_tenant(candidates, tenant) if isinstance(tenant, str) else None
        if client is None:
            raise Unauthorized(Cause.TENANT)
        if algorithm not in client.algorithms:
            raise Unauthorized(Cause.ALGORITHM)
        is_without_type = "typ" not in parts.header and Quirk.NO_TYP in client.quirks
        if parts.header.get("typ") != "JWT" and not is_without_type:
            raise Unauthorized(Cause.HEADER)
        return client, tenant


def use_key(issuer: str, nonce: str, body: bytes) -> bytes:
    """What tells one use of a token from others: a SHA-256 of its `iss`, `jti` and the body.

    Each part has its length before it, so that none can lend bytes to the next.
    """
    digest = sha256()
    for part in (issuer.encode(), nonce.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _check_key_url(parts: TokenParts, client: Client) -> None:
    """A token may name where its key is, but only as it is registered; nothing is fetched there."""
    if "jku" in parts.header and (not client.jku or parts.header["jku"] != client.jku):
        raise Unauthorized(Cause.KEY_URL)


def _check_signature(parts: TokenParts, algorithm: str, key: SigningKey) -> None:
    if algorithm not in key.algorithms:
        raise Unauthorized(Cause.ALGORITHM)
    try:
        PyJWS().decode(parts.token, key.key, algorithms=[algorithm])
    except (PyJWTError, ValueError) as error:
        raise Unauthorized(Cause.SIGNATURE) from error


def _check_audience(parts: TokenParts, client: Client, url: str) -> None:
    """The audience is the URL that is called; for feedback also that of its service.

    CDS Hooks leaves open which of the two it is for feedback.
    """
    audience = parts.claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    called = url.removesuffix("/")
    accepted = client.audiences or {called, called.removesuffix(_FEEDBACK)}
    if not any(isinstance(name, str) and name.removesuffix("/") in accepted for name in named):
        raise Unauthorized(Cause.AUDIENCE)


def _check_times(parts: TokenParts, client: Client, now: float) -> int:
    """Until when the token can be accepted, in seconds since 1970, the skew included."""
    issued, expires = (_time(parts.claims.get(name)) for name in ("iat", "exp"))
    begins = _time(parts.claims.get("nbf", issued))
    if now >= expires + client.skew:
        raise Unauthorized(Cause.EXPIRED)
    if max(issued, begins) > now + client.skew:
        raise Unauthorized(Cause.TOO_EARLY)
    if not 0 < expires - issued <= client.lifetime:
        raise Unauthorized(Cause.LIFETIME)
    return expires + client.skew


def _time(value: object) -> int:
    # Not bool, which is an int to Python; whole seconds, as CDS Hooks has them.
    if type(value) is not int or not 0 < value < _LAST_TIME:
        raise Unauthorized(Cause.TIMES)
    return value


def _text(value: object, cause: Cause) -> str:
    if not isinstance(value, str) or not value:
        raise Unauthorized(cause)
    return value
