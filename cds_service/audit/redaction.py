"""Redaction: what of a request may be kept; never an access token (CRD sec-6)."""

from hashlib import sha256

import msgspec

from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.errors import TooLarge
from cds_service.fhir.resource import Json, JsonObject, decode, encode, first, text

# What of fhirAuthorization may be kept: by name, so that a token under a new name stays out.
_KEPT_OF_AUTHORIZATION = ("token_type", "expires_in", "scope", "subject", "patient")
# What of a request may be kept: the members that CDS Hooks names. Any other may hold a token:
# `fhirauthorization`, `oauth` as CDS Hooks 1.0 had it, a header pasted into the body.
_KEPT_OF_REQUEST = (
    "hook",
    "hookInstance",
    "fhirServer",
    "fhirAuthorization",  # less its token
    "context",
    "prefetch",
    "extension",
)


# Members of an extension that hold a secret, in small letters without separators.
_SECRETS = frozenset(
    ("accesstoken", "refreshtoken", "idtoken", "authorization", "fhirauthorization", "oauth")
)
_SHORTEST_SECRET = 16  # characters; a shorter word may be one that a record needs
_REMOVED = "[token removed]"


def redact_request(body: JsonObject) -> JsonObject:
    """What may be kept of a hook request: what CDS Hooks names, less all that is a token."""
    kept = {name: value for name, value in body.items() if name in _KEPT_OF_REQUEST}
    if "extension" in kept:
        kept["extension"] = _without_secrets(kept["extension"])
    return without_token(kept)


def _without_secrets(value: Json) -> Json:
    if isinstance(value, dict):
        return {
            name: _without_secrets(inner)
            for name, inner in value.items()
            if name.lower().replace("_", "").replace("-", "") not in _SECRETS
        }
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value


def find_token(body: JsonObject | bytes) -> str:
    """The access token in a request, or in a body that is none; empty if there is none to find."""
    if isinstance(body, bytes):
        try:
            body = first(decode(body))
        except ValueError:
            return ""
    token = text(first(body.get("fhirAuthorization")).get("access_token"))
    return token if len(token) >= _SHORTEST_SECRET else ""


def holds_token(payload: bytes, token: str) -> bool:
    """Whether JSON that we wrote holds this token, in whatever member."""
    return bool(token) and _written(token) in payload


def without_this_token(value: Json | msgspec.Raw, token: str) -> Json:
    """The JSON value with a mark for each place where the token stands in a text or a name."""
    written = encode(value).replace(_written(token), _REMOVED.encode())
    return decode(written)


def _written(token: str) -> bytes:
    """A token as it stands inside a text of JSON that we write."""
    return encode(token)[1:-1]


def without_token(body: JsonObject) -> JsonObject:
    """The request as it may be kept: no access token (CRD sec-6)."""
    authorization = body.get("fhirAuthorization")
    if not isinstance(authorization, dict):
        return {name: value for name, value in body.items() if name != "fhirAuthorization"}
    kept = {name: authorization[name] for name in _KEPT_OF_AUTHORIZATION if name in authorization}
    # The one word that is due there tells nothing; any other may be the token, as in a header.
    if kept.get("token_type") not in (None, "") and not _is_bearer(kept["token_type"]):
        del kept["token_type"]
    return {**body, "fhirAuthorization": kept}


def _is_bearer(token_type: Json) -> bool:
    return text(token_type).lower() == "bearer"


def redact_body(body: bytes) -> JsonObject:
    """What may be kept of bytes that are no hook request."""
    try:
        parsed = decode(body)
        JsonLimits().check(parsed)
    except (ValueError, TooLarge):  # not JSON, or nested too deep to be given back
        return redact_refused(body, None)
    return redact_refused(body, parsed)


def redact_refused(body: bytes, parsed: Json | None) -> JsonObject:
    """What may be kept of a body that is no hook request; `parsed` is None if it is not JSON.

    Of an object, the members a hook request has, less the token (CRD sec-6). Of anything else only
    `{"bytes": 17, "sha256": "…"}`, for a token could stand anywhere in it.
    """
    if not isinstance(parsed, dict):
        return {"bytes": len(body), "sha256": sha256(body).hexdigest()}
    return redact_request(parsed)
