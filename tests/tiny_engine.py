"""A tiny server with clinical reasoning, which shares nothing with our engine.

It finds PlanDefinitions as HL7's br-payer does, and applies them as $apply does.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fhirpathpy import evaluate as evaluate_fhirpath
from fhirpathpy.models import models
from tiny_cql import evaluate as evaluate_cql

JsonObject = dict[str, Any]
CODE_PARAMETER = {
    "ServiceRequest": "code",
    "DeviceRequest": "codeCodeableConcept",
    "MedicationRequest": "medicationCodeableConcept",
}


class TinyEngine:
    """Loaded with resources; answers an order with what the conditions of actions let through."""

    def __init__(self, resources: Iterable[JsonObject]) -> None:
        kept = list(resources)
        self.plans = [kind for kind in kept if kind["resourceType"] == "PlanDefinition"]
        self.value_sets = {
            f"{kind['url']}|{kind['version']}": kind
            for kind in kept
            if kind["resourceType"] == "ValueSet"
        }

    def answers(
        self, payer: tuple[str, str], order: JsonObject, data: Sequence[JsonObject], hook: str
    ) -> list[JsonObject]:
        """The coverage-information extensions for an order of a payer's member."""
        return [
            extension
            for plan in self.plans
            if self.is_about(plan, payer, order)
            for action in plan["action"]
            if hook in {trigger["name"] for trigger in action["trigger"]}
            if self.holds(action, (order, *data))
            for extension in action["extension"]
        ]

    def is_about(self, plan: JsonObject, payer: tuple[str, str], order: JsonObject) -> bool:
        """Whether `program` names the payer and `focus` a code of the order."""
        contexts = {
            context["code"]["code"]: {
                (coding["system"], coding["code"])
                for coding in context["valueCodeableConcept"]["coding"]
            }
            for context in plan["useContext"]
        }
        return payer in contexts["program"] and bool(contexts["focus"] & set(codes_of(order)))

    def holds(self, action: JsonObject, data: Sequence[JsonObject]) -> bool:
        """Whether every condition is true; what is not known, or cannot be, is not."""
        scope = dict(self.bound(action, data))
        scope["[Coverage]"] = [item for item in data if item["resourceType"] == "Coverage"]
        assert action["condition"], "an action without condition would always apply"
        return all(is_true(condition["expression"], scope) for condition in action["condition"])

    def bound(self, action: JsonObject, data: Sequence[JsonObject]) -> Iterator[tuple[str, Any]]:
        """Each input's variable; several resources are a Bundle, of which nothing can be said."""
        for wanted in action["input"]:
            canonical = wanted["codeFilter"][0]["valueSet"]
            codes = {item["code"] for item in self.value_sets[canonical]["expansion"]["contains"]}
            found = [
                item
                for item in data
                if item["resourceType"] == wanted["type"]
                and codes & {code for _, code in codes_of(item)}
            ]
            if len(found) == 1:
                yield f"%{wanted['id']}", found[0]


def is_true(expression: JsonObject, scope: JsonObject) -> bool:
    """Whether one condition holds."""
    source, language = expression["expression"], expression["language"]
    if "%order" not in scope:
        return False
    if language == "text/cql-expression":
        return evaluate_cql(source, scope) is True
    assert language == "text/fhirpath", language
    context = {"order": scope["%order"]}
    return evaluate_fhirpath({}, source, context, models["r4"]) == [True]


def codes_of(order: JsonObject) -> list[tuple[str, str]]:
    """What the search parameter `code` sees of an order."""
    concept = order.get(CODE_PARAMETER[order["resourceType"]]) or {}
    return [
        (coding.get("system", ""), coding.get("code", "")) for coding in concept.get("coding", ())
    ]
