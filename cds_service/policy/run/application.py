"""Applying a rule to an order: its conditions, and what it determines if none is false."""

from dataclasses import dataclass, replace

from cds_service.crd.codes import (
    CONDITION_UNKNOWN,
    PLAN_NOT_IDENTIFIED,
    TECHNICAL,
    Covered,
    InfoNeeded,
)
from cds_service.crd.decision.determination import (
    ConditionTrace,
    Determination,
    Reason,
    RuleTrace,
)
from cds_service.crd.request.membership import Membership
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.resource import JsonObject
from cds_service.fhir.truth import Truth
from cds_service.policy.run.conditions import ExpressionError, Variables
from cds_service.policy.run.rules import Candidate, Policy, Rule


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule for one order: why, and what it says if it spoke."""

    trace: RuleTrace
    determination: Determination | None


def apply_rule(
    candidate: Candidate, order: JsonObject, membership: Membership, days: Days
) -> Finding:
    """What one rule says of one order; silent if any condition is false."""
    rule = candidate.rule
    variables = _variables(order, membership, days)
    conditions = (
        *_standing_conditions(rule.policy, membership, days),
        *(condition.test(variables) for condition in rule.conditions),
    )
    if any(one.value is Truth.FALSE for one in conditions):
        return _finding(candidate, conditions, None)
    # What failed before what is merely unknown: an error is never hidden.
    unknown = min(
        (one for one in conditions if one.value is Truth.UNKNOWN),
        key=lambda one: not one.error,
        default=None,
    )
    codes = _billing_codes(candidate)
    return _finding(
        candidate,
        conditions,
        _unknown(rule, unknown, codes) if unknown else _known(rule, variables, codes),
    )


def _standing_conditions(
    policy: Policy, membership: Membership, days: Days
) -> tuple[ConditionTrace, ...]:
    """Those no rule has to write: the version in force, and the line of business."""
    # Advice given without a Coverage is worded for members of the line, so there it is not asked.
    line = policy.governs(membership.plan) if membership.coverage else Truth.TRUE
    return (
        ConditionTrace(
            description=IN_FORCE, expression="effectivePeriod", value=policy.in_force(days)
        ),
        ConditionTrace(description=LINE, expression="useContext", value=line),
    )


IN_FORCE = "this version is in force on the date of service"
LINE = "the member's plan is in the policy's line of business"


def _variables(order: JsonObject, membership: Membership, days: Days) -> Variables:
    certain = days.first == days.last
    return {
        "order": order,
        "coverage": membership.coverage or [],
        "patient": membership.patient or [],
        "plan": membership.plan.resource if membership.plan else [],
        "dos": days.first.isoformat() if certain else [],
    }


def _known(rule: Rule, variables: Variables, codes: tuple[Coding, ...]) -> Determination:
    try:
        details = [dynamic.read(variables) for dynamic in rule.dynamic]
    except ExpressionError as error:
        return _undecided(rule, codes, Covered.INDETERMINATE, _technical(rule, str(error)))
    given = (*rule.determination.details, *filter(None, details))
    return replace(rule.determination, details=given, billing_codes=codes)


def _unknown(rule: Rule, unknown: ConditionTrace, codes: tuple[Coding, ...]) -> Determination:
    """What is said when a condition cannot be decided: never the rule's own answer, and never nothing."""
    if unknown.error:
        reason = _technical(rule, f"{unknown.description}: {unknown.error}")
        return _undecided(rule, codes, Covered.INDETERMINATE, reason)
    needed = InfoNeeded.TIMEFRAME if unknown.description == IN_FORCE else InfoNeeded.OTHER
    return _undecided(rule, codes, Covered.CONDITIONAL, _open_question(rule, unknown), needed)


def _undecided(
    rule: Rule, codes: tuple[Coding, ...], covered: Covered, reason: Reason, *needed: InfoNeeded
) -> Determination:
    return Determination(
        covered=covered,
        info_needed=frozenset(needed),
        reasons=(reason,),
        billing_codes=codes,
        citations=(rule.citation,),
    )


def _open_question(rule: Rule, unknown: ConditionTrace) -> Reason:
    number = rule.citation.number
    if unknown.description == LINE:
        lines = " or ".join(line.name for line in rule.policy.lines)
        words = (
            f"Policy {number} applies to members of {lines}; this member's plan could not be told."
        )
        return Reason(text=words, coding=PLAN_NOT_IDENTIFIED)
    words = f"Policy {number} may apply; it could not be told whether {unknown.description}."
    return Reason(text=words, coding=CONDITION_UNKNOWN)


def _technical(rule: Rule, problem: str) -> Reason:
    # CRD resp-43: a coding, and the details in words.
    words = f"Policy {rule.citation.number} could not be applied to this order: {problem}."
    return Reason(text=words, coding=TECHNICAL)


def _billing_codes(candidate: Candidate) -> tuple[Coding, ...]:
    """The matched codings as the policy writes them: a code on an order is no promise of the code billed."""
    matched = {coding.key for coding in candidate.matched}
    return tuple(coding for coding in candidate.rule.codings if coding.key in matched)


def _finding(
    candidate: Candidate,
    conditions: tuple[ConditionTrace, ...],
    determination: Determination | None,
) -> Finding:
    citation = candidate.rule.citation
    missing = tuple(one.description for one in conditions if one.value is Truth.UNKNOWN)
    trace = RuleTrace(
        citation=citation,
        matched=candidate.matched,
        conditions=conditions,
        spoke=determination is not None,
        missing=missing,
    )
    return Finding(trace, determination)
