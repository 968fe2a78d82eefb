"""What a prefetched value means: data, looked for and not there, or an error on the client's side.

Clients name keys as they like and answer a search with a Bundle of any type or with one resource, so resources are
found by type under any key (CDS Hooks, Prefetch; CRD found-30).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.fhir.resource import Json, JsonObject, objects, resource_type


@dataclass(frozen=True, slots=True)
class Found:
    """One resource, and the address its Bundle entry gives it."""

    resource: JsonObject
    full_url: str = ""


def read_resources(value: Json) -> tuple[Found, ...]:
    """Every resource in a prefetched value or a context field: one resource, a list, or Bundles of them."""
    return tuple(_walk(value))


def _walk(value: Json) -> Iterator[Found]:
    for item in objects(value):
        if resource_type(item) == "Bundle" or (not resource_type(item) and "entry" in item):
            yield from _entries(item)
        elif not resource_type(item) and "resource" in item:  # an entry without its Bundle
            yield from _entries({"entry": [item]})
        elif resource_type(item) and resource_type(item) != "OperationOutcome":
            yield Found(item)


def _entries(bundle: JsonObject) -> Iterator[Found]:
    for entry in objects(bundle.get("entry")):
        for resource in objects(entry.get("resource")):
            if resource_type(resource) and resource_type(resource) != "OperationOutcome":
                yield Found(resource, str(entry.get("fullUrl") or ""))


def has_failed(value: Json) -> bool:
    """Whether the client says that it could not obtain this (an OperationOutcome, bare or in a Bundle)."""
    inside = [
        resource
        for item in objects(value)
        for entry in objects(item.get("entry"))
        for resource in objects(entry.get("resource"))
    ]
    return any(resource_type(item) == "OperationOutcome" for item in [*objects(value), *inside])
