"""The audit record: one answer, what it was asked, and why it was given; without tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.decision.order_answer import Decisions, OrderAnswer
from cds_service.fhir.resource import JsonObject, encode, text

# What of fhirAuthorization may be kept: everything but the token, by name, so that a new field stays out.
_KEPT_OF_AUTHORIZATION = ("token_type", "expires_in", "scope", "subject", "patient")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """One answer as it is kept; `request` and `response` are JSON."""

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
    """The record of a response or a refusal; `asked` is the bare body where it was no request of the hook."""
    request = asked if isinstance(asked, HookRequest) else None
    return AuditRecord(
        id=identity,
        at=at,
        hook=hook,
        hook_instance=request.hook_instance if request else "",
        version=text(request.extension.get("davinci-crd.requestedVersion")) if request else "",
        decisions=write_decisions(decisions.answers),
        request=encode(without_token(request.body)) if request else b"null",
        response=response,
    )


def without_token(body: JsonObject) -> JsonObject:
    """The request as it may be kept: no access token (CRD sec-6)."""
    authorization = body.get("fhirAuthorization")
    if not isinstance(authorization, dict):
        return {name: value for name, value in body.items() if name != "fhirAuthorization"}
    kept = {name: authorization[name] for name in _KEPT_OF_AUTHORIZATION if name in authorization}
    return {**body, "fhirAuthorization": kept}


def write_decisions(answers: Iterable[OrderAnswer]) -> bytes:
    """What was decided for each order, by which rules of which policy versions (CRD resp-48)."""
    return encode([_decision(answer) for answer in answers])


def _decision(answer: OrderAnswer) -> JsonObject:
    payer = answer.membership.payer
    return {
        "order": str(answer.order.key or ""),
        "coverage": str(answer.membership.coverage_key or ""),
        "payer": payer.id if payer else "",
        "plan": answer.membership.plan.id if answer.membership.plan else "",
        "assertion": answer.assertion_id,
        "determined": [
            {
                "covered": determination.covered.value,
                "pa-needed": determination.pa_needed,
                "rules": [f"{one.canonical}#{one.rule_id}" for one in determination.citations],
                "reasons": [
                    reason.coding.code for reason in determination.reasons if reason.coding
                ],
            }
            for determination in answer.determinations
        ],
    }
