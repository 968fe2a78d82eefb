"""Redaction: what of a request may be kept; never an access token (CRD sec-6)."""

from hashlib import sha256

from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.errors import TooLarge
from cds_service.fhir.resource import Json, JsonObject, decode, text

# What of fhirAuthorization may be kept: by name, so that a token under a new name stays out.
_KEPT_OF_AUTHORIZATION = ("token_type", "expires_in", "scope", "subject", "patient")
# What of a request that breaks the schema may be kept: the members that CDS Hooks names. Any other
# may hold a token: `fhirauthorization`, a header pasted into the body.
_KEPT_OF_REFUSED = (
    "hook",
    "hookInstance",
    "fhirServer",
    "fhirAuthorization",  # less its token
    "context",
    "prefetch",
    "extension",
)


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
    return without_token(
        {name: value for name, value in parsed.items() if name in _KEPT_OF_REFUSED}
    )
