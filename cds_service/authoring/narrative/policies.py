"""The narrative of a PlanDefinition: its rules, each with its conditions and its determination."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.heads import foot, head
from cds_service.authoring.narrative.words import (
    describe_codings,
    describe_concept,
    describe_expression,
    describe_value,
    sentence,
)
from cds_service.authoring.narrative.xhtml import Part, bold, bullets, labelled
from cds_service.crd.codes import COVERAGE_DETERMINATION
from cds_service.fhir.extension import find_extensions, parts, value_of
from cds_service.fhir.resource import JsonObject, follow, objects, text

_SETTLING = ("cat-decisional", "cat-limitation")  # details that bear on what is determined


def narrate_plan_definition(resource: JsonObject) -> list[Element]:
    """A policy: whom and what it is for, and every action, the inner ones inside the outer.

    The evidence is left to the resource: citations and comments are many and long.
    """
    return [*head(resource), *_actions(resource), *foot(resource)]


def narrate_activity_definition(resource: JsonObject) -> list[Element]:
    """What a rule may propose: the kind of request, its code, and what is filled in."""
    filled_in = [
        f"{text(value.get('path'))}: {describe_expression(value.get('expression'))}"
        for value in objects(resource.get("dynamicValue"))
    ]
    request = [text(resource.get(name)) for name in ("kind", "intent", "priority")]
    code = describe_concept(resource.get("code"))
    return [
        *head(resource),
        *labelled("Request", ", ".join(filter(None, [*request, code]))),
        *bullets(filled_in),
        *foot(resource),
    ]


def _actions(holder: JsonObject) -> list[Element]:
    return bullets([list(_action(action)) for action in objects(holder.get("action"))])


def _action(action: JsonObject) -> Iterator[Part]:
    title, words = text(action.get("title")), _words(action)
    if title:
        yield bold(title)
    if words:
        yield f" {words}" if title else words
    yield from bullets(_lines(action))
    yield from _actions(action)


def _words(action: JsonObject) -> str:
    return text(action.get("textEquivalent")) or text(action.get("description"))


def _lines(action: JsonObject) -> Iterator[str]:
    lines = (
        ("When asked", ", ".join(_events(action))),
        ("Reads", sentence(map(_input, objects(action.get("input"))))),
        ("If", sentence(_conditions(action))),
        ("Then", text(action.get("definitionCanonical"))),
    )
    yield from (f"{label}: {words}" for label, words in lines if words)
    for determination in find_extensions(action, COVERAGE_DETERMINATION):
        yield from _determination(determination)


def _events(action: JsonObject) -> Iterator[str]:
    return (text(trigger.get("name")) for trigger in objects(action.get("trigger")))


def _conditions(action: JsonObject) -> Iterator[str]:
    for expression in follow(action, ("condition", "expression")):
        yield describe_expression(expression)


def _input(requirement: JsonObject) -> str:
    """A DataRequirement: a type, and the codes it is limited to."""
    kind = text(requirement.get("type"))
    filters = map(_code_filter, objects(requirement.get("codeFilter")))
    limits = " and ".join(filter(None, filters))
    return f"{kind} with {limits}" if limits else kind


def _code_filter(code_filter: JsonObject) -> str:
    """`code` and `valueSet` of one filter add up (R4 DataRequirement.codeFilter)."""
    path, value_set = text(code_filter.get("path")), text(code_filter.get("valueSet"))
    codes = describe_codings(objects(code_filter.get("code")))
    listed = f"in {value_set}" if value_set else ""
    return f"{path} {' or '.join(filter(None, [codes, listed]))}"


def _determination(determination: JsonObject) -> Iterator[str]:
    """Its coded parts in one line, and a line for each text."""
    named = parts(determination)
    coded: list[str] = []
    lines: list[str] = []
    for name, found in named.items():
        for part in found:
            kind, value = value_of(part)
            if words := _detail(part) if name == "detail" else describe_value(kind, value):
                (coded if kind == "valueCode" else lines).append(f"{name}: {words}")
    yield f"Determination: {sentence(coded)}"
    yield from lines


def _detail(detail: JsonObject) -> str:
    """A detail that bears on the determination; the others are for who acts on it."""
    named = {name: value_of(found[0]) for name, found in parts(detail).items()}
    category = named.get("category", ("", None))[1]
    return describe_value(*named.get("value", ("", None))) if category in _SETTLING else ""
