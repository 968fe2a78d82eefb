"""Code sets: ValueSets as what they answer, whether a coding is one of theirs.

A set answers for the code systems that it covers. Of a coding in any other system it does not know
what it stands for: that is unknown, and never "no" (design: 4.16).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import re2

from cds_service.fhir.coding import ICD_10_CM, Coding, CodingKey
from cds_service.fhir.truth import Truth

_ICD_CATEGORY = 3  # characters before the dot


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePattern:
    """The codes of one system that a regular expression matches from end to end.

    RE2 matches in time that is linear in the code, whatever the expression.
    """

    system: str
    matches: Any

    def holds(self, key: CodingKey) -> bool:
        """Whether a coding is of the system, and its code matches."""
        return key.system == self.system and bool(self.matches.fullmatch(_written(key)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFamily:
    """The codes of one system that begin alike, as those of I48.- do."""

    system: str
    prefix: str

    def holds(self, key: CodingKey) -> bool:
        """Whether a coding is of the system, and its code begins so."""
        return key.system == self.system and _written(key).startswith(self.prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePart:
    """What one part of a ValueSet names: codes, families of codes, or whole code systems.

    `codings` are its codes as they are written there.
    """

    keys: frozenset[CodingKey] = frozenset()
    codings: tuple[Coding, ...] = ()
    families: tuple[CodeFamily | CodePattern, ...] = ()
    systems: frozenset[str] = frozenset()

    def holds(self, key: CodingKey) -> bool:
        """Whether a coding is named."""
        if key in self.keys or key.system in self.systems:
            return True
        return bool(self.families) and any(family.holds(key) for family in self.families)

    @property
    def takes_whole_systems(self) -> bool:
        """Whether it names every code of some code system."""
        return bool(self.systems)

    @property
    def is_listed(self) -> bool:
        """Whether all its codes are listed one by one."""
        return not (self.families or self.systems)

    @property
    def covered(self) -> frozenset[str]:
        """The code systems it speaks of."""
        named = {key.system for key in self.keys} | {family.system for family in self.families}
        return frozenset(named | self.systems)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSet:
    """A ValueSet: codings are in it if all parts of an `include` name them, and no `exclude` does.

    `includes` holds the parts of each `include`. Where `is_listed`, `codings` are all of its codes,
    as they are written there.
    """

    includes: tuple[tuple["CodePart | CodeSet", ...], ...]
    excludes: tuple[tuple["CodePart | CodeSet", ...], ...] = ()
    codings: tuple[Coding, ...] = ()
    is_listed: bool = False
    covered: frozenset[str]
    # Those of a listed set at hand: most sets are, and every rule asks of every call.
    listed: frozenset[CodingKey] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys = (coding.key for coding in self.codings) if self.is_listed else ()
        object.__setattr__(self, "listed", frozenset(keys))

    @property
    def takes_whole_systems(self) -> bool:
        """Whether some include names every code of some code system."""
        return any(map(_takes_whole_systems, self.includes))

    def holds(self, key: CodingKey) -> bool:
        """Whether a coding is in the set."""
        if self.is_listed:
            return key in self.listed
        return _any(self.includes, key) and not _any(self.excludes, key)

    def covers_any(self, keys: Iterable[CodingKey]) -> bool:
        """Whether any of these is of a system that the set covers."""
        return any(key.system in self.covered for key in keys)

    def membership(self, keys: Iterable[CodingKey]) -> Truth:
        """Whether one thing, coded so in one or several systems, is in the set.

        False only if one of them is of a system that the set covers.
        """
        is_covered = False
        for key in keys:
            if self.holds(key):
                return Truth.TRUE
            is_covered = is_covered or key.system in self.covered
        return Truth.FALSE if is_covered else Truth.UNKNOWN


def _any(alternatives: tuple[tuple[CodePart | CodeSet, ...], ...], key: CodingKey) -> bool:
    return any(_all(parts, key) for parts in alternatives)


def _all(parts: tuple[CodePart | CodeSet, ...], key: CodingKey) -> bool:
    return all(part.holds(key) for part in parts)


def _takes_whole_systems(parts: tuple[CodePart | CodeSet, ...]) -> bool:
    return all(part.takes_whole_systems for part in parts)


def codes_alike(system: str, expression: str) -> CodeFamily | CodePattern:
    """The codes of a system that a regular expression matches from end to end.

    Raises:
        ValueError: RE2 does not know the expression.
    """
    prefix = _plain_prefix(expression)
    if prefix is not None:
        return CodeFamily(system=system, prefix=prefix.upper())
    return CodePattern(system=system, matches=compile_pattern(expression, any_case=True))


def _plain_prefix(expression: str) -> str | None:
    """What all codes begin with, if the expression is some plain text and `.*` after it."""
    text = expression.removeprefix("^").removesuffix("$")
    if not text.endswith(".*"):
        return None
    plain = text[:-2].replace("\\.", "\0")
    return plain.replace("\0", ".") if plain.replace("\0", "").isalnum() else None


def compile_pattern(expression: str, *, any_case: bool) -> object:
    """A regular expression of RE2.

    Raises:
        ValueError: RE2 does not know it; it has no backreferences and no lookaround.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not any_case
    options.dot_nl = True  # FHIRPath, matches: `.` is any character, the end of a line too
    try:
        return re2.compile(expression, options=options)
    except re2.error as error:
        cause = error.args[0] if error.args else ""
        words = cause.decode() if isinstance(cause, bytes) else str(cause)
        raise ValueError(f"`{expression}` is no regular expression of RE2: {words}") from error


def _written(key: CodingKey) -> str:
    """A code as its system's owner writes it: keys of ICD-10-CM have no dot."""
    if key.system != ICD_10_CM or len(key.code) <= _ICD_CATEGORY:
        return key.code
    return f"{key.code[:_ICD_CATEGORY]}.{key.code[_ICD_CATEGORY:]}"
