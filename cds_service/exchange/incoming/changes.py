"""What an import would change: each artifact new, the same as before, or in place of another."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import PurePath
from typing import NamedTuple

import msgspec

from cds_service.exchange.incoming.delivery import Fault, Received
from cds_service.exchange.incoming.present import Present
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, canonical, encode


class Change(StrEnum):
    """What becomes of an artifact."""

    NEW = "new"
    SAME = "same"
    REPLACED = "replaced"


class Arriving(NamedTuple):
    """One artifact with its place in the source, what becomes of it, and its file.

    The file is relative to the directory that takes it in: flat where it is new there, else where
    it was.
    """

    key: ResourceKey
    place: str
    change: Change
    file: PurePath
    resource: JsonObject

    @property
    def body(self) -> bytes:
        """The bytes of its file."""
        return msgspec.json.format(encode(self.resource), indent=2) + b"\n"


def compare(artifacts: Iterable[Received], present: Present, into: PurePath) -> list[Arriving]:
    """What becomes of each artifact, in the order they came; each key once."""
    arriving: dict[ResourceKey, Arriving] = {}
    for place, resource in artifacts:
        key = read_key(resource)
        if key and key not in arriving:
            name = f"{key.type}-{key.id}.json"
            file = (
                present.files[name].relative_to(into) if name in present.files else PurePath(name)
            )
            change = _change(resource, present.resources.get(key))
            arriving[key] = Arriving(key, place, change, file, resource)
    return list(arriving.values())


def find_conflicts(artifacts: Iterable[Received], present: Present) -> Iterator[Fault]:
    """Artifacts of one source that cannot both be taken in, or not beside what is there."""
    known: dict[ResourceKey, Received] = {}
    names = {name.casefold(): name for name in present.files}
    for item in artifacts:
        key = read_key(item.resource)
        if key is None:
            continue
        before = known.setdefault(key, item)
        if canonical(before.resource) != canonical(item.resource):
            problem = f"another {key} came in {before.place}, and they differ"
            yield Fault(item.place, "$.id", problem)
        name = f"{key.type}-{key.id}.json"
        if names.setdefault(name.casefold(), name) != name:
            problem = f"{names[name.casefold()]} differs in nothing but capitals: give another id"
            yield Fault(item.place, "$.id", problem)


def find_unwanted(arriving: Iterable[Arriving]) -> Iterator[Fault]:
    """What would take the place of another artifact, where nobody has said that it may."""
    for artifact in arriving:
        if artifact.change is Change.REPLACED:
            problem = (
                f"{artifact.key} is here already and differs; --replace puts this in its place"
            )
            yield Fault(artifact.place, "$", problem)


def _change(resource: JsonObject, before: JsonObject | None) -> Change:
    if before is None:
        return Change.NEW
    return Change.SAME if canonical(before) == canonical(resource) else Change.REPLACED
