"""The search parameters of each resource type (FHIR R4, the search section of each resource)."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.rest.search.parameters import (
    Kind,
    SearchParameter,
    at_paths,
    codes_of_set,
    codes_of_system,
    context_pairs,
    parameter,
    related_artifacts,
)

_STATUSES = "http://hl7.org/fhir/publication-status"

ID = parameter("Resource", "_id", Kind.TOKEN, at_paths("id"))


def _canonical(base: str) -> dict[str, SearchParameter]:
    """By name, what FHIR defines under `base` for canonical resources."""
    found = (
        parameter(base, "url", Kind.URI, at_paths("url")),
        parameter(base, "version", Kind.TOKEN, at_paths("version")),
        parameter(base, "identifier", Kind.TOKEN, at_paths("identifier")),
        parameter(base, "name", Kind.STRING, at_paths("name")),
        parameter(base, "title", Kind.STRING, at_paths("title")),
        parameter(base, "status", Kind.TOKEN, at_paths("status"), system=_STATUSES),
        parameter(base, "date", Kind.DATE, at_paths("date")),
        parameter(base, "publisher", Kind.STRING, at_paths("publisher")),
        parameter(base, "description", Kind.STRING, at_paths("description")),
        parameter(base, "jurisdiction", Kind.TOKEN, at_paths("jurisdiction")),
        parameter(base, "context", Kind.TOKEN, at_paths("useContext.valueCodeableConcept")),
        parameter(base, "context-type", Kind.TOKEN, at_paths("useContext.code")),
        parameter(base, "context-type-value", Kind.COMPOSITE, context_pairs),
        parameter(base, "effective", Kind.DATE, at_paths("effectivePeriod")),
    )
    return _by_name(*found)


def _by_name(*definitions: SearchParameter) -> dict[str, SearchParameter]:
    return {definition.name: definition for definition in definitions}


def _without(base: str, *left_out: str) -> tuple[SearchParameter, ...]:
    """What canonical resources are found by, but for some."""
    return tuple(found for name, found in _canonical(base).items() if name not in left_out)


def _knowledge(kind: str) -> tuple[SearchParameter, ...]:
    """What knowledge artifacts are found by: as canonical resources, and by what they relate to."""
    return (
        *_without(kind),
        parameter(kind, "composed-of", Kind.REFERENCE, related_artifacts("composed-of")),
        parameter(kind, "depends-on", Kind.REFERENCE, related_artifacts("depends-on", "library")),
        parameter(kind, "derived-from", Kind.REFERENCE, related_artifacts("derived-from")),
        parameter(kind, "predecessor", Kind.REFERENCE, related_artifacts("predecessor")),
        parameter(kind, "successor", Kind.REFERENCE, related_artifacts("successor")),
        parameter(kind, "topic", Kind.TOKEN, at_paths("topic")),
    )


_NAMES = at_paths("name", "alias")
_TYPES: Mapping[str, tuple[SearchParameter, ...]] = {
    "ActivityDefinition": _knowledge("ActivityDefinition"),
    "CodeSystem": (
        *_without("conformance", "effective"),
        parameter("CodeSystem", "code", Kind.TOKEN, codes_of_system),
        parameter("CodeSystem", "content-mode", Kind.TOKEN, at_paths("content")),
        parameter("CodeSystem", "supplements", Kind.REFERENCE, at_paths("supplements")),
        parameter("CodeSystem", "system", Kind.URI, at_paths("url")),
    ),
    "InsurancePlan": (
        parameter("InsurancePlan", "identifier", Kind.TOKEN, at_paths("identifier")),
        parameter("InsurancePlan", "name", Kind.STRING, _NAMES),
        parameter("InsurancePlan", "status", Kind.TOKEN, at_paths("status"), system=_STATUSES),
        parameter("InsurancePlan", "type", Kind.TOKEN, at_paths("type")),
        parameter(
            "InsurancePlan",
            "owned-by",
            Kind.REFERENCE,
            at_paths("ownedBy"),
            targets=("Organization",),
        ),
        parameter(
            "InsurancePlan",
            "administered-by",
            Kind.REFERENCE,
            at_paths("administeredBy"),
            targets=("Organization",),
        ),
    ),
    "Library": (
        *_knowledge("Library"),
        parameter("Library", "type", Kind.TOKEN, at_paths("type")),
    ),
    "NamingSystem": (
        *_without("conformance", "effective", "url", "version", "title", "identifier"),
        parameter("NamingSystem", "kind", Kind.TOKEN, at_paths("kind")),
        parameter("NamingSystem", "value", Kind.STRING, at_paths("uniqueId.value")),
    ),
    "Organization": (
        parameter("Organization", "active", Kind.TOKEN, at_paths("active")),
        parameter("Organization", "identifier", Kind.TOKEN, at_paths("identifier")),
        parameter("Organization", "name", Kind.STRING, _NAMES),
        parameter("Organization", "type", Kind.TOKEN, at_paths("type")),
        parameter(
            "Organization",
            "partof",
            Kind.REFERENCE,
            at_paths("partOf"),
            targets=("Organization",),
        ),
    ),
    "PlanDefinition": (
        *_knowledge("PlanDefinition"),
        parameter("PlanDefinition", "type", Kind.TOKEN, at_paths("type")),
        parameter(
            "PlanDefinition",
            "definition",
            Kind.REFERENCE,
            at_paths("action.definitionCanonical", "action.definitionUri"),
            targets=("ActivityDefinition", "PlanDefinition", "Questionnaire"),
        ),
    ),
    "Questionnaire": (
        *_without("Questionnaire"),
        parameter("Questionnaire", "code", Kind.TOKEN, at_paths("item.code")),
        parameter("Questionnaire", "subject-type", Kind.TOKEN, at_paths("subjectType")),
    ),
    "StructureDefinition": (
        *_without("conformance", "effective"),
        parameter("StructureDefinition", "base", Kind.REFERENCE, at_paths("baseDefinition")),
        parameter("StructureDefinition", "kind", Kind.TOKEN, at_paths("kind")),
        parameter("StructureDefinition", "type", Kind.URI, at_paths("type")),
    ),
    "ValueSet": (
        *_without("conformance", "effective"),
        parameter("ValueSet", "code", Kind.TOKEN, codes_of_set),
        parameter("ValueSet", "expansion", Kind.URI, at_paths("expansion.identifier")),
        parameter("ValueSet", "reference", Kind.URI, at_paths("compose.include.system")),
    ),
}

# By resource type and parameter name. Of a type that is not here only `_id` can be asked.
PARAMETERS: Mapping[str, Mapping[str, SearchParameter]] = MappingProxyType(
    {kind: _by_name(ID, *definitions) for kind, definitions in _TYPES.items()}
)


def parameters_of(kind: str) -> Mapping[str, SearchParameter]:
    """The parameters of a resource type, by name."""
    return PARAMETERS.get(kind, {ID.name: ID})
