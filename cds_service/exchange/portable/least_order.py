"""What the rules make of the least order that a portable condition lets through.

Of the order one code is known, and that its other codes are of systems in which the payer has no
rules; of the member what his case tells; of the day that it is in the version's time. All else is
unknown, as it is where the EHR cannot be read.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import Order
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.policy.language.collection import Collection, as_open, unknown
from cds_service.policy.language.expressions import Expression
from cds_service.policy.run.evaluation import Evaluated, Evaluation
from cds_service.policy.run.inputs import Input

_TYPE_OF_COVERAGE = {
    ("type",),
    ("type", "coding"),
    ("type", "coding", "system"),
    ("type", "coding", "code"),
}
_IS_THERE = "%order.exists()"  # what the plain rule asks (design: 4.5)
_UNKNOWN: Mapping[str, str] = MappingProxyType(
    {
        "order": "what else the order says",
        "words": "what the order says in words",
        "indications": "what the order is for",
        "patient": "who the patient is",
        "age": "the member's age",
        "dos": "which day the service is on",
        "coverage": "what the Coverage says",
        "plan": "the member's plan",
    }
)


def least_order(order_type: str, coding: Coding) -> Order:
    """An order of this type of which one code is known."""
    return Order(
        resource={"resourceType": order_type},
        key=None,
        type=order_type,
        codings=(coding,),
        billing_options=(),
        words=(),
        date_of_service=None,
        prohibits=False,
        modified=False,
    )


class LeastEvaluation(Evaluation):
    """Evaluates expressions of which most variables are unknown."""

    def __init__(
        self,
        order: Order,
        membership: Membership,
        days: Days,
        expressions: Iterable[Expression],
    ) -> None:
        """`expressions` are all that will be evaluated."""
        super().__init__(order, membership, days, index_chart((), patient_id=""))
        self._knows_coverage = bool(membership.coverage.get("type")) and all(
            _reads_only_type(expression) for expression in expressions
        )

    @property
    def codes(self) -> Collection:
        """The one code, and perhaps others."""
        return as_open(super().codes, unknown("which other codes the order has"))

    def trace(self, expression: Expression) -> Evaluated:
        """What an expression yields; the order is there, whatever else is known of it."""
        if "".join(expression.source.split()) == _IS_THERE:
            return Evaluated((True,), "", ())
        return super().trace(expression)

    def variable(self, name: str) -> Collection:
        """The plan and the type of the Coverage where the member's case tells them."""
        if name == "codes":
            return self.codes
        if name == "plan" and self.membership.plan:
            return (self.membership.plan.resource,)
        if name == "coverage" and self._knows_coverage:
            return (self.membership.coverage,)
        return unknown(_UNKNOWN[name])

    def input(self, wanted: Input) -> Collection:
        """Nothing: history cannot be asked for."""
        return unknown(f"the patient's history ({wanted.type})")

    def resolve(self, reference: Any, within: Any) -> Collection:  # noqa: ARG002
        """Nothing: no reference can be followed."""
        return unknown("what the order refers to")


def _reads_only_type(expression: Expression) -> bool:
    """Whether all it reads of a Coverage is the codings of its type."""
    places = [place.names for place in expression.places if place.root == "%coverage"]
    if "coverage" not in expression.variables:
        return True
    return bool(places) and all(names in _TYPE_OF_COVERAGE for names in places)
