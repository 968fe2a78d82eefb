"""Search parameters: which a type has, and where their values stand in a resource.

They are those of FHIR R4's own definitions, as far as they help with a library of policies.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from cds_service.fhir.resource import Json, JsonObject, objects
from cds_service.rest.search.tokens import read_tokens

_DEFINITIONS = "http://hl7.org/fhir/SearchParameter"


class Kind(StrEnum):
    """The kinds of search parameters (FHIR R4, SearchParamType)."""

    TOKEN = "token"  # noqa: S105  # a kind of parameter
    STRING = "string"
    URI = "uri"
    DATE = "date"
    REFERENCE = "reference"
    COMPOSITE = "composite"


# What can stand behind the name of a parameter of each kind, beside `:missing`.
MODIFIERS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.TOKEN: ("not",),
        Kind.STRING: ("exact", "contains"),
        Kind.URI: ("below",),
        Kind.DATE: (),
        Kind.REFERENCE: ("identifier",),
        Kind.COMPOSITE: (),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParameter:
    """One parameter: `read` gives its values in a resource as they stand there.

    `system` is the code system that a plain code is of by definition. `targets` are the types that
    a reference may name.
    """

    name: str
    kind: Kind
    definition: str
    read: Callable[[JsonObject], Iterable[Json]]
    system: str = ""
    targets: tuple[str, ...] = ()

    @property
    def modifiers(self) -> tuple[str, ...]:
        """What may stand behind its name: `exact`, or a type that it refers to."""
        return ("missing", *MODIFIERS[self.kind], *self.targets)


def values_at(resource: JsonObject, path: str) -> list[Json]:
    """All JSON values at the end of a dotted path, lists opened."""
    found: list[Json] = [resource]
    for name in path.split("."):
        inner = [item[name] for item in found if isinstance(item, dict) and name in item]
        found = []
        for value in inner:
            found += value if isinstance(value, list) else [value]
    return found


def at_paths(*paths: str) -> Callable[[JsonObject], Iterable[Json]]:
    """Reads the values at these dotted paths of a resource."""
    return lambda resource: [value for path in paths for value in values_at(resource, path)]


def related_artifacts(kind: str, *paths: str) -> Callable[[JsonObject], Iterable[Json]]:
    """The resources of related artifacts of one kind, and what else stands at these paths."""

    def read(resource: JsonObject) -> Iterable[Json]:
        related = objects(resource.get("relatedArtifact"))
        artifacts = [artifact for artifact in related if artifact.get("type") == kind]
        named = [artifact["resource"] for artifact in artifacts if "resource" in artifact]
        return [*named, *at_paths(*paths)(resource)]

    return read


def codes_of_set(value_set: JsonObject) -> Iterable[Json]:
    """The codes that a ValueSet lists, each beside the code system that it is of."""
    yield from values_at(value_set, "expansion.contains")
    for include in values_at(value_set, "compose.include"):
        yield from _codes_in(include, "system")


def codes_of_system(code_system: JsonObject) -> Iterable[Json]:
    """The codes of a CodeSystem, each beside the url that it is named by."""
    return _codes_in(code_system, "url")


def _codes_in(holder: Json, system: str) -> Iterable[Json]:
    if isinstance(holder, dict):
        for concept in objects(holder.get("concept")):
            yield {"system": holder.get(system, ""), "code": concept.get("code")}


def context_pairs(resource: JsonObject) -> Iterable[Json]:
    """Each kind of use context with each token of its concept."""
    for context in objects(resource.get("useContext")):
        seconds = list(read_tokens(context.get("valueCodeableConcept")))
        for first in read_tokens(context.get("code")):
            yield from ((first, second) for second in seconds)


def parameter(
    base: str,
    name: str,
    kind: Kind,
    read: Callable[[JsonObject], Iterable[Json]],
    *,
    system: str = "",
    targets: tuple[str, ...] = (),
) -> SearchParameter:
    """A parameter that FHIR defines under `base`, such as `PlanDefinition` or `conformance`."""
    return SearchParameter(
        name=name,
        kind=kind,
        definition=f"{_DEFINITIONS}/{base}-{name.removeprefix('_')}",
        read=read,
        system=system,
        targets=targets,
    )
