"""What another server may stumble over in a set that is sound by itself.

An export changes no artifact, so these are for whoever keeps the artifacts to know.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cds_service.exchange.dependencies import Catalog
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject, first, text

_OF_A_SERVER = frozenset(("versionId", "lastUpdated"))


class Hurdle(NamedTuple):
    """A kind of hurdle in plain words, and the artifacts that have it."""

    words: str
    keys: tuple[ResourceKey, ...]


def find_hurdles(resources: Sequence[JsonObject]) -> Iterator[Hurdle]:
    """The hurdles of a set, a kind after the other."""
    catalog = Catalog(resources)
    found = {
        "refers to what is not in the set; a server that checks references refuses it": {
            dangling.holder for dangling in catalog.dangling()
        },
        "no `expansion`; engines that read nothing else find no code in it": {
            key for key, resource in catalog.by_key.items() if _is_unexpanded(resource)
        },
        "an id of digits only; some servers give it another": {
            key for key in catalog.by_key if key.id.isdecimal()
        },
        "`meta.versionId` or `meta.lastUpdated`; a server has its own": {
            key
            for key, resource in catalog.by_key.items()
            if _OF_A_SERVER & first(resource.get("meta")).keys()
        },
        "several versions under one url; installers of packages that go by the url alone keep one "
        "of them, so load the transaction there": {
            key for key, resource in catalog.by_key.items() if len(catalog.versions(resource)) > 1
        },
        "not `active`; some installers of packages pass it over": {
            key for key, resource in catalog.by_key.items() if _is_passed_over(resource)
        },
    }
    for words, keys in found.items():
        if keys:
            yield Hurdle(words, tuple(sorted(keys)))


def _is_unexpanded(resource: JsonObject) -> bool:
    return resource["resourceType"] == "ValueSet" and "expansion" not in resource


def _is_passed_over(resource: JsonObject) -> bool:
    return text(resource.get("status")) in ("draft", "retired", "unknown")
