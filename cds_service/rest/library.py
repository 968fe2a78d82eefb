"""What the FHIR API shows of one set of policies, read once when the set is."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from cds_service.errors import UnsupportedKind
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject
from cds_service.policy.library.artifacts import Library
from cds_service.rest.search.parameter_table import PARAMETERS
from cds_service.rest.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class RestLibrary:
    """One set of policies: its `digest`, in service `since`, and a shelf for each resource type.

    There is a shelf for every type that can be searched by more than `_id`, be it empty, and for
    every other type of which the set holds a resource.
    """

    library: Library
    digest: str
    since: datetime
    shelves: Mapping[str, Shelf]

    def shelf(self, kind: str) -> Shelf:
        """The shelf of a resource type; raises UnsupportedKind if there is none."""
        if kind not in self.shelves:
            served = ", ".join(self.shelves)
            raise UnsupportedKind(f"no resources of this type are served here, but of {served}")
        return self.shelves[kind]

    def find(self, kind: str, identity: str) -> JsonObject | None:
        """The resource of this type and id, if the set holds it."""
        artifact = self.library.by_key.get(ResourceKey(kind, identity))
        return artifact.resource if artifact else None

    def find_canonical(self, canonical: str) -> tuple[JsonObject, ...]:
        """What a canonical names: the pinned version (`url|version`), or each version of a URL."""
        url, bar, _ = canonical.partition("|")
        if bar:
            artifact = self.library.by_canonical.get(canonical)
            return (artifact.resource,) if artifact else ()
        return tuple(self._versions(url))

    def _versions(self, url: str) -> Iterator[JsonObject]:
        for shelf in self.shelves.values():
            if "url" in shelf.parameters:
                positions = shelf.index("url").matches[""](url.replace("\\", "\\\\"))
                yield from shelf.at(sorted(positions))


def read_rest(library: Library, digest: str, since: datetime) -> RestLibrary:
    """The read model of a library, in one pass; `digest` names it, `since` is when it came here."""
    by_type: dict[str, list[JsonObject]] = defaultdict(list)
    for kind in PARAMETERS:
        by_type[kind] = []
    for key, artifact in library.by_key.items():
        by_type[key.type].append(artifact.resource)
    shelves = {kind: Shelf(kind, by_type[kind]) for kind in sorted(by_type)}
    return RestLibrary(library=library, digest=digest, since=since, shelves=shelves)
