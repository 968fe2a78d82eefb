"""Decisions as they are kept: what was determined for each order, by which rules, and why."""

from collections.abc import Iterable
from typing import Any

from cds_service.crd.decision.authorizations import Sought
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.trace import ConditionTrace, RuleTrace
from cds_service.crd.request.member_ids import member_ids
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject

_SHOWN = 5  # values of one element


def describe_answers(answers: Iterable[OrderAnswer]) -> list[JsonObject]:
    """What was determined for each order, by which rules of which policy versions (CRD resp-48)."""
    return [_answer(answer) for answer in answers]


def describe_sought(found: Iterable[tuple[Sought, str]]) -> list[JsonObject]:
    """What the payer's records were asked for, and the number that they gave, if any.

    A determination names one number at most, and none where another rule demands more.
    """
    return [
        {
            "payer": sought.payer_id,
            "members": sorted(sought.member_ids),
            "codes": _codings(sought.codings),
            "day": sought.day.isoformat(),
            "taken": sorted(sought.taken),
            "number": number,
        }
        for sought, number in found
    ]


def _answer(answer: OrderAnswer) -> JsonObject:
    membership = answer.membership
    proposed = [proposal.name for proposal in answer.proposals]
    return {
        "order": str(answer.order.key or ""),
        "codes": _codings(answer.order.codings),
        "dates": [answer.days.first.isoformat(), answer.days.last.isoformat()],
        "coverage": str(membership.coverage_key or ""),
        "members": sorted(member_ids(membership.coverage)),
        "payer": membership.payer.id if membership.payer else "",
        "plan": membership.plan.id if membership.plan else "",
        "assertion": answer.assertion_id,
        "rules": [_rule(trace) for trace in answer.traces],
        "determined": [_determined(determination) for determination in answer.determinations],
        **({"proposed": proposed} if proposed else {}),
    }


def _rule(trace: RuleTrace) -> JsonObject:
    return {
        "rule": f"{trace.citation.canonical}#{trace.citation.rule_id}",
        "speaks": trace.determination is not None,
        "matched": _codings(trace.matched),
        "conditions": [_condition(condition) for condition in trace.conditions],
    }


def _condition(condition: ConditionTrace) -> JsonObject:
    """A condition and its value; what it could not tell, failed at and read only if anything."""
    also = {
        "causes": [str(cause) for cause in condition.causes],  # some are of a kind of text
        "error": condition.error,
        "read": [[path, shown_values(values)] for path, values in condition.read],
    }
    return {
        "kind": condition.kind.value,
        "description": condition.description,
        "value": condition.value.value,
        **{name: value for name, value in also.items() if value},
    }


def _determined(determination: Determination) -> JsonObject:
    codings = [reason.coding for reason in determination.reasons]
    authorization = determination.satisfied_pa_id
    return {
        "covered": determination.covered.value,
        "pa-needed": determination.pa_needed,
        "rules": [f"{rule.canonical}#{rule.rule_id}" for rule in determination.citations],
        "reasons": [coding.code for coding in codings if coding],
        **({"authorization": authorization} if authorization else {}),
    }


def _codings(codings: Iterable[Coding]) -> list[str]:
    return [f"{coding.system}|{coding.code}" for coding in codings]


def shown_values(values: tuple[Any, ...]) -> str:
    """What a condition read, in short: texts as they are, and of an object what names it."""
    shown = ", ".join(dict.fromkeys(map(_short, values[:_SHOWN]))) or "nothing"
    return f"{shown}, …" if len(values) > _SHOWN else shown


def _short(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    named = (value.get(name) for name in ("text", "code", "display", "reference", "id"))
    name = next((name for name in named if isinstance(name, str)), "an element")
    source = getattr(value, "source", "")  # where a coding of an indication was read
    return f"{name} ({source})" if source else name
