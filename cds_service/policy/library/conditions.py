"""Conditions of actions, as they stand in a PlanDefinition; rules that state the same share it."""

from collections.abc import Iterator

from cds_service.errors import ExpressionError
from cds_service.fhir.resource import first, objects, text
from cds_service.policy.language.expressions import Expression
from cds_service.policy.library.action import Action
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.run.rules import Condition


class ConditionReader:
    """Reads the conditions of one library: what several rules ask, an order is asked once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Expression], Condition] = {}

    def read(self, action: Action, expressions: RuleExpressions) -> tuple[Condition, ...]:
        """The conditions of one action.

        Raises:
            ArtifactError: one cannot be used.
        """
        return tuple(self._read(action, expressions))

    def _read(self, action: Action, expressions: RuleExpressions) -> Iterator[Condition]:
        for number, condition in enumerate(objects(action.json.get("condition"))):
            expression = first(condition.get("expression"))
            where = f".condition[{number}]"
            if (
                condition.get("kind") != "applicability"
                or expression.get("language") != "text/fhirpath"
            ):
                raise action.broken(where, "a condition is of kind applicability, in text/fhirpath")
            try:
                compiled = expressions.compile(text(expression.get("expression")))
            except ExpressionError as error:
                raise action.broken(f"{where}.expression.expression", error) from error
            description = text(expression.get("description")) or compiled.source
            stated = Condition(description=description, expression=compiled)
            yield self._known.setdefault((description, compiled), stated)
