"""Conditions that can be decided without an order: those on a plan, or on one code, alone."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.fhir.coding import Coding
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Collection, truth, unknown
from cds_service.policy.language.concept_coding import ConceptCoding
from cds_service.policy.run.rules import Condition

# What the plainest rules state: that there is an order, or that a code of it is in a ValueSet. More
# codes on the order cannot make it false.
_ANY_ORDER = "%order.exists()"
_LISTED_CODE = re.compile(r"%codes\.where\(memberOf\('[^']*'\)\)\.exists\(\)")


def holds_for_code(condition: Condition, coding: Coding | None) -> bool:
    """Whether a condition holds for every order of a code, whatever else stands on it.

    Without a coding, for every order.
    """
    source = condition.expression.source.strip()
    if source == _ANY_ORDER:
        return True
    if coding is None or not _LISTED_CODE.fullmatch(source):
        return False
    ordered = ConceptCoding(coding.to_json(), coding.key, (coding.key,), "code")
    return evaluate_known(condition, {"codes": (ordered,)}) is Truth.TRUE


def evaluate_known(condition: Condition, values: Mapping[str, Collection]) -> Truth:
    """What a condition comes to where only these variables are known.

    What reads another one, or cannot be evaluated, is unknown.
    """
    try:
        return truth(condition.expression.evaluate(_KnownScope(values)))
    except ExpressionError:
        return Truth.UNKNOWN


@dataclass(frozen=True, slots=True)
class _KnownScope:
    """What an expression is evaluated over: a few variables, and nothing behind references."""

    values: Mapping[str, Collection]

    def variable(self, name: str) -> Collection:
        return self.values.get(name, unknown("there is no order to read"))

    def resolve(self, reference: Any, within: Any) -> Collection:  # noqa: ARG002  # the protocol's
        return unknown("a reference could not be read")

    def note(self, path: str, values: Collection) -> None:
        """Nobody asks what was read."""

    def once(self, key: object, compute: Callable[[], Collection]) -> Collection:  # noqa: ARG002
        return compute()
