"""Whether a rule's determination is certain of the least order of one code and one kind of member.

It is where the rule holds whatever else there is to know, and no other rule of the payer can speak.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.trace import ConditionKind, ConditionTrace, RuleTrace
from cds_service.crd.request.membership import Payer
from cds_service.exchange.portable.least_order import LeastEvaluation, least_order
from cds_service.exchange.portable.members import ANYONE, MemberCase, member_cases
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.language.expressions import Expression
from cds_service.policy.run.application import apply_rule
from cds_service.policy.run.index import Candidates, PolicyIndex
from cds_service.policy.run.rules import Rule

# The hooks on which an order stands for itself, and is found by its code.
HOOKS = ("order-sign", "order-dispatch", "order-select")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certain:
    """A rule's determination for one code, and the members of whom it is certain."""

    rule: Rule
    coding: Coding
    days: Days
    members: tuple[MemberCase, ...]
    determination: Determination


def days_of(rule: Rule) -> Days:
    """The days a rule can speak of: those of its version, until what it determines expires."""
    policy, expiry = rule.policy, rule.determination.expiry_date
    return Days(policy.start, min(policy.end, expiry) if expiry else policy.end)


def find_certain(index: PolicyIndex, rule: Rule, coding: Coding) -> Certain | str:
    """What a rule determines for certain of orders with this code, or why nothing is certain.

    The reason is in plain words; empty where the rule never speaks of the code.
    """
    payer = index.payers.get(rule.policy.payer_id)
    cases = (ANYONE, *member_cases(payer))
    why = ""
    certain: list[MemberCase] = []
    determination = rule.determination
    for case in cases:
        traced = _try(index, rule, coding, payer, case)
        if isinstance(traced, str):
            why = traced or why
            continue
        determination = traced
        certain.append(case)
        if case is ANYONE:
            break
    if not certain:
        return why
    return Certain(
        rule=rule,
        coding=coding,
        days=days_of(rule),
        members=tuple(certain),
        determination=determination,
    )


def _try(
    index: PolicyIndex, rule: Rule, coding: Coding, payer: Payer, case: MemberCase
) -> Determination | str:
    order = least_order(rule.order_type, coding)
    candidates = _candidates(index, rule, coding)
    evaluation = LeastEvaluation(
        order, case.of(payer), days_of(rule), list(_expressions(candidates))
    )
    traces = {
        candidate: apply_rule(candidate, found, evaluation)
        for candidate, found in candidates.items()
    }
    own = traces.pop(rule)
    if own.determination is None:
        return ""
    if why := why_open(own):
        return f"it depends on {why}"
    if own.determination.covered is not rule.determination.covered:
        return "what it says besides cannot be told apart from an order"
    return own.determination if not (other := _other(traces, rule)) else other


def _candidates(index: PolicyIndex, rule: Rule, coding: Coding) -> Candidates:
    """The rules that may speak of such an order on any of the hooks."""
    policy = rule.policy
    found: Candidates = {rule: rule.matches((coding,))}
    for hook in HOOKS:
        found |= index.candidates(policy.payer_id, rule.order_type, (coding,), hook)
    return found


def _expressions(candidates: Candidates) -> Iterator[Expression]:
    for rule in candidates:
        yield from (condition.expression for condition in rule.conditions)
        yield from rule.details_read


def why_open(trace: RuleTrace) -> str:
    """What a rule depends on that is not known, in words; empty if it depends on nothing."""
    open_ones = [condition for condition in trace.conditions if condition.value is Truth.UNKNOWN]
    causes = dict.fromkeys(cause for condition in open_ones for cause in _causes(condition))
    return " and ".join(causes)


def _causes(condition: ConditionTrace) -> tuple[str, ...]:
    if condition.kind is ConditionKind.LINE_OF_BUSINESS:
        return ("the member's plan",)
    if condition.kind is ConditionKind.IN_FORCE:
        return ("the day of service",)
    return condition.causes or (f"whether this holds: “{condition.description}”",)


def _other(traces: dict[Rule, RuleTrace], rule: Rule) -> str:
    """Which other rule may speak of the order too, and why that cannot be told."""
    for other, trace in traces.items():
        if trace.determination is None:
            continue
        name = f"{other.policy.id}#{other.citation.rule_id}"
        if why := why_open(trace):
            return f"rule {name} may speak of the same order: that depends on {why}"
        if other.policy is not rule.policy:
            return f"rule {name} speaks of the same order, and no such server combines answers"
        return f"rule {name} of the same policy holds for the same order"
    return ""


def systems_ruled(rules: Sequence[Rule], payer_id: str) -> frozenset[str]:
    """The code systems in which a payer has rules, as our engine compares them."""
    systems: set[str] = set()
    for rule in rules:
        if rule.policy.payer_id == payer_id and rule.code_set:
            systems |= rule.code_set.covered
            systems |= {key.system for key in rule.by_key}
    return frozenset(systems)
