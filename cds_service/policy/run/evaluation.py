"""Evaluation: one order of one membership on one day, as the conditions of rules see it."""

from collections.abc import Callable, Mapping
from typing import Any

from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.errors import ExpressionError
from cds_service.fhir.coding import read_words
from cds_service.fhir.dates import Days
from cds_service.fhir.resource import objects, text
from cds_service.policy.run.conditions import Expression


class Evaluation:
    """Evaluates expressions: a shared one once, and a variable is bound when it is first read."""

    def __init__(self, order: Order, membership: Membership, days: Days) -> None:
        self.order, self.membership, self.days = order, membership, days
        self._variables: dict[str, Any] = {}
        self._results: dict[Expression, tuple[Any, ...] | ExpressionError] = {}

    def evaluate(self, expression: Expression) -> tuple[Any, ...]:
        """What an expression yields for this order.

        Raises:
            ExpressionError: it cannot be evaluated.
        """
        if expression.count:
            (count,) = self.evaluate(expression.count)
            return ((count > 0) is expression.if_any,)
        if expression not in self._results:
            self._results[expression] = self._run(expression)
        result = self._results[expression]
        if isinstance(result, ExpressionError):
            raise result
        return result

    def _run(self, expression: Expression) -> tuple[Any, ...] | ExpressionError:
        for name in expression.variables:
            if name not in self._variables:
                self._variables[name] = _BINDINGS[name](self)
        try:
            return expression.evaluate(self._variables)
        except ExpressionError as error:
            return error


def _date_of_service(evaluation: Evaluation) -> Any:
    """The one day it can only be; unknown if it may be several."""
    days = evaluation.days
    return days.first.isoformat() if days.first == days.last else []


def _words(evaluation: Evaluation) -> list[str]:
    """What an order says in words: texts and displays of its codes and details, and its notes."""
    order = evaluation.order
    details = read_words(order.resource.get("orderDetail"))
    notes = (text(note.get("text")) for note in objects(order.resource.get("note")))
    return list(dict.fromkeys((*order.words, *details, *filter(None, notes))))


def _plan(evaluation: Evaluation) -> Any:
    plan = evaluation.membership.plan
    return plan.resource if plan else []


_BINDINGS: Mapping[str, Callable[[Evaluation], Any]] = {
    "order": lambda evaluation: evaluation.order.resource,
    "words": _words,
    "coverage": lambda evaluation: evaluation.membership.coverage or [],
    "patient": lambda evaluation: evaluation.membership.patient or [],
    "plan": _plan,
    "dos": _date_of_service,
}
