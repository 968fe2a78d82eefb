"""Policies and rules, compiled: what a payer's PlanDefinition comes to at run time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from cds_service.crd.codes import Topic
from cds_service.crd.decision.dependency import Dependency, read_dependency
from cds_service.crd.decision.determination import (
    Citation,
    Detail,
    Determination,
)
from cds_service.crd.decision.trace import ConditionKind, ConditionTrace
from cds_service.crd.request.membership import Membership, Plan
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding, CodingKey
from cds_service.fhir.dates import Days
from cds_service.fhir.resource import JsonObject
from cds_service.fhir.truth import Truth
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.collection import Failure, causes_of, is_open, truth
from cds_service.policy.language.expressions import Expression
from cds_service.policy.plans import names_other_line
from cds_service.policy.run.evaluation import Evaluation, why_unknown
from cds_service.policy.run.inputs import Input
from cds_service.policy.run.proposal_templates import ProposalTemplate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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

    def governs(self, membership: Membership) -> Truth:
        """Whether a member is in the policy's line of business, as far as the Coverage tells."""
        plan = membership.plan
        if not self.lines:
            return Truth.TRUE
        if plan is not None:
            return Truth.TRUE if any(plan.id == line.id for line in self.lines) else Truth.FALSE
        others = (names_other_line(membership.coverage, line) for line in self.lines)
        return Truth.FALSE if all(others) else Truth.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Condition:
    """One applicability condition of a rule; rules that state the same one share it."""

    description: str
    expression: Expression

    def test(self, evaluation: Evaluation) -> ConditionTrace:
        """What the condition comes to; an error leaves it unknown and is named."""
        return evaluation.once(self, lambda: self._test(evaluation))

    def _test(self, evaluation: Evaluation) -> ConditionTrace:
        evaluated = evaluation.trace(self.expression)
        value, error = Truth.UNKNOWN, evaluated.error
        if not error:
            try:
                value = truth(evaluated.collection)
            except ExpressionError as raised:
                error = str(raised)
        causes = why_unknown(evaluated)
        return ConditionTrace(
            kind=ConditionKind.OF_THE_RULE,
            description=self.description,
            expression=self.expression.source,
            value=value,
            error=error,
            causes=causes,
            failed=bool(error) or (bool(causes) and _name_a_failure(causes)),
            read=evaluated.read,
        )


def _name_a_failure(causes: tuple[str, ...]) -> bool:
    return any(isinstance(cause, Failure) for cause in causes)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicDependency:
    """The other orders that an order depends on, as an expression yields them.

    It yields References, as `%order.basedOn` does, or literal ones as text. A person reads it as
    `in_words`: its description, or else its source.
    """

    expression: Expression
    in_words: str

    def read(self, evaluation: Evaluation) -> tuple[Dependency, ...]:
        """The dependencies of one order.

        Raises:
            ExpressionError: the expression cannot be evaluated, or yields what refers to nothing,
                or more than could be read.
        """
        try:
            yielded = evaluation.evaluate(self.expression)
            if is_open(yielded):
                raise ExpressionError("; ".join(causes_of(yielded)) or "not all could be read")
            found = map(read_dependency, yielded)
            return tuple(dependency for dependency in found if dependency)
        except ValueError as error:
            raise ExpressionError(f"{self.in_words}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """One child action of a PlanDefinition; no `code_set` means every order of its type.

    For a person who reads the rule there are its action's `description` and `text_equivalent`, the
    `document` it is taken from, and all its `details`, the dynamic ones among them, in the order in
    which the payer wrote them.
    """

    policy: Policy
    citation: Citation
    order_type: str
    code_set: CodeSet | None
    conditions: tuple[Condition, ...]
    determination: Determination
    dynamic: tuple[DynamicDetail, ...]
    dependencies: tuple[DynamicDependency, ...] = ()
    description: str = ""
    text_equivalent: str = ""
    document: str = ""
    details: tuple[DynamicDetail, ...] = ()
    proposals: tuple[ProposalTemplate, ...] = ()
    # Where each key stands in `codings`: a rule may list thousands, an order names a few.
    by_key: Mapping[CodingKey, int] = field(init=False)
    # Whether it may need more than a call is about: asked of it in every call.
    reads_chart: bool = field(init=False)

    def __post_init__(self) -> None:
        places = {coding.key: place for place, coding in reversed(list(enumerate(self.codings)))}
        object.__setattr__(self, "by_key", places)
        reads_chart = any(expression.reads_chart for expression in self._expressions)
        object.__setattr__(self, "reads_chart", reads_chart)

    @property
    def details_read(self) -> tuple[Expression, ...]:
        """The expressions that its determination is worded by, and its proposals made by."""
        worded = (part for dynamic in self.dynamic for part in (dynamic.when, dynamic.value))
        yielded = (dynamic.expression for dynamic in self.dependencies)
        proposed = (part for proposal in self.proposals for part in proposal.expressions)
        return (*filter(None, worded), *yielded, *proposed)

    @property
    def topics(self) -> frozenset[Topic]:
        """The response types of its proposals."""
        return frozenset(proposal.topic for proposal in self.proposals)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it asks for besides its order, and some expression of it reads."""
        return tuple(
            dict.fromkeys(
                wanted for expression in self._expressions for wanted in expression.inputs.values()
            )
        )

    @property
    def _expressions(self) -> tuple[Expression, ...]:
        tested = (condition.expression for condition in self.conditions)
        return (*tested, *self.details_read)

    @property
    def codings(self) -> tuple[Coding, ...]:
        """The codes of its filter, where that lists them."""
        return self.code_set.codings if self.code_set else ()

    @property
    def families_in(self) -> frozenset[str]:
        """The code systems in which the filter takes families of codes, so that it lists none."""
        is_listed = self.code_set is None or self.code_set.is_listed
        return frozenset() if self.code_set is None or is_listed else self.code_set.covered

    def is_for(self, payer_id: str, order_type: str, hook: str) -> bool:
        """Whether the rule is this payer's, for this type of order, on this hook."""
        policy = self.policy
        return (
            payer_id == policy.payer_id and order_type == self.order_type and hook in policy.hooks
        )

    def matches(self, codings: Iterable[Coding]) -> tuple[Coding, ...]:
        """The order's codings that the rule's filter lets through."""
        if self.code_set is None:
            return ()
        return tuple(coding for coding in codings if self.code_set.holds(coding.key))

    def as_written(self, matched: Iterable[Coding]) -> tuple[Coding, ...]:
        """Matched codings as the policy writes them: an order's code may not be the one billed.

        What a filter does not list is written as the order has it.
        """
        matched = tuple(matched)
        places = {self.by_key[coding.key] for coding in matched if coding.key in self.by_key}
        others = [coding for coding in matched if coding.key not in self.by_key]
        return (*(self.codings[place] for place in sorted(places)), *others)
