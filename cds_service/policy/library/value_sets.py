"""ValueSets, compiled at start: as payers write them, to sets of codes and to families of codes.

Of R4's ways to say which codes are in: `concept` lists them, `filter` takes those below a code of a
CodeSystem in the library (`is-a`, `descendent-of`) or those that a regular expression matches,
`valueSet` takes another set's, and `exclude` takes out. Parts of one `include` all have to hold.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from cds_service.fhir.coding import Coding, CodingKey, read_coding
from cds_service.fhir.resource import JsonObject, follow, objects, text
from cds_service.policy.language.code_sets import CodePart, CodeSet, codes_alike
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.library.code_systems import CodeSystems

_ABOUT_CODES = ("code", "concept")  # the property that a filter on the code itself names
Part = CodePart | CodeSet


class _Include(NamedTuple):
    """One `include` or `exclude`: its parts, and its codings if it lists them one by one."""

    parts: tuple[Part, ...]
    codings: tuple[Coding, ...] | None


class ValueSets:
    """The ValueSets of one library by their pinned canonical, compiled when first asked for."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._systems = CodeSystems(library)
        self._compiled: dict[str, CodeSet] = {}
        self._begun: list[str] = []

    def find(self, canonical: str) -> CodeSet | None:
        """The set of codes of a ValueSet; None if the library has none of this canonical.

        Raises:
            ArtifactError: it cannot be compiled.
        """
        artifact = self._library.by_canonical.get(canonical)
        if artifact is None or artifact.resource["resourceType"] != "ValueSet":
            return None
        if canonical not in self._compiled:
            if canonical in self._begun:
                raise artifact.broken("$.compose", "includes itself, in the end")
            self._begun.append(canonical)
            try:
                self._compiled[canonical] = self._compile(artifact)
            finally:
                self._begun.pop()
        return self._compiled[canonical]

    def _compile(self, artifact: Artifact) -> CodeSet:
        includes = list(self._includes(artifact, "include"))
        excludes = list(self._includes(artifact, "exclude"))
        if not includes:
            raise artifact.broken("$.compose", "a policy's ValueSet states its codes in `compose`")
        code_set = CodeSet(
            includes=tuple(include.parts for include in includes),
            excludes=tuple(exclude.parts for exclude in excludes),
            covered=frozenset().union(*(_covered(include.parts) for include in includes)),
        )
        listed = _listed(includes, code_set)
        if listed is not None and not listed:
            raise artifact.broken("$.compose", "no code is in this ValueSet")
        _check_expansion(artifact, code_set, listed)
        return CodeSet(
            includes=code_set.includes,
            excludes=code_set.excludes,
            covered=code_set.covered,
            codings=listed or (),
            is_listed=listed is not None,
        )

    def _includes(self, artifact: Artifact, name: str) -> Iterator[_Include]:
        compose = artifact.resource.get("compose") or {}
        for number, include in enumerate(objects(compose.get(name))):
            where = f"$.compose.{name}[{number}]"
            if "concept" in include and "filter" in include:
                raise artifact.broken(where, "has either `concept` or `filter` (R4 vsd-3)")
            parts = tuple(self._parts(artifact, include, where))
            if not parts:
                raise artifact.broken(where, "names no code")
            yield _Include(parts, _of_include(parts))

    def _parts(self, artifact: Artifact, include: JsonObject, where: str) -> Iterator[Part]:
        system = text(include.get("system"))
        if system and "concept" not in include and "filter" not in include:
            yield CodePart(systems=frozenset({Coding(system, "").key.system}))
        if "concept" in include:
            codings = _concepts(include)
            yield CodePart(keys=frozenset(coding.key for coding in codings), codings=codings)
        for number, written in enumerate(objects(include.get("filter"))):
            try:
                yield self._filter(include, written)
            except ValueError as error:
                raise artifact.broken(f"{where}.filter[{number}]", error) from error
        for canonical in include.get("valueSet", ()):
            included = self.find(canonical)
            if included is None:
                problem = f"`{canonical}` is not in the library (pin `url|version`)"
                raise artifact.broken(f"{where}.valueSet", problem)
            yield included

    def _filter(self, include: JsonObject, written: JsonObject) -> Part:
        """The codes that one filter lets through.

        Raises:
            ValueError: it is of a kind that is not known here.
        """
        operator, value = text(written.get("op")), text(written.get("value"))
        if text(written.get("property")) not in _ABOUT_CODES or operator not in _FILTERS:
            known = ", ".join(_FILTERS)
            raise ValueError(f"a filter is on `concept` (or `code`), by one of {known}")
        return _FILTERS[operator](self._systems, include, value)


def _concepts(include: JsonObject) -> tuple[Coding, ...]:
    system = text(include.get("system"))
    return tuple(
        Coding(system, text(concept.get("code"))) for concept in follow(include, ("concept",))
    )


def _of_include(parts: tuple[Part, ...]) -> tuple[Coding, ...] | None:
    """The codings that all parts let through, where one of them lists its own; None if none does.

    Another part of the same include can only take some of them out.
    """
    for part in parts:
        if part.is_listed:
            kept = part.codings
            for other in parts:
                if other is not part:
                    kept = tuple(coding for coding in kept if other.holds(coding.key))
            return kept
    return None


def _listed(includes: list[_Include], code_set: CodeSet) -> tuple[Coding, ...] | None:
    """All codings of the set, each once; None if one of its includes does not list its own."""
    found: dict[CodingKey, Coding] = {}
    for include in includes:
        if include.codings is None:
            return None
        for coding in include.codings:
            if code_set.holds(coding.key):
                found.setdefault(coding.key, coding)
    return tuple(found.values())


def _covered(parts: tuple[Part, ...]) -> frozenset[str]:
    """The code systems that all parts speak of."""
    return frozenset.intersection(*(part.covered for part in parts))


def _check_expansion(
    artifact: Artifact, code_set: CodeSet, listed: tuple[Coding, ...] | None
) -> None:
    """Pass if the expansion, where there is one, is what `compose` comes to, as far as is known."""
    if "expansion" not in artifact.resource:
        return
    contained = follow(artifact.resource, ("expansion", "contains"))
    expanded = {read_coding(concept).key for concept in contained}
    is_wrong = any(not code_set.holds(key) for key in expanded)
    if is_wrong or (listed is not None and expanded != {coding.key for coding in listed}):
        raise artifact.broken("$.expansion", "holds other codes than compose")


def _below(systems: CodeSystems, include: JsonObject, code: str, *, itself: bool) -> Part:
    system, version = text(include.get("system")), text(include.get("version"))
    codes = systems.below(system, version, code, itself=itself)
    codings = tuple(Coding(system, below) for below in codes)
    return CodePart(keys=frozenset(coding.key for coding in codings), codings=codings)


def _is_a(systems: CodeSystems, include: JsonObject, code: str) -> Part:
    return _below(systems, include, code, itself=True)


def _descendent_of(systems: CodeSystems, include: JsonObject, code: str) -> Part:
    return _below(systems, include, code, itself=False)


def _regex(_systems: CodeSystems, include: JsonObject, expression: str) -> Part:
    system = Coding(text(include.get("system")), "").key.system
    return CodePart(families=(codes_alike(system, expression),))


def _in(_systems: CodeSystems, include: JsonObject, codes: str) -> Part:
    system = text(include.get("system"))
    codings = tuple(Coding(system, code.strip()) for code in codes.split(",") if code.strip())
    return CodePart(keys=frozenset(coding.key for coding in codings), codings=codings)


def _equal(systems: CodeSystems, include: JsonObject, code: str) -> Part:
    return _in(systems, include, code)


_FILTERS: Mapping[str, Callable[[CodeSystems, JsonObject, str], Part]] = {
    "=": _equal,
    "in": _in,
    "is-a": _is_a,
    "descendent-of": _descendent_of,
    "regex": _regex,
}
