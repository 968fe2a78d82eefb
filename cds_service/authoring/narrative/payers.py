"""The narratives of Organization and InsurancePlan: who pays, and for which product."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.words import (
    describe_codings,
    describe_identifier,
    describe_period,
    describe_reference,
)
from cds_service.authoring.narrative.xhtml import bullets, heading
from cds_service.fhir.resource import JsonObject, follow, objects, text


def narrate_organization(resource: JsonObject) -> list[Element]:
    """A payer by its names and identifiers."""
    active = "no longer active" if resource.get("active") is False else ""
    return [_names(resource), *_facts(("", active), *_common(resource))]


def narrate_insurance_plan(resource: JsonObject) -> list[Element]:
    """A plan: whose it is, by what codes a Coverage names it, and where it is offered."""
    return [
        _names(resource),
        *_facts(
            ("Status", text(resource.get("status"))),
            ("Owned by", describe_reference(resource.get("ownedBy"))),
            ("Administered by", describe_reference(resource.get("administeredBy"))),
            ("Offered", describe_period(resource.get("period"))),
            ("Covers", ", ".join(_areas(resource))),
            *_common(resource),
        ),
    ]


def _names(resource: JsonObject) -> Element:
    aliases = [text(alias) for alias in resource.get("alias") or ()]
    return heading(", ".join(filter(None, [text(resource.get("name")), *aliases])))


def _common(resource: JsonObject) -> Iterator[tuple[str, str]]:
    for identifier in objects(resource.get("identifier")):
        yield "Identifier", describe_identifier(identifier)
    for concept in objects(resource.get("type")):
        codings = describe_codings(objects(concept.get("coding")))
        yield "Type", ", ".join(filter(None, [text(concept.get("text")), codings]))


def _facts(*facts: tuple[str, str]) -> list[Element]:
    return bullets(f"{label}: {words}" if label else words for label, words in facts if words)


def _areas(resource: JsonObject) -> Iterator[str]:
    """The coverage areas by name: contained Locations, or references to others."""
    contained = {text(found.get("id")): found for found in follow(resource, ("contained",))}
    for area in objects(resource.get("coverageArea")):
        location = contained.get(text(area.get("reference")).removeprefix("#"))
        yield text(location.get("name")) if location else describe_reference(area)
