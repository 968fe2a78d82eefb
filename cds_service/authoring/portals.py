"""Portals: where a policy's words or links would send a clinician to one.

A card sends nobody to a portal to ask for prior authorization or to find out about coverage (CRD
resp-17, resp-23): the answer is in the coverage information, and whom to ask is a contact. Looked
through is what stands on cards, and no more: not the evidence, not the words of conditions.
"""

from collections.abc import Iterator, Mapping

from cds_service.authoring.finding import Finding
from cds_service.authoring.portal_words import portal_in
from cds_service.crd.request.order_kinds import Path as Steps
from cds_service.fhir.resource import Json, JsonObject, objects, text
from cds_service.policy.library.artifacts import Artifact, Library

_PROPOSAL: Steps = ("action", "action", "action")
# Where artifacts of each type keep what a card shows; what is below is looked through too.
SHOWN: Mapping[str, tuple[Steps, ...]] = {
    "PlanDefinition": (
        ("title",),
        ("identifier", "value"),
        ("action", "extension"),
        ("action", "action", "title"),
        ("action", "action", "extension"),
        *((*_PROPOSAL, name) for name in ("title", "description", "definitionUri", "reason")),
        (*_PROPOSAL, "dynamicValue"),
    ),
    "ActivityDefinition": (("code",), ("productCodeableConcept",), ("dosage",)),
    "Questionnaire": (("title",),),
    "Organization": (("name",), ("alias",)),
    "InsurancePlan": (("name",),),
    "CodeSystem": (("concept", "display"),),  # reasons to override a card
}
# Of `relatedArtifact`, which are named or linked on cards, and by what.
_LINKED = ("documentation", "derived-from")
_OF_LINKED: tuple[Steps, ...] = (("label",), ("display",), ("url",), ("document", "url"))
# Names of parts and systems, which no card shows.
_NOT_WORDS = frozenset(("url", "system", "code", "id", "language", "path"))


def find_portals(library: Library) -> Iterator[Finding]:
    """Every mention of a portal in what the policies of a library put on cards."""
    for kind in SHOWN:
        for artifact in library.of_type(kind):
            if artifact.resource.get("status", "active") == "active":
                for where, words in _shown(artifact):
                    if sign := portal_in(words):
                        problem = (
                            f"{sign}: no card sends anyone to a portal for authorization or "
                            "coverage (CRD resp-17, resp-23); name a phone or fax, or nothing"
                        )
                        yield Finding(file=artifact.path, where=where, problem=problem)


def _shown(artifact: Artifact) -> Iterator[tuple[str, str]]:
    """The texts of an artifact that cards show, each with its JSON path."""
    for steps in SHOWN[text(artifact.resource["resourceType"])]:
        for where, value in _at("$", artifact.resource, steps):
            yield from _texts(where, value)
    for number, related in enumerate(objects(artifact.resource.get("relatedArtifact"))):
        if related.get("type") in _LINKED:
            for steps in _OF_LINKED:
                for where, value in _at(f"$.relatedArtifact[{number}]", related, steps):
                    yield from _texts(where, value)


def _at(where: str, holder: JsonObject, steps: Steps) -> Iterator[tuple[str, Json]]:
    """What stands at the end of a path, lists walked through."""
    name, *others = steps
    for place, value in _listed(f"{where}.{name}", holder.get(name)):
        if not others:
            yield place, value
        elif isinstance(value, dict):
            yield from _at(place, value, tuple(others))


def _texts(where: str, value: Json) -> Iterator[tuple[str, str]]:
    """Every text in a value but for names; of a detail not when it is given."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict) and value.get("url") != "when":
        for name, inner in value.items():
            if name not in _NOT_WORDS:
                for place, held in _listed(f"{where}.{name}", inner):
                    yield from _texts(place, held)


def _listed(where: str, value: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        yield from ((f"{where}[{number}]", item) for number, item in enumerate(value))
    elif value is not None:
        yield where, value
