"""Members: the codes of a ValueSet one by one, with what is known of each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cds_service.fhir.coding import Coding
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import JsonObject, follow, objects, text
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.library.artifacts import Artifact
from cds_service.rest.operations.concepts import Concepts

_COMMENTS = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"
Place = tuple[str, str]  # a system and a code, as they are written


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One code of a ValueSet; `comment` is what the set itself remarks on it."""

    system: str
    version: str
    code: str
    display: str
    designations: tuple[JsonObject, ...]
    comment: str

    @property
    def words(self) -> tuple[str, ...]:
        """All that it is found by, in small letters."""
        texts = [self.code, self.display, self.comment]
        texts += [text(designation.get("value")) for designation in self.designations]
        return tuple(word for words in texts for word in words.casefold().split())


@dataclass(frozen=True, slots=True)
class CodedSet:
    """A ValueSet compiled, and its members: those of a set that is not listed are not all."""

    codes: CodeSet
    members: tuple[Member, ...]
    _by_place: Mapping[Place, Member] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_place = {(member.system, member.code): member for member in self.members}
        object.__setattr__(self, "_by_place", by_place)

    def find(self, system: str, code: str) -> Member | None:
        """The member that is spelt exactly so."""
        return self._by_place.get((system, code))


class Described:
    """What ValueSets and CodeSystems of one library state of codes."""

    def __init__(
        self,
        by_canonical: Mapping[str, Artifact],
        systems: Mapping[str, Mapping[str, Concepts]],
    ) -> None:
        self._by_canonical, self._systems = by_canonical, systems

    def members(self, value_set: Artifact, codings: Iterable[Coding]) -> tuple[Member, ...]:
        """These codings of a ValueSet, described by it, by the sets that it takes in, or by their
        CodeSystem."""
        stated: dict[Place, tuple[str, JsonObject]] = {}
        for place, version, concept in self._stated(value_set):
            # An expansion seldom names the version that a set which is taken in has pinned.
            pinned = version or stated.get(place, ("",))[0]
            stated[place] = pinned, concept
        versions = dict(self._whole_systems(value_set))
        return tuple(self._member(coding, stated, versions) for coding in codings)

    def _member(
        self,
        coding: Coding,
        stated: Mapping[Place, tuple[str, JsonObject]],
        versions: Mapping[str, str],
    ) -> Member:
        place = (coding.system, coding.code)
        version, concept = stated.get(place, (versions.get(coding.system, ""), {}))
        held = self._systems.get(coding.system, {})
        system = held.get(version) or next(iter(held.values()), None)
        known = system.find(coding.code) if system else None
        comments = (
            text(extension.get("valueString")) for extension in find_extensions(concept, _COMMENTS)
        )
        return Member(
            system=coding.system,
            version=version or (system.version if system else ""),
            code=coding.code,
            display=text(concept.get("display")) or (known.display if known else ""),
            designations=objects(concept.get("designation"))
            or (known.designations if known else ()),
            comment=" ".join(comments),
        )

    def _stated(self, value_set: Artifact) -> Iterator[tuple[Place, str, JsonObject]]:
        """Each concept listed in a set or in one it takes in; those of the set itself come last."""
        for include in follow(value_set.resource, ("compose", "include")):
            for taken in self._taken(include):
                yield from self._stated(taken)
        for part in follow(value_set.resource, ("expansion", "contains")):
            yield _written(text(part.get("system")), part), text(part.get("version")), part
        for include in follow(value_set.resource, ("compose", "include")):
            system, version = text(include.get("system")), text(include.get("version"))
            for concept in objects(include.get("concept")):
                yield _written(system, concept), version, concept

    def _whole_systems(self, value_set: Artifact) -> Iterator[tuple[str, str]]:
        """Systems of which a set takes codes by a filter, with the version that it pins."""
        for include in follow(value_set.resource, ("compose", "include")):
            for taken in self._taken(include):
                yield from self._whole_systems(taken)
            if system := text(include.get("system")):
                yield system, text(include.get("version"))

    def _taken(self, include: JsonObject) -> Iterator[Artifact]:
        """The ValueSets that an include takes in; they are compiled, so they form no circle."""
        for canonical in include.get("valueSet", ()):
            if canonical in self._by_canonical:
                yield self._by_canonical[canonical]


def _written(system: str, concept: JsonObject) -> Place:
    return system, text(concept.get("code"))
