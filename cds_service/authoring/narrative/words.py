"""Datatypes in words for a narrative. A CPT code never shows its descriptor, which is the AMA's."""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from cds_service.fhir.coding import CPT, canonical_system
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import Json, JsonObject, first, follow, objects, text

_CONCEPT_COMMENTS = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"


def describe_concept(concept: Json) -> str:
    """A CodeableConcept: its text, or its codings."""
    found = first(concept)
    return text(found.get("text")) or describe_codings(objects(found.get("coding")))


def describe_codings(codings: Iterable[JsonObject]) -> str:
    """Codings as `code, code (system)`, those of one system together where they stand so."""
    by_system = groupby(codings, key=lambda coding: text(coding.get("system")))
    return ", ".join(_codes(system, found) for system, found in by_system)


def concept_label(concept: JsonObject, system: str) -> str:
    """What the artifact calls a concept of the system: a comment, or display and definition."""
    comments = find_extensions(concept, _CONCEPT_COMMENTS)
    if comments:
        return text(comments[0].get("valueString"))
    if canonical_system(system) == CPT:
        return ""
    display, definition = _text(concept, "display"), _text(concept, "definition")
    return f"{display.rstrip('.')}. {definition}" if display and definition else display


def describe_identifier(identifier: JsonObject) -> str:
    """An Identifier as `value (system)`."""
    value, system = text(identifier.get("value")), text(identifier.get("system"))
    return f"{value} ({system})" if system else value


def describe_reference(reference: Json) -> str:
    """A Reference: its display, or what it refers to."""
    found = first(reference)
    return _text(found, "display") or _text(found, "reference")


def describe_period(period: Json) -> str:
    """A Period as `from … to …`, with the ends it has."""
    ends = (("from", "start"), ("to", "end"))
    found = first(period)
    return " ".join(f"{word} {_text(found, end)}" for word, end in ends if _text(found, end))


def describe_expression(expression: Json) -> str:
    """An Expression: its description, or the expression itself."""
    found = first(expression)
    return _text(found, "description") or _text(found, "expression")


def describe_value(name: str, value: Json) -> str:
    """A `value[x]` by the name it has in JSON; empty for a type without words here."""
    describe = _VALUES.get(name)
    return describe(value) if describe else text(value)


def sentence(parts: Iterable[str]) -> str:
    """The parts that are there, with semicolons between."""
    return "; ".join(filter(None, parts))


def _codes(system: str, codings: Iterable[JsonObject]) -> str:
    codes = ", ".join(text(coding.get("code")) for coding in codings)
    return f"{codes} ({system})" if system else codes


def _text(holder: JsonObject, name: str) -> str:
    return text(holder.get(name))


def _contact(contact: Json) -> str:
    ways = [text(way.get("value")) for way in follow(first(contact), ("telecom",))]
    return ", ".join(filter(None, (_text(first(contact), "name"), *ways)))


def _quantity(quantity: Json) -> str:
    names = ("comparator", "value", "unit")
    return " ".join(filter(None, (_text(first(quantity), name) for name in names)))


_VALUES: Mapping[str, Callable[[Json], str]] = {
    "valueBoolean": lambda value: "yes" if value else "no",
    "valueCodeableConcept": describe_concept,
    "valueCoding": lambda value: describe_codings(objects(value)),
    "valueContactDetail": _contact,
    "valueExpression": describe_expression,
    "valueIdentifier": lambda value: describe_identifier(first(value)),
    "valuePeriod": describe_period,
    "valueQuantity": _quantity,
    "valueReference": describe_reference,
}
