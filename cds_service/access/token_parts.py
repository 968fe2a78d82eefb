"""The parts of a JSON Web Token in compact form (RFC 7515, 7.1), before anything is believed.

Each token has one spelling here: what two parsers might read differently is refused.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

from cds_service.access.causes import Cause
from cds_service.errors import Unauthorized
from cds_service.fhir.resource import JsonObject, decode, has_repeated_names

MAX_TOKEN = 8192  # characters; real ones have up to 2,000
_PARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenParts:
    """A token as it came, and the header and claims that it holds; nothing of it is verified."""

    token: str = field(repr=False)
    header: JsonObject = field(repr=False)
    claims: JsonObject = field(repr=False)


def read_bearer_token(header_values: Sequence[str]) -> str:
    """The token in the `Authorization` headers of a call (RFC 6750, 2.1).

    Raises:
        Unauthorized: there is none, or more than one header, or the token is too long.
    """
    if len(header_values) > 1:
        raise Unauthorized(Cause.SEVERAL_TOKENS)
    scheme, _, token = "".join(header_values).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized(Cause.NO_TOKEN)
    if len(token) > MAX_TOKEN:
        raise Unauthorized(Cause.TOO_LONG)
    return token


def parse_token(token: str) -> TokenParts:
    """The header and the claims of a token.

    Raises:
        Unauthorized: it is none, or has a second spelling, or a header that is no plain value.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise Unauthorized(Cause.MALFORMED)
    try:
        header, claims, signature = map(_decode, parts)
        parsed = TokenParts(token=token, header=_read_object(header), claims=_read_object(claims))
    except ValueError as error:
        raise Unauthorized(Cause.MALFORMED) from error
    # Without a signature there is nothing to verify, whatever the header says of it.
    if not signature:
        raise Unauthorized(Cause.MALFORMED)
    # What is nested in a header is a key, a chain of certificates or a list of demands.
    if any(isinstance(value, dict | list) for value in parsed.header.values()):
        raise Unauthorized(Cause.HEADER)
    return parsed


def _decode(part: str) -> bytes:
    """The bytes of base64url without padding, written in the only way there is (RFC 4648, 3.5)."""
    padded = part + "=" * (-len(part) % 4)
    try:
        decoded = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") != part:
        raise ValueError("base64url with bits or signs to spare")
    return decoded


def _read_object(document: bytes) -> JsonObject:
    value: JsonObject = decode(document)
    try:
        is_clear = isinstance(value, dict) and not has_repeated_names(document, value)
    except RecursionError:  # nested less deep than `decode` reads, but deeper than the other
        is_clear = False
    if not is_clear:
        raise ValueError("no JSON object with each name once")
    return value
