"""Operators: who may look inside, by a credential of their own (OWASP API5).

A program sends its token as Bearer; a browser sends it as the password of HTTP Basic.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256

from cds_service.access.clients import Operator
from cds_service.errors import Unauthorized

# What a 401 to an operator asks for (RFC 9110, 11.6.1); a browser then shows its dialogue.
CHALLENGE = 'Basic realm="CRD service, operators", charset="UTF-8", Bearer'
TOKEN_BYTES = 32  # of chance in a token: too many to guess, so a plain hash of it hides it
_LONGEST = 1024  # characters of a header that is looked at
_REFUSED = "operator"  # the cause for log and metric


def find_operator(authorization: str, operators: Iterable[Operator]) -> Operator:
    """The operator whose token is in this `Authorization` header; its name, in Basic, is theirs.

    The comparison takes as long for a token that is almost right as for any other.

    Raises:
        Unauthorized: there is no token, or nobody has it.
    """
    name, token = _credential(authorization)
    digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
    found = None
    for operator in operators:  # all of them, so that time does not tell which
        is_theirs = hmac.compare_digest(operator.token_sha256, digest)
        if is_theirs and name in (None, operator.name):
            found = operator
    if found is None or not token:
        raise Unauthorized(_REFUSED, CHALLENGE)
    return found


def make_token() -> tuple[str, str]:
    """A new token, and its SHA-256 in hexadecimal, which is all that a file should hold."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, sha256(token.encode("ascii")).hexdigest()


def _credential(authorization: str) -> tuple[str | None, str]:
    """The name, if the header holds one, and the token."""
    scheme, _, value = authorization[:_LONGEST].partition(" ")
    match scheme.lower():
        case "bearer":
            return None, value.strip()
        case "basic":
            return _basic(value.strip())
    return None, ""


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, colon, token = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Unauthorized(_REFUSED, CHALLENGE) from error
    return name, token if colon else ""
