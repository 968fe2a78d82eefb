"""The audit record: one response, the request it answers, and its determinations; no tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import Decisions, OrderAnswer
from cds_service.fhir.resource import Json, JsonObject, decode, encode, text

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One call as it is kept: `decisions`, `request` and `response` are JSON in UTF-8.

    `version` is the CRD version as the client wrote it, empty if it named none.
    """

    id: str
    at: datetime
    hook: str
    hook_instance: str
    version: str
    decisions: bytes
    request: bytes
    response: bytes


def write_record(
    identity: str,
    at: datetime,
    hook: str,
    asked: HookRequest | bytes,
    decisions: Decisions,
    response: bytes,
) -> AuditRecord:
    """The record of a response or a refusal; `asked` is the body where it was no hook request."""
    request = asked if isinstance(asked, HookRequest) else None
    return AuditRecord(
        id=identity,
        at=at,
        hook=hook,
        hook_instance=request.hook_instance if request else "",
        version=text(request.extension.get("davinci-crd.requestedVersion")) if request else "",
        decisions=write_decisions(decisions.answers),
        request=_kept(asked),
        response=response,
    )


def _kept(asked: HookRequest | bytes) -> bytes:
    if isinstance(asked, HookRequest):
        return encode(without_token(asked.body))
    try:
        return encode(redact_refused(asked, decode(asked)))
    except (ValueError, RecursionError):  # not JSON, or nested too deep to be given back
        return encode(redact_refused(asked, None))


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


def write_decisions(answers: Iterable[OrderAnswer]) -> bytes:
    """What was determined for each order, by which rules of which policy versions (CRD resp-48)."""
    return encode([_decision(answer) for answer in answers])


def _decision(answer: OrderAnswer) -> JsonObject:
    membership = answer.membership
    proposed = [proposal.name for proposal in answer.proposals]
    return {
        "order": str(answer.order.key or ""),
        "coverage": str(membership.coverage_key or ""),
        "payer": membership.payer.id if membership.payer else "",
        "plan": membership.plan.id if membership.plan else "",
        "assertion": answer.assertion_id,
        "determined": [_determined(determination) for determination in answer.determinations],
        **({"proposed": proposed} if proposed else {}),
    }


def _determined(determination: Determination) -> JsonObject:
    codings = [reason.coding for reason in determination.reasons]
    return {
        "covered": determination.covered.value,
        "pa-needed": determination.pa_needed,
        "rules": [f"{rule.canonical}#{rule.rule_id}" for rule in determination.citations],
        "reasons": [coding.code for coding in codings if coding],
    }
