"""Client assertions: how a client shows who it is when it asks for an access token.

SMART App Launch 2, client authentication with an asymmetric key; RFC 7523, 3. The id of a client is
its name in the clients file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from cds_service.access.causes import Cause
from cds_service.access.clients import Client, Clients
from cds_service.access.token_parts import MAX_TOKEN, TokenParts, parse_token
from cds_service.access.tokens import FORBIDDEN_HEADERS, FindKey, use_key
from cds_service.crd.request.caller import TokenUse
from cds_service.errors import Unauthorized

LONGEST_LIFE = 300  # seconds an assertion may be valid for from now on (SMART, exp)
_LAST_TIME = 1 << 33  # seconds since 1970: the year 2242
_LONGEST_NONCE = 1024  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    """The client that an assertion is from, and this use of it."""

    client: Client
    use: TokenUse


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionVerifier:
    """Verifies assertions of these clients for `token_url`; `now` is the time with its zone."""

    clients: Clients
    keys: FindKey
    token_url: str
    now: Callable[[], datetime]

    def verify(self, assertion: str) -> Asserted:
        """Whose assertion it is.

        Raises:
            Unauthorized: it is not to be accepted; its cause says why.
        """
        if len(assertion) > MAX_TOKEN:
            raise Unauthorized(Cause.TOO_LONG)
        parts = parse_token(assertion)
        client = self._find_client(parts)
        algorithm, kid = _check_header(parts, client)
        self._check_audience(parts)
        expires = _check_times(parts, client, self.now().timestamp())
        nonce = parts.claims.get("jti")
        if not isinstance(nonce, str) or not 0 < len(nonce) <= _LONGEST_NONCE:
            raise Unauthorized(Cause.NONCE)
        key = self.keys.get(client, kid)
        if algorithm not in key.algorithms:
            raise Unauthorized(Cause.ALGORITHM)
        try:
            PyJWS().decode(assertion, key.key, algorithms=[algorithm])
        except (PyJWTError, ValueError) as error:
            raise Unauthorized(Cause.SIGNATURE) from error
        use = TokenUse(
            key=use_key(client.name, nonce, self.token_url.encode()),
            expires=datetime.fromtimestamp(expires, UTC),
        )
        return Asserted(client=client, use=use)

    def _find_client(self, parts: TokenParts) -> Client:
        issuer = parts.claims.get("iss")
        client = self.clients.named(issuer) if isinstance(issuer, str) else None
        if client is None or parts.claims.get("sub") != issuer:
            raise Unauthorized(Cause.ISSUER)
        return client

    def _check_audience(self, parts: TokenParts) -> None:
        audience = parts.claims.get("aud")
        if self.token_url not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthorized(Cause.AUDIENCE)


def _check_header(parts: TokenParts, client: Client) -> tuple[str, str]:
    """The algorithm, which the client may use, and the id of its key."""
    header = parts.header
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in client.algorithms:
        raise Unauthorized(Cause.ALGORITHM)
    if header.get("typ", "JWT") != "JWT" or not header.keys().isdisjoint(FORBIDDEN_HEADERS):
        raise Unauthorized(Cause.HEADER)
    if "jku" in header and (not client.jku or header["jku"] != client.jku):
        raise Unauthorized(Cause.KEY_URL)
    if not isinstance(kid, str) or not kid:
        raise Unauthorized(Cause.UNKNOWN_KEY)
    return str(algorithm), kid


def _check_times(parts: TokenParts, client: Client, now: float) -> int:
    """Until when it can be accepted, in seconds since 1970, the skew included."""
    expires = _time(parts.claims.get("exp"))
    if now >= expires + client.skew:
        raise Unauthorized(Cause.EXPIRED)
    if expires > now + LONGEST_LIFE + client.skew:
        raise Unauthorized(Cause.LIFETIME)
    for name in ("nbf", "iat"):
        if name in parts.claims and _time(parts.claims[name]) > now + client.skew:
            raise Unauthorized(Cause.TOO_EARLY)
    return expires + client.skew


def _time(value: object) -> int:
    # Not bool, which is an int to Python.
    if type(value) is not int or not 0 < value < _LAST_TIME:
        raise Unauthorized(Cause.TIMES)
    return value
