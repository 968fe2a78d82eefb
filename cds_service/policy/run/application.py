"""Applying a rule to an order: its conditions, and its determination if none of them is false."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from cds_service.crd.codes import (
    CONDITION_UNKNOWN,
    PLAN_NOT_IDENTIFIED,
    TECHNICAL,
    Covered,
    InfoNeeded,
)
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.crd.decision.trace import ConditionKind, ConditionTrace, RuleTrace
from cds_service.crd.request.membership import Membership
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.run.evaluation import Evaluation
from cds_service.policy.run.rules import Policy, Rule


def apply_rule(rule: Rule, matched: Sequence[Coding], evaluation: Evaluation) -> RuleTrace:
    """What one rule determines for one order, found by these codings of it.

    Nothing if any condition is false.
    """
    conditions = (
        *standing_conditions(rule.policy, evaluation),
        *[condition.test(evaluation) for condition in rule.conditions],
    )
    return RuleTrace(
        citation=rule.citation,
        matched=tuple(matched),
        conditions=conditions,
        determination=_determine(rule, rule.as_written(matched), conditions, evaluation),
    )


def standing_conditions(policy: Policy, evaluation: Evaluation) -> tuple[ConditionTrace, ...]:
    """Those no rule has to write: the version in force, and the line of business."""
    return evaluation.once(
        policy, lambda: _standing(policy, evaluation.membership, evaluation.days)
    )


def _standing(policy: Policy, membership: Membership, days: Days) -> tuple[ConditionTrace, ...]:
    # Advice given without a Coverage is worded for members of the line, so there it is not asked.
    in_line = policy.governs(membership) if membership.coverage else Truth.TRUE
    return (
        ConditionTrace(
            kind=ConditionKind.IN_FORCE,
            description="this version is in force on the date of service",
            expression="effectivePeriod",
            value=policy.in_force(days),
        ),
        _line_of_business(in_line),
    )


def _line_of_business(value: Truth) -> ConditionTrace:
    return ConditionTrace(
        kind=ConditionKind.LINE_OF_BUSINESS,
        description="the member's plan is in the policy's line of business",
        expression="useContext",
        value=value,
    )


def determination_on(rule: Rule, day: date) -> Determination:
    """What a rule determines for services on one day where all its conditions hold.

    For who reads rules apart from any order: without what an order earns.
    """
    if _is_expired(rule.determination, Days(day, day)):
        return _expired(rule, ())
    return rule.determination


def plan_not_known(rule: Rule) -> Determination:
    """What a rule of some lines of business determines where a member's plan cannot be told."""
    return _open(rule, (), _line_of_business(Truth.UNKNOWN))


def _determine(
    rule: Rule,
    codes: tuple[Coding, ...],
    conditions: tuple[ConditionTrace, ...],
    evaluation: Evaluation,
) -> Determination | None:
    if Truth.FALSE in [condition.value for condition in conditions]:
        return None
    unknown = [condition for condition in conditions if condition.value is Truth.UNKNOWN]
    if not unknown:
        return _decided(rule, codes, evaluation)
    failed = [condition for condition in unknown if condition.failed]
    # What failed before what is merely unknown: an error is never hidden.
    return _failed(rule, codes, failed[0]) if failed else _open(rule, codes, unknown[0])


def _decided(rule: Rule, codes: tuple[Coding, ...], evaluation: Evaluation) -> Determination:
    """The rule's own determination, with the details this order earns."""
    if _is_expired(rule.determination, evaluation.days):
        return _expired(rule, codes)
    try:
        details = [dynamic.read(evaluation) for dynamic in rule.dynamic]
        others = [other for dynamic in rule.dependencies for other in dynamic.read(evaluation)]
    except ExpressionError as error:
        return _technical(rule, codes, str(error))
    determination = rule.determination
    return replace(
        determination,
        details=(*determination.details, *filter(None, details)),
        dependencies=tuple(dict.fromkeys((*determination.dependencies, *others))),
        billing_codes=codes,
    )


def _is_expired(determination: Determination, days: Days) -> bool:
    """Whether the service may be on a day on which the determination holds no more."""
    last = determination.expiry_date
    return last is not None and last < days.last and not determination.is_refusal


def _expired(rule: Rule, codes: tuple[Coding, ...]) -> Determination:
    """Never looser than the policy: what it promises until a day, it does not promise beyond."""
    words = (
        f"What policy {rule.citation.number} determines holds for services until "
        f"{rule.determination.expiry_date}; this one is or may be later."
    )
    return Determination(
        covered=Covered.CONDITIONAL,
        info_needed=frozenset({InfoNeeded.TIMEFRAME}),
        reasons=(Reason(text=words, coding=CONDITION_UNKNOWN),),
        billing_codes=codes,
        citations=(rule.citation,),
    )


def _failed(rule: Rule, codes: tuple[Coding, ...], condition: ConditionTrace) -> Determination:
    problem = condition.error or "; ".join(condition.causes)
    return _technical(rule, codes, f"{condition.description}: {problem}")


def _technical(rule: Rule, codes: tuple[Coding, ...], problem: str) -> Determination:
    # CRD resp-43: a coding, and the details in words.
    words = f"Policy {rule.citation.number} could not be applied to this order: {problem}."
    return Determination(
        covered=Covered.INDETERMINATE,
        reasons=(Reason(text=words, coding=TECHNICAL),),
        billing_codes=codes,
        citations=(rule.citation,),
    )


def _open(rule: Rule, codes: tuple[Coding, ...], condition: ConditionTrace) -> Determination:
    """When a condition cannot be decided: never the rule's own determination, and never none."""
    is_date = condition.kind is ConditionKind.IN_FORCE
    return Determination(
        covered=Covered.CONDITIONAL,
        info_needed=frozenset({InfoNeeded.TIMEFRAME if is_date else InfoNeeded.OTHER}),
        reasons=(_open_question(rule, condition),),
        billing_codes=codes,
        citations=(rule.citation,),
    )


def _open_question(rule: Rule, condition: ConditionTrace) -> Reason:
    number = rule.citation.number
    if condition.kind is ConditionKind.LINE_OF_BUSINESS:
        lines = " or ".join(line.name for line in rule.policy.lines)
        words = (
            f"Policy {number} applies to members of {lines}; this member's plan could not be told."
        )
        return Reason(text=words, coding=PLAN_NOT_IDENTIFIED)
    if condition.causes:
        # Of two rules that ask for opposites, both lack the same: that is said once.
        words = f"Policy {number} may apply; that cannot be told: {'; '.join(condition.causes)}."
    else:
        words = f"Policy {number} may apply; it cannot be told whether this holds: "
        words += f"“{condition.description}”."
    return Reason(text=words, coding=CONDITION_UNKNOWN)
