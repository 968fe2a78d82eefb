"""What an artifact needs: every other artifact of its library that it names.

By a reference (`Organization/icare`), or by an address anywhere in its strings: canonicals with or
without version, systems, extension urls, ValueSets inside expressions. Narratives are passed over:
they repeat what the data say.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cds_service.exchange.canonicals import strings
from cds_service.fhir.reference import ResourceKey, parse_reference, read_key
from cds_service.fhir.resource import JsonObject, objects, text

# An address ends where no address goes on: at blanks, quotes, brackets; `|` begins its version.
_ADDRESS = re.compile(r"(?:https?://|urn:)[^\s|'\"<>()\[\]{}#]+(?:\|[^\s'\"<>()\[\]{}|#]+)?")


class Dangling(NamedTuple):
    """A reference to a resource that is not there, as it is written."""

    holder: ResourceKey
    reference: str


class Catalog:
    """The resources of a set, found by key and by every address that they go by."""

    def __init__(self, resources: Iterable[JsonObject]) -> None:
        self.by_key: Mapping[ResourceKey, JsonObject] = {
            key: resource for resource in resources if (key := read_key(resource))
        }
        self._by_address: dict[str, list[ResourceKey]] = defaultdict(list)
        for key, resource in self.by_key.items():
            for address in _addresses(resource):
                self._by_address[address].append(key)

    def needs(self, resource: JsonObject) -> frozenset[ResourceKey]:
        """The resources of the set that this one names, itself not among them.

        A canonical without a version names every version that there is.
        """
        own = read_key(resource)
        named = {key for key in self._named(resource) if key != own}
        return frozenset(named)

    def versions(self, resource: JsonObject) -> frozenset[ResourceKey]:
        """Every resource with the url of this one, itself among them if it has a url."""
        return frozenset(self._by_address.get(text(resource.get("url")), ()))

    def dangling(self) -> Iterator[Dangling]:
        """References of the set to what is not in it; a server that checks them refuses such."""
        for holder in sorted(self.by_key):
            for reference in references_in(self.by_key[holder]):
                key = parse_reference(reference)
                if key and key not in self.by_key:
                    yield Dangling(holder, reference)

    def _named(self, resource: JsonObject) -> Iterator[ResourceKey]:
        for reference in references_in(resource):
            key = parse_reference(reference)
            if key and key in self.by_key:
                yield key
        for address in addresses_in(resource):
            yield from self._by_address.get(address, ())


def addresses_in(resource: JsonObject) -> frozenset[str]:
    """Every address that the data of a resource name, with its `|version` where one is pinned.

    Its own url is not among them: other versions have the same.
    """
    data = {name: value for name, value in resource.items() if name not in ("text", "url")}
    return frozenset(
        address for words in strings(data) if ":" in words for address in _ADDRESS.findall(words)
    )


def _addresses(resource: JsonObject) -> Iterator[str]:
    """What this resource goes by: its url with and without version, the names of a namespace."""
    if url := text(resource.get("url")):
        yield url
        if version := text(resource.get("version")):
            yield f"{url}|{version}"
    if resource.get("resourceType") == "NamingSystem":
        yield from (text(name.get("value")) for name in objects(resource.get("uniqueId")))


def references_in(value: Any) -> Iterator[str]:
    """Every literal reference in a resource, however deep."""
    if isinstance(value, list):
        for member in value:
            yield from references_in(member)
    elif isinstance(value, dict):
        if reference := text(value.get("reference")):
            yield reference
        for member in value.values():
            yield from references_in(member)
