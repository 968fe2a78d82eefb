"""The narratives of StructureDefinition, Library and Questionnaire: what they consist of."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.heads import foot, head
from cds_service.authoring.narrative.words import describe_concept
from cds_service.authoring.narrative.xhtml import Part, bullets, labelled
from cds_service.fhir.resource import JsonObject, follow, objects, text


def narrate_structure_definition(resource: JsonObject) -> list[Element]:
    """What a profile or extension defines, where it is used, and the rules it adds."""
    elements = follow(resource, ("differential", "element"))
    used_on = (text(context.get("expression")) for context in objects(resource.get("context")))
    constraints = [constraint for element in elements for constraint in _constraints(element)]
    return [
        *head(resource),
        *labelled("Used on", ", ".join(used_on)),
        *bullets(_element(element) for element in elements if "short" in element),
        *bullets(constraints),
        *foot(resource),
    ]


def narrate_library(resource: JsonObject) -> list[Element]:
    """What a Library declares, and what it carries."""
    content = (
        text(attachment.get("title")) or text(attachment.get("contentType"))
        for attachment in objects(resource.get("content"))
    )
    return [
        *head(resource),
        *labelled("Type", describe_concept(resource.get("type"))),
        *bullets(map(_parameter, objects(resource.get("parameter")))),
        *labelled("Content", ", ".join(content)),
        *foot(resource),
    ]


def narrate_questionnaire(resource: JsonObject) -> list[Element]:
    """The questions of a form, group by group."""
    return [*head(resource), *_items(resource), *foot(resource)]


def _element(element: JsonObject) -> str:
    name = text(element.get("id")).replace("Extension.extension:", "").replace("extension:", "")
    bounds = _bounds(element)
    return f"{name}{f' {bounds}' if bounds else ''}: {text(element.get('short'))}"


def _constraints(element: JsonObject) -> Iterator[str]:
    for constraint in objects(element.get("constraint")):
        yield f"{text(constraint.get('key'))}: {text(constraint.get('human'))}"


def _parameter(parameter: JsonObject) -> str:
    name, use = text(parameter.get("name")), text(parameter.get("use"))
    kind = f"{text(parameter.get('type'))} {_bounds(parameter)}".strip()
    words = text(parameter.get("documentation"))
    return f"{name} ({use}, {kind}): {words}" if words else f"{name} ({use}, {kind})"


def _bounds(holder: JsonObject) -> str:
    bounds = [text(holder.get(name)) for name in ("min", "max")]
    return "..".join(bounds) if all(bounds) else ""


def _items(holder: JsonObject) -> list[Element]:
    return bullets(list(_item(question)) for question in objects(holder.get("item")))


def _item(question: JsonObject) -> Iterator[Part]:
    number = text(question.get("prefix")) or text(question.get("linkId"))
    required = ", required" if question.get("required") is True else ""
    yield f"{number}. {text(question.get('text'))} ({text(question.get('type'))}{required})"
    yield from _items(question)
