"""`dynamicValue`s of proposals: elements that an expression yields for each order."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from cds_service.errors import ArtifactError, ExpressionError
from cds_service.fhir.models import find_model
from cds_service.fhir.resource import Json, JsonObject, first, objects, text
from cds_service.policy.language.expressions import Expression
from cds_service.policy.library.action import Action
from cds_service.policy.library.elements import FhirTypes
from cds_service.policy.library.rule_expressions import RuleExpressions
from cds_service.policy.library.shape import ShapeChecker
from cds_service.policy.run.proposal_templates import DynamicElement
from cds_service.policy.run.proposals import APP_CONTEXT

# Of the elements that CRD's profiles require or mark must-support, those a payer may propose to
# change: never whose order it is, who requests it, why, or what state it is in.
CHANGEABLE: Mapping[str, tuple[str, ...]] = {
    "ServiceRequest": (
        "category",
        "code",
        "quantityQuantity",
        "quantityRatio",
        "quantityRange",
        "occurrenceDateTime",
        "occurrencePeriod",
        "occurrenceTiming",
        "performerType",
        "locationCode",
    ),
    "DeviceRequest": (
        "codeCodeableConcept",
        "parameter",
        "occurrenceDateTime",
        "occurrencePeriod",
        "occurrenceTiming",
    ),
    "MedicationRequest": (
        "category",
        "medicationCodeableConcept",
        "dosageInstruction",
        "dispenseRequest",
        "substitution",
    ),
    "NutritionOrder": (
        "foodPreferenceModifier",
        "excludeFoodModifier",
        "oralDiet",
        "supplement",
        "enteralFormula",
    ),
    "VisionPrescription": ("lensSpecification",),
    "Coverage": (
        "identifier",
        "status",
        "type",
        "policyHolder",
        "subscriber",
        "subscriberId",
        "dependent",
        "relationship",
        "period",
        "payor",
        "class",
        "order",
        "network",
    ),
}


class DynamicValueReader:
    """Reads the `dynamicValue`s of one library's proposals."""

    def __init__(self) -> None:
        self._types = FhirTypes()
        self._shapes = ShapeChecker()

    def of_resource(
        self, action: Action, target: str, expressions: RuleExpressions
    ) -> tuple[DynamicElement, ...]:
        """The elements of a resource of type `target` that expressions yield.

        Raises:
            ArtifactError: an element may not be changed, or an expression is none.
        """
        make = partial(self._element, target)
        return tuple(_elements(action, CHANGEABLE[target], expressions, make))

    def of_app(self, action: Action, expressions: RuleExpressions) -> tuple[DynamicElement, ...]:
        """The context that an app is given, if an expression yields one; raises the same."""
        return tuple(_elements(action, (APP_CONTEXT,), expressions, _app_context))

    def _element(self, target: str, name: str, expression: Expression) -> DynamicElement:
        fhir_type = self._types.resource(target)
        is_list = fhir_type is not None and fhir_type.elements[name].is_list
        return DynamicElement(
            name=name,
            is_list=is_list,
            expression=expression,
            fits=partial(self._fits, target, name, is_list),
        )

    def _fits(self, target: str, name: str, is_list: bool, value: Json) -> bool:
        """Whether a value may be (in) this element: its JSON type, its shape, codes and formats."""
        alone: JsonObject = {"resourceType": target, name: [value] if is_list else value}
        try:
            self._shapes.check(Path(target), alone)
        except ArtifactError:
            return False
        from pydantic import ValidationError  # noqa: PLC0415  # imported with the model itself

        try:
            find_model(target).model_validate(alone)
        except ValidationError as error:  # among its faults, that the rest of the resource is gone
            return all(str(fault["loc"][0]) != name for fault in error.errors() if fault["loc"])
        return True


def _elements(
    action: Action,
    names: tuple[str, ...],
    expressions: RuleExpressions,
    make: Callable[[str, Expression], DynamicElement],
) -> Iterator[DynamicElement]:
    taken: set[str] = set()
    for number, dynamic in enumerate(objects(action.json.get("dynamicValue"))):
        where = f".dynamicValue[{number}]"
        name = text(dynamic.get("path"))
        if name not in names:
            problem = f"`{name}` cannot be proposed; these can: {', '.join(names)}"
            raise action.broken(f"{where}.path", problem)
        if name in taken:
            raise action.broken(f"{where}.path", f"`{name}` has two values")
        taken.add(name)
        yield make(name, compile_expression(action, where, dynamic, expressions))


def _app_context(name: str, expression: Expression) -> DynamicElement:
    return DynamicElement(name=name, is_list=False, expression=expression, fits=_is_words)


def _is_words(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


def compile_expression(
    action: Action, where: str, holder: JsonObject, expressions: RuleExpressions
) -> Expression:
    """The FHIRPath expression that a part of an action at `where` holds.

    Raises:
        ArtifactError: it holds none that can be used.
    """
    expression = first(holder.get("expression"))
    if expression.get("language") != "text/fhirpath":
        problem = "the language of an expression is text/fhirpath"
        raise action.broken(f"{where}.expression.language", problem)
    try:
        return expressions.compile(text(expression.get("expression")))
    except ExpressionError as error:
        raise action.broken(f"{where}.expression.expression", error) from error
