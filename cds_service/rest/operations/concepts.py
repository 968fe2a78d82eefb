"""Concepts: the codes that a CodeSystem of the library holds, with all that it states of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject, objects, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """One code as its CodeSystem has it, and the code right above it if it stands below one."""

    code: str
    display: str
    definition: str
    designations: tuple[JsonObject, ...]
    properties: tuple[JsonObject, ...]
    parent: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concepts:
    """The concepts of one CodeSystem; all of them if it `is_complete`."""

    url: str
    version: str
    name: str
    is_complete: bool
    by_code: Mapping[str, Concept]
    is_case_sensitive: bool

    def find(self, code: str) -> Concept | None:
        """The concept of a code, in any letter case where the system makes no difference."""
        return self.by_code.get(code if self.is_case_sensitive else code.casefold())


def read_concepts(system: JsonObject) -> Concepts:
    """The concepts in a CodeSystem; what is not stated is taken to tell cases apart."""
    is_case_sensitive = system.get("caseSensitive") is not False
    return Concepts(
        url=text(system.get("url")),
        version=text(system.get("version")),
        name=text(system.get("title")) or text(system.get("name")) or text(system.get("url")),
        is_complete=system.get("content") == "complete",
        by_code={
            concept.code if is_case_sensitive else concept.code.casefold(): concept
            for concept in _concepts(system)
        },
        is_case_sensitive=is_case_sensitive,
    )


def _concepts(system: JsonObject) -> Iterator[Concept]:
    waiting = [("", concept) for concept in reversed(objects(system.get("concept")))]
    while waiting:
        parent, concept = waiting.pop()
        code, children = text(concept.get("code")), objects(concept.get("concept"))
        yield Concept(
            code=code,
            display=text(concept.get("display")),
            definition=text(concept.get("definition")),
            designations=objects(concept.get("designation")),
            properties=objects(concept.get("property")),
            parent=parent,
            children=tuple(text(child.get("code")) for child in children),
        )
        waiting.extend((code, child) for child in reversed(children))
