"""Who is who: artifacts that another server gave ids of its own get back those they have here.

An artifact is the same one if its `url|version` is; a payer or plan, if an identifier is.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cds_service.crd.request.membership import Identifier, read_identifiers
from cds_service.exchange.incoming.delivery import Received
from cds_service.exchange.incoming.present import Present
from cds_service.fhir.reference import ResourceKey, parse_reference, read_key
from cds_service.fhir.resource import Json, JsonObject

_IDENTIFIED = ("Organization", "InsurancePlan")


class Renamed(NamedTuple):
    """An artifact that came under another id than it has here."""

    came: ResourceKey
    here: ResourceKey


def as_known(
    arrived: tuple[Received, ...], present: Present
) -> tuple[tuple[Received, ...], tuple[Renamed, ...]]:
    """The artifacts with the ids that they have here, in themselves and wherever they are named.

    Where several here could be meant, nothing is renamed, and the check of the whole says so.
    """
    names = dict(_renamed(arrived, present))
    if not names:
        return arrived, ()
    renamed = tuple(Received(item.place, _with_names(item.resource, names)) for item in arrived)
    return renamed, tuple(Renamed(came, here) for came, here in sorted(names.items()))


def _renamed(
    arrived: Iterable[Received], present: Present
) -> Iterable[tuple[ResourceKey, ResourceKey]]:
    canonicals, owners = present.canonicals, _owners(present)
    for _, resource in arrived:
        key = read_key(resource)
        if key is None or key in present.resources:
            continue
        canonical = f"{resource.get('url')}|{resource.get('version')}"
        here = (
            {canonicals.get(canonical)} if "url" in resource else _identified(key, resource, owners)
        )
        match [known for known in here if known and known.type == key.type]:
            case [known]:
                yield key, known


def _owners(present: Present) -> Mapping[tuple[str, Identifier], ResourceKey]:
    return {
        (key.type, identifier): key
        for key, resource in present.resources.items()
        if key.type in _IDENTIFIED
        for identifier in read_identifiers(resource.get("identifier"))
    }


def _identified(
    key: ResourceKey, resource: JsonObject, owners: Mapping[tuple[str, Identifier], ResourceKey]
) -> set[ResourceKey | None]:
    if key.type not in _IDENTIFIED:
        return set()
    identifiers = read_identifiers(resource.get("identifier"))
    return {owners.get((key.type, identifier)) for identifier in identifiers}


def _with_names(resource: JsonObject, names: Mapping[ResourceKey, ResourceKey]) -> JsonObject:
    key = read_key(resource)
    renamed: JsonObject = _with_references(resource, names)
    return {**renamed, "id": names[key].id} if key and key in names else renamed


def _with_references(value: Json, names: Mapping[ResourceKey, ResourceKey]) -> Json:
    if isinstance(value, list):
        return [_with_references(member, names) for member in value]
    if not isinstance(value, dict):
        return value
    written = {name: _with_references(member, names) for name, member in value.items()}
    reference = written.get("reference")
    key = parse_reference(reference) if isinstance(reference, str) else None
    return {**written, "reference": str(names[key])} if key and key in names else written
