"""Bundles of a set (R4, bundle): a transaction that a server stores, or a collection to read."""

from collections.abc import Iterable, Sequence

from cds_service.exchange.facts import SetFacts
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject


def transaction(resources: Sequence[JsonObject], facts: SetFacts) -> JsonObject:
    """A Bundle that puts each resource under its own id, in the order given.

    Stored twice it changes nothing. References such as `Organization/icare` lead from one full
    address to another inside the Bundle (R4, bundle, resolving references).
    """
    entries = [
        {**entry, "request": {"method": "PUT", "url": f"{read_key(entry['resource'])}"}}
        for entry in _entries(resources, facts.base)
    ]
    return _bundle("transaction", entries, facts)


def collection(resources: Sequence[JsonObject], facts: SetFacts) -> JsonObject:
    """A Bundle of the resources in the order given, to be read and not to be stored in parts."""
    return _bundle("collection", list(_entries(resources, facts.base)), facts)


def _entries(resources: Iterable[JsonObject], base: str) -> Iterable[JsonObject]:
    for resource in resources:
        yield {"fullUrl": f"{base}/{read_key(resource)}", "resource": resource}


def _bundle(kind: str, entries: list[JsonObject], facts: SetFacts) -> JsonObject:
    return {
        "resourceType": "Bundle",
        "id": f"crd-{facts.version}",
        "type": kind,
        "timestamp": f"{facts.date}T00:00:00Z",
        "entry": entries,
    }
