"""The narratives of ValueSet, CodeSystem and NamingSystem: the codes, and whose they are."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.heads import foot, head
from cds_service.authoring.narrative.words import concept_label
from cds_service.authoring.narrative.xhtml import Part, bullets, labelled, paragraph
from cds_service.fhir.resource import JsonObject, first, objects, text


def narrate_value_set(resource: JsonObject) -> list[Element]:
    """The codes a ValueSet is made of, system by system, and those it leaves out."""
    compose = first(resource.get("compose"))
    blocks = head(resource)
    for include in objects(compose.get("include")):
        blocks += _part("Codes of", include)
    for exclude in objects(compose.get("exclude")):
        blocks += _part("But no codes of", exclude)
    return [*blocks, *foot(resource)]


def narrate_code_system(resource: JsonObject) -> list[Element]:
    """The codes of a CodeSystem, with what they mean."""
    content, url = text(resource.get("content")), text(resource.get("url"))
    supplemented = text(resource.get("supplements"))
    return [
        *head(resource),
        *labelled("Content", content),
        *labelled("Supplements", supplemented),
        *_concepts(resource, supplemented.split("|")[0] or url),
        *foot(resource),
    ]


def narrate_naming_system(resource: JsonObject) -> list[Element]:
    """What a namespace identifies, and the addresses it is known by."""
    return [
        *head(resource),
        *labelled("Names", text(resource.get("kind"))),
        *labelled("Use", text(resource.get("usage"))),
        *bullets(map(_unique_id, objects(resource.get("uniqueId")))),
    ]


def _part(label: str, part: JsonObject) -> list[Element]:
    """One include or exclude: a system with its codes or filters, and other ValueSets."""
    system, version = text(part.get("system")), text(part.get("version"))
    source = f"{system}, version {version}" if version else system
    value_sets = [text(value_set) for value_set in part.get("valueSet") or ()]
    named = " and ".join(filter(None, [source, *value_sets]))
    filters = (_filter(found) for found in objects(part.get("filter")))
    lists = [*bullets(filters), *_concepts(part, system)]
    return [paragraph(f"{label} {named}{':' if lists else ''}"), *lists]


def _filter(found: JsonObject) -> str:
    return " ".join(text(found.get(name)) for name in ("property", "op", "value"))


def _concepts(holder: JsonObject, system: str) -> list[Element]:
    """Concepts, and those below them inside."""
    return bullets(list(_concept(part, system)) for part in objects(holder.get("concept")))


def _concept(concept: JsonObject, system: str) -> Iterator[Part]:
    code, label = text(concept.get("code")), concept_label(concept, system)
    yield f"{code}: {label}" if label else code
    yield from _concepts(concept, system)


def _unique_id(unique_id: JsonObject) -> str:
    preferred = ", preferred" if unique_id.get("preferred") is True else ""
    return f"{text(unique_id.get('value'))} ({text(unique_id.get('type'))}{preferred})"
