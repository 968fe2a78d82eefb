"""Policies and rules, compiled: what a payer's PlanDefinition comes to at run time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from cds_service.crd.decision.determination import (
    Citation,
    Detail,
    Determination,
)
from cds_service.crd.decision.trace import ConditionKind, ConditionTrace
from cds_service.crd.request.membership import Plan
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, CodingKey
from cds_service.fhir.dates import Days
from cds_service.fhir.resource import JsonObject
from cds_service.fhir.truth import Truth
from cds_service.policy.run.conditions import Expression, truth
from cds_service.policy.run.evaluation import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of one policy; `lines` are the plans it is limited to, if any."""

    id: str
    url: str
    version: str
    payer_id: str
    lines: tuple[Plan, ...]
    start: date
    end: date
    hooks: frozenset[str]
    terms: tuple[str, ...]
    resource: JsonObject
    citation: Citation

    def in_force(self, days: Days) -> Truth:
        """Whether this version governs; unknown if only some of the days it may be lie inside."""
        if self.start <= days.first and days.last <= self.end:
            return Truth.TRUE
        return Truth.FALSE if days.last < self.start or self.end < days.first else Truth.UNKNOWN

    def governs(self, plan: Plan | None) -> Truth:
        """Whether a member of this plan is in the policy's line of business."""
        if not self.lines:
            return Truth.TRUE
        if plan is None:
            return Truth.UNKNOWN
        return Truth.TRUE if any(plan.id == line.id for line in self.lines) else Truth.FALSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One applicability condition of a rule."""

    description: str
    expression: Expression

    def test(self, evaluation: Evaluation) -> ConditionTrace:
        """What the condition comes to; an error leaves it unknown and is named."""
        try:
            return self._trace(truth(evaluation.evaluate(self.expression)))
        except ExpressionError as error:
            return self._trace(Truth.UNKNOWN, str(error))

    def _trace(self, value: Truth, error: str = "") -> ConditionTrace:
        return ConditionTrace(
            kind=ConditionKind.OF_THE_RULE,
            description=self.description,
            expression=self.expression.source,
            value=value,
            error=error,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicDetail:
    """A detail given only `when` an expression holds, or whose words an expression yields.

    A person reads the two expressions as `when_in_words` and `value_in_words`: their descriptions,
    or else their sources; empty where there is no expression.
    """

    detail: Detail
    when: Expression | None
    value: Expression | None
    when_in_words: str = ""
    value_in_words: str = ""

    def read(self, evaluation: Evaluation) -> Detail | None:
        """The detail for one order, or None if it is not to be given.

        Raises:
            ExpressionError: an expression cannot be evaluated.
        """
        if self.when and truth(evaluation.evaluate(self.when)) is not Truth.TRUE:
            return None
        if self.value is None:
            return self.detail
        words = " ".join(str(word) for word in evaluation.evaluate(self.value))
        return replace(self.detail, value=words) if words else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One child action of a PlanDefinition; no `codings` means every order of its type.

    For a person who reads the rule there are its action's `description` and `text_equivalent`, the
    `document` it is taken from, and all its `details`, the dynamic ones among them, in the order in
    which the payer wrote them.
    """

    policy: Policy
    citation: Citation
    order_type: str
    codings: tuple[Coding, ...]
    conditions: tuple[Condition, ...]
    determination: Determination
    dynamic: tuple[DynamicDetail, ...]
    description: str = ""
    text_equivalent: str = ""
    document: str = ""
    details: tuple[DynamicDetail, ...] = ()
    # Where each key stands in `codings`: a rule may list thousands, an order names a few.
    by_key: Mapping[CodingKey, int] = field(init=False)

    def __post_init__(self) -> None:
        places = {coding.key: place for place, coding in reversed(list(enumerate(self.codings)))}
        object.__setattr__(self, "by_key", places)

    def is_for(self, payer_id: str, order_type: str, hook: str) -> bool:
        """Whether the rule is this payer's, for this type of order, on this hook."""
        policy = self.policy
        return (
            payer_id == policy.payer_id and order_type == self.order_type and hook in policy.hooks
        )

    def matches(self, codings: Iterable[Coding]) -> tuple[Coding, ...]:
        """The order's codings that the rule lists."""
        return tuple(coding for coding in codings if coding.key in self.by_key)

    def as_written(self, matched: Iterable[Coding]) -> tuple[Coding, ...]:
        """Matched codings as the policy writes them: an order's code may not be the one billed."""
        places = {self.by_key[coding.key] for coding in matched}
        return tuple(self.codings[place] for place in sorted(places))
