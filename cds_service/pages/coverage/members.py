"""Whose rule it is: the plans whose members it can be for, as far as that is plain from the rule.

A condition on nothing but the member's plan is decided here for each plan of the payer, so that a
line of the list is about the plans it can hold for. What such a condition leaves open excludes no
plan: the list may show a line too many, and never one too few.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.crd.request.membership import Payer, Plan
from cds_service.fhir.truth import Truth
from cds_service.pages.coverage.conditions import evaluate_known
from cds_service.policy.run.rules import Condition, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The plans whose members a rule can be for, and whether also those of no known plan.

    `everyone` stands for all members of the payer. It `is_certain` where the rule's conditions on
    the plan hold for them all, and none of these conditions is left open.
    """

    plans: tuple[Plan, ...]
    plan_unknown: bool
    everyone: bool
    is_certain: bool

    @property
    def in_words(self) -> str:
        """`all members`, or the plans, and whether members whose plan is not known count too."""
        if self.everyone:
            return "all members"
        named = [plan.name for plan in self.plans]
        if self.plan_unknown:
            named.append("members whose plan is not known")
        return " or ".join(named) or "members of no plan listed here"

    def includes(self, plan_id: str) -> bool:
        """Whether members of a plan are among them."""
        return self.everyone or any(plan.id == plan_id for plan in self.plans)

    def overlap(self, other: "Members") -> bool:
        """Whether a member may be among both."""
        if self.plan_unknown and other.plan_unknown:
            return True
        return any(other.includes(plan.id) for plan in self.plans)


class MemberReader:
    """Reads whose rules are whose; what rules share is decided once."""

    def __init__(self) -> None:
        self._decided: dict[tuple[Condition, str], Truth] = {}

    def members_of(self, rule: Rule, payer: Payer) -> Members:
        """Whose rule it is."""
        lines = rule.policy.lines
        asked = [condition for condition in rule.conditions if is_about_plan(condition)]
        plans = tuple(plan for plan in lines or payer.plans if self._holds(asked, plan))
        plan_unknown = not lines and self._holds(asked, None)
        whose = [*plans, *([None] if plan_unknown else [])]
        return Members(
            plans=plans,
            plan_unknown=plan_unknown,
            everyone=plan_unknown and plans == payer.plans,
            is_certain=all(
                self._value(condition, plan) is Truth.TRUE for plan in whose for condition in asked
            ),
        )

    def _holds(self, conditions: Iterable[Condition], plan: Plan | None) -> bool:
        return all(self._value(condition, plan) is not Truth.FALSE for condition in conditions)

    def _value(self, condition: Condition, plan: Plan | None) -> Truth:
        asked = condition, plan.id if plan else ""
        if asked not in self._decided:
            self._decided[asked] = evaluate_for_plan(condition, plan)
        return self._decided[asked]


def is_about_plan(condition: Condition) -> bool:
    """Whether a condition reads the member's plan and nothing else."""
    expression = condition.expression
    return expression.variables == {"plan"} and not expression.resolves


def evaluate_for_plan(condition: Condition, plan: Plan | None) -> Truth:
    """What a condition on the plan alone comes to for members of a plan, or of none known."""
    return evaluate_known(condition, {"plan": (plan.resource,) if plan else ()})
