"""Following references: what comes with the matches of a search (FHIR R4, search, _include)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject, resource_type
from cds_service.rest.library import RestLibrary
from cds_service.rest.search.query import Include
from cds_service.rest.search.references import literal_target, reference_of

MOST_INCLUDED = 500  # resources on a page, beside its matches


@dataclass(frozen=True, slots=True)
class Included:
    """What was included, each resource once; not all of it if it `is_cut`."""

    resources: tuple[JsonObject, ...]
    is_cut: bool


def follow_includes(
    matches: Sequence[JsonObject], includes: Sequence[Include], library: RestLibrary
) -> Included:
    """What the matches refer to, or what refers to them, as far as asked; no match again."""
    seen = {_key(resource) for resource in matches}
    found: list[JsonObject] = []
    wave, followed = list(matches), includes
    while wave and followed:
        reached = []
        for resource in _reached(wave, followed, library):
            if _key(resource) not in seen:
                if len(found) == MOST_INCLUDED:
                    return Included(tuple(found), is_cut=True)
                seen.add(_key(resource))
                reached.append(resource)
                found.append(resource)
        wave = reached
        followed = [include for include in includes if include.is_iterated]
    return Included(tuple(found), is_cut=False)


def _key(resource: JsonObject) -> tuple[str, str]:
    return resource_type(resource), resource["id"]


def _reached(
    wave: Sequence[JsonObject], includes: Sequence[Include], library: RestLibrary
) -> Iterator[JsonObject]:
    for resource in wave:
        for include in includes:
            if include.is_reverse:
                yield from _referring(resource, include, library)
            elif include.source == resource_type(resource):
                yield from _referred(resource, include, library)


def _referred(resource: JsonObject, include: Include, library: RestLibrary) -> Iterator[JsonObject]:
    parameter = library.shelves[include.source].parameters[include.name]
    for value in parameter.read(resource):
        target = literal_target(value)
        if target:
            named = library.find(target.type, target.id)
            found = [named] if named else []
        else:
            found = [*library.find_canonical(reference_of(value))]
        for referred in found:
            if include.target in ("", resource_type(referred)):
                yield referred


def _referring(
    resource: JsonObject, include: Include, library: RestLibrary
) -> Iterator[JsonObject]:
    if include.target in ("", resource_type(resource)):
        shelf = library.shelves[include.source]
        positions = shelf.index(include.name).referring_to(resource)
        yield from shelf.at(sorted(set(positions)))
