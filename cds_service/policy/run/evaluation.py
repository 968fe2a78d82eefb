"""Evaluation: one order of one membership on one day, as the conditions of rules see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.crd.request.promised import is_promised
from cds_service.errors import ExpressionError
from cds_service.fhir.dates import Days, parse_days
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import text
from cds_service.policy.language.calendar import moment_of, whole_years
from cds_service.policy.language.collection import Collection, Failure, as_open, unknown
from cds_service.policy.language.expressions import Expression
from cds_service.policy.run.history import bind
from cds_service.policy.run.indications import read_indications
from cds_service.policy.run.inputs import Input
from cds_service.policy.run.order_codes import OrderCodes

T = TypeVar("T")

Read = tuple[str, Collection]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an expression yielded, or why it could not, and what it read to get there."""

    collection: Collection
    error: str
    read: tuple[Read, ...]


class Evaluation:
    """Evaluates expressions: a shared one once, and a variable is bound when it is first read.

    `needs` are the queries that would bring what was missing, each once.
    """

    def __init__(self, order: Order, membership: Membership, days: Days, chart: Chart) -> None:
        self.order, self.membership, self.days, self.chart = order, membership, days, chart
        self.needs: dict[str, None] = {}
        self._is_visit = order.ruled_as != order.type
        self._billed_as: Sequence[int] | None = None  # all of the order's groups
        self._order_codes = OrderCodes(order)
        self._known: dict[object, Any] = {}
        self._evaluated: dict[Expression, Evaluated] = {}

    def billed_as(self, groups: Sequence[int]) -> "Evaluation":
        """The same order as if it had only these of its groups of billing codes, by number."""
        evaluation = Evaluation(self.order, self.membership, self.days, self.chart)
        evaluation._billed_as, evaluation._order_codes = groups, self._order_codes
        return evaluation

    @property
    def codes(self) -> Collection:
        """The codings that count, of the order itself and of what it is billed as."""
        return self._order_codes.of(self._billed_as)

    def evaluate(self, expression: Expression) -> Collection:
        """What an expression yields for this order.

        Raises:
            ExpressionError: it cannot be evaluated.
        """
        evaluated = self.trace(expression)
        if evaluated.error:
            raise ExpressionError(evaluated.error)
        return evaluated.collection

    def trace(self, expression: Expression) -> Evaluated:
        """What an expression yields or why it cannot, with what it reads; nothing is raised."""
        if expression not in self._evaluated:
            is_promised = not self._is_visit or self._promises(expression)
            scope = _Scope(self, expression.inputs, is_promised)
            try:
                collection, error = expression.evaluate(scope), ""
            except ExpressionError as raised:
                collection, error = (), str(raised)
            self._evaluated[expression] = Evaluated(collection, error, tuple(scope.read))
        return self._evaluated[expression]

    def _promises(self, expression: Expression) -> bool:
        """Whether the profile of a visit has all that an expression reads of it (CRD conf-8).

        It may not, for rules are checked by the profile of what it is ruled as.
        """
        return all(
            is_promised(self.order.type, place.names)
            for place in expression.places
            if place.root == "%order"
        )

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """What is computed the first time it is asked for."""
        if key not in self._known:
            self._known[key] = compute()
        known: T = self._known[key]
        return known

    def variable(self, name: str) -> Collection:
        """The value of one of the variables that every rule has."""
        return self.once(name, lambda: _BINDINGS[name](self))

    def input(self, wanted: Input) -> Collection:
        """The value of a variable that only one rule has."""
        return self.once(wanted, lambda: bind(wanted, self.order.resource, self.days, self))

    def resolve(self, reference: Any, within: Any) -> Collection:
        """The resource that a Reference made by the resource `within` leads to."""
        if not isinstance(reference, dict):
            return unknown("a reference could not be read")
        found = self.chart.find(reference, within)
        if found is not None:
            return (found,)
        key = parse_reference(text(reference.get("reference")))
        state = self.chart.lookups.state_of_read(key) if key else Lookup.ABSENT
        if key and state is Lookup.NOT_ASKED:
            self.need(str(key))
        what = f"a {key.type if key else 'resource'} that is referred to"
        return _not_at_hand(what, failed=state is Lookup.FAILED)

    def need(self, query: str) -> None:
        """Note a query that would bring what is missing."""
        self.needs[query] = None


@dataclass(frozen=True, slots=True)
class _Scope:
    """What one expression is evaluated over: the variables of all rules, and its own rule's."""

    evaluation: Evaluation
    inputs: Mapping[str, Input]
    is_promised: bool
    read: list[Read] = field(default_factory=list)

    def variable(self, name: str) -> Collection:
        if name in self.inputs:
            return self.evaluation.input(self.inputs[name])
        if name == "order" and not self.is_promised:
            return unknown(f"CRD's profile of {self.evaluation.order.type} has no such element")
        return self.evaluation.variable(name)

    def resolve(self, reference: Any, within: Any) -> Collection:
        return self.evaluation.resolve(reference, within)

    def note(self, path: str, values: Collection) -> None:
        self.read.append((path, values))

    def once(self, key: object, compute: Callable[[], Collection]) -> Collection:
        # Another rule's input of the same name is something else, and `%order` may be unknown.
        return self.evaluation.once((key, self.is_promised, *self.inputs.values()), compute)


def _not_at_hand(what: str, *, failed: bool) -> Collection:
    """Nothing known of a resource, in other words where an attempt to read it has failed.

    Causes that are alike in words are one, and then which of the two it is would be lost.
    """
    return unknown(Failure(f"{what} could not be read") if failed else f"{what} is not at hand")


def _order(evaluation: Evaluation) -> Collection:
    return (evaluation.order.resource,)


def _words(evaluation: Evaluation) -> Collection:
    """What the codes of the order say in words, each once: nothing else names what is ordered."""
    words = tuple(dict.fromkeys(evaluation.order.words))
    if evaluation.order.may_have_other_codes:
        return as_open(words, unknown("what holds the order's code could not be read"))
    return words


def _indications(evaluation: Evaluation) -> Collection:
    return read_indications(evaluation.order, evaluation.resolve)


def _coverage(evaluation: Evaluation) -> Collection:
    """The Coverage; advice is given without one, and then there is none to read."""
    coverage = evaluation.membership.coverage
    return (coverage,) if coverage else ()


def _patient(evaluation: Evaluation) -> Collection:
    patient, chart = evaluation.membership.patient, evaluation.chart
    if patient:
        return (patient,)
    state = chart.lookups.state(chart.call_patient.key)
    return _not_at_hand("the Patient", failed=state is Lookup.FAILED)


def _plan(evaluation: Evaluation) -> Collection:
    """The member's plan; `%plan.empty()` is how a rule asks whether it is known."""
    plan = evaluation.membership.plan
    return (plan.resource,) if plan else ()


def _date_of_service(evaluation: Evaluation) -> Collection:
    """The one day it can only be; unknown if it may be several."""
    days = evaluation.days
    if days.first == days.last:
        return (moment_of(days.first),)
    return unknown("the date of service is not one day")


def _age(evaluation: Evaluation) -> Collection:
    """The member's age in whole years on the date of service, if that is sure."""
    if not evaluation.membership.patient:
        return _patient(evaluation)
    born = parse_days(evaluation.membership.patient.get("birthDate"))
    if born is None:
        return unknown("the date of birth is not told")
    youngest = whole_years(born.last, evaluation.days.first)
    oldest = whole_years(born.first, evaluation.days.last)
    return (youngest,) if youngest == oldest else unknown("the age on that date is not sure")


_BINDINGS: Mapping[str, Callable[[Evaluation], Collection]] = {
    "order": _order,
    "codes": lambda evaluation: evaluation.codes,
    "words": _words,
    "indications": _indications,
    "coverage": _coverage,
    "patient": _patient,
    "plan": _plan,
    "dos": _date_of_service,
    "age": _age,
}


def why_unknown(evaluated: Evaluated) -> tuple[str, ...]:
    """Why there was no answer, in words; nothing if what was read is merely not there."""
    collection = evaluated.collection
    return getattr(collection, "causes", ()) if not collection else ()
