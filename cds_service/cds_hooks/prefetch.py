"""What a prefetched value means: data, looked for and not there, or an error on the client's side.

Clients name keys as they like and answer a search with a Bundle of any type or with one resource,
so resources are found by type under any key (CDS Hooks, Prefetch; CRD found-30).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import Json, JsonObject, objects, resource_type, text


@dataclass(frozen=True, slots=True)
class Found:
    """One resource with its type and id, and the address its Bundle entry gives it."""

    resource: JsonObject
    full_url: str = ""
    type: str = field(init=False, compare=False)
    key: ResourceKey | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        kind, identity = resource_type(self.resource), text(self.resource.get("id"))
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "key", ResourceKey(kind, identity) if kind and identity else None)


def read_resources(value: Json) -> tuple[Found, ...]:
    """Every resource in a prefetched value or a context field: one, a list, or Bundles of them."""
    found: list[Found] = []
    for item in objects(value):
        kind = resource_type(item)
        if kind == "Bundle" or (not kind and "entry" in item):
            found += _entries(objects(item.get("entry")))
        elif not kind and "resource" in item:  # an entry without its Bundle
            found += _entries((item,))
        elif kind and kind != "OperationOutcome":
            found.append(Found(item))
    return tuple(found)


def _entries(entries: Iterable[JsonObject]) -> list[Found]:
    inside = [
        Found(resource, str(entry.get("fullUrl") or ""))
        for entry in entries
        for resource in objects(entry.get("resource"))
    ]
    return [found for found in inside if found.type not in ("", "OperationOutcome")]


def has_failed(value: Json) -> bool:
    """Whether the client says that it could not obtain this.

    An OperationOutcome says so, bare or in a Bundle.
    """
    inside = [
        resource
        for item in objects(value)
        for entry in objects(item.get("entry"))
        for resource in objects(entry.get("resource"))
    ]
    return any(resource_type(item) == "OperationOutcome" for item in [*objects(value), *inside])
