"""How the narrative of a definition begins and ends: what it is, its state, and what it is for."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.words import (
    describe_concept,
    describe_period,
    describe_reference,
    sentence,
)
from cds_service.authoring.narrative.xhtml import heading, labelled, paragraph, paragraphs
from cds_service.fhir.resource import JsonObject, first, follow, objects, text

_PLAIN_FACTS = (
    ("version", "version"),
    ("status", "status"),
    ("dated", "date"),
    ("approved", "approvalDate"),
    ("last reviewed", "lastReviewDate"),
    ("published by", "publisher"),
    ("responsible:", "responsible"),
)


def head(resource: JsonObject) -> list[Element]:
    """Title, state and purpose of a definition (R4 MetadataResource)."""
    title = text(resource.get("title")) or text(resource.get("name")) or text(resource["id"])
    subtitle = text(resource.get("subtitle"))
    return [
        heading(f"{title}, {subtitle}" if subtitle else title),
        paragraph(sentence(_facts(resource))),
        *labelled("For", ", ".join(_programs(resource))),
        *paragraphs(text(resource.get("description"))),
        *labelled("Purpose", text(resource.get("purpose"))),
    ]


def foot(resource: JsonObject) -> list[Element]:
    """The notices that belong to the codes and words above it."""
    return paragraphs(text(resource.get("copyright")))


def _facts(resource: JsonObject) -> Iterator[str]:
    for identifier in objects(resource.get("identifier")):
        yield text(identifier.get("value"))
    for author in objects(resource.get("author")):
        yield f"author: {text(author.get('name'))}"
    for label, name in _PLAIN_FACTS:
        if value := text(resource.get(name)):
            yield f"{label} {value}"
    if resource.get("experimental") is True:
        yield "experimental"
    if period := describe_period(resource.get("effectivePeriod")):
        yield f"in effect {period}"


def _programs(resource: JsonObject) -> Iterator[str]:
    """Whom it is for: the payers and the lines of business that `program` contexts name."""
    for context in follow(resource, ("useContext",)):
        if text(first(context.get("code")).get("code")) == "program":
            concept, reference = context.get("valueCodeableConcept"), context.get("valueReference")
            yield describe_concept(concept) if concept else describe_reference(reference)
