"""The codes that a rule is about, as the coverage list writes them: codes, families, or any."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.fhir.coding import Coding, CodingKey, system_name
from cds_service.pages.code_tables import read_code_tables
from cds_service.policy.language.code_sets import CodeFamily, CodePart, CodePattern, CodeSet
from cds_service.policy.library.artifacts import Library
from cds_service.policy.run.rules import Policy, Rule

_MOST_EXCEPTIONS = 5  # codes named as taken out of a family; nobody reads a hundred
# What an order of each type is for.
_KINDS = {
    "ServiceRequest": "procedure or service",
    "DeviceRequest": "device or supply",
    "MedicationRequest": "medication",
    "NutritionOrder": "nutrition",
    "VisionPrescription": "glasses or contact lenses",
    "CommunicationRequest": "communication",
}

Parts = Sequence[CodePart | CodeSet]
Labels = Mapping[CodingKey, str]


class CodeKind(StrEnum):
    """Whether a line of the list is about one code, a family of codes, or whatever is ordered."""

    CODE = "code"
    FAMILY = "family"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCode:
    """What one line of the list is about; `label` is in our own words, never its owner's.

    `system` is the code system's URI as the policy writes it; it and `code` are empty for `any`.
    Only a single code has a `key`, and only a family `parts`, all of which its codes are in.
    """

    kind: CodeKind
    system: str = ""
    code: str = ""
    label: str = ""
    key: CodingKey | None = None
    parts: tuple[CodePart | CodeSet, ...] = field(default=(), repr=False, compare=False)

    @property
    def system_name(self) -> str:
        """How people call the code system."""
        return system_name(self.system)

    @property
    def shown(self) -> str:
        """`CPT 0600T`, `ICD-10-CM I48.-`, or `any code`."""
        return "any code" if self.kind is CodeKind.ANY else f"{self.system_name} {self.code}"

    def holds(self, key: CodingKey) -> bool:
        """Whether a coding is of this family."""
        return all(part.holds(key) for part in self.parts)


def kind_of_order(order_type: str) -> str:
    """What orders of a FHIR type are for, in words."""
    return _KINDS.get(order_type, order_type)


def read_labels(policy: Policy, library: Library) -> Labels:
    """Our own words for the codes of a policy, where its ValueSets or rules have some."""
    return {
        Coding(table.uri, row.code).key: row.labels[0]
        for table in read_code_tables(policy.resource, library)
        for row in table.rows
        if row.labels
    }


def codes_of(rule: Rule, labels: Labels) -> tuple[ListedCode, ...]:
    """What a rule's filter takes: its codes, families of codes, or any code at all."""
    if rule.code_set is None:
        return (ListedCode(kind=CodeKind.ANY),)
    if rule.code_set.is_listed:
        return tuple(_single(coding, labels) for coding in rule.codings)
    return tuple(dict.fromkeys(_opened(rule.code_set, (), labels)))


def _single(coding: Coding, labels: Labels) -> ListedCode:
    return ListedCode(
        kind=CodeKind.CODE,
        system=coding.system,
        code=coding.code,
        label=labels.get(coding.key, ""),
        key=coding.key,
    )


def _opened(
    code_set: CodeSet, taken_out: tuple[Parts, ...], labels: Labels
) -> Iterator[ListedCode]:
    """The codes and families of a set that does not list all of its codes."""
    excluded = (*taken_out, *code_set.excludes)
    for parts in code_set.includes:
        match parts:
            case (CodeSet() as inner,):
                yield from _opened(inner, excluded, labels)
            case (CodePart() as part,):
                yield from _of_part(part, excluded, labels)
            case _:
                words = " that are also ".join(_words(part) for part in parts)
                systems = frozenset.intersection(*(part.covered for part in parts))
                yield _family(min(systems, default=""), words, parts, excluded)


def _of_part(part: CodePart, excluded: tuple[Parts, ...], labels: Labels) -> Iterator[ListedCode]:
    for coding in part.codings:
        if not any(_names(parts, coding.key) for parts in excluded):
            yield _single(coding, labels)
    for family in part.families:
        narrowed = CodePart(families=(family,))
        yield _family(family.system, _words_of_family(family), (narrowed,), excluded)


def _family(system: str, words: str, parts: Parts, excluded: tuple[Parts, ...]) -> ListedCode:
    exceptions = ", ".join(" and ".join(map(_words, others)) for others in excluded)
    return ListedCode(
        kind=CodeKind.FAMILY,
        system=system,
        code=f"{words} except {exceptions}" if exceptions else words,
        label="a family of codes",
        parts=tuple(parts),
    )


def _names(parts: Parts, key: CodingKey) -> bool:
    return all(part.holds(key) for part in parts)


def _words(part: CodePart | CodeSet) -> str:
    """A part of a ValueSet in words: `I48.-`, or `I48.0, I48.1`."""
    if isinstance(part, CodeSet):
        alternatives = [" that are also ".join(map(_words, parts)) for parts in part.includes]
        return " or ".join(alternatives)
    codes = [coding.code for coding in part.codings]
    shown = codes[:_MOST_EXCEPTIONS]
    more = [f"{len(codes) - len(shown)} more codes"] if len(codes) > len(shown) else []
    families = [_words_of_family(family) for family in part.families]
    systems = [f"every code of {system_name(system)}" for system in sorted(part.systems)]
    return ", ".join([*shown, *more, *families, *systems])


def _words_of_family(family: CodeFamily | CodePattern) -> str:
    """As people write a family of codes: `I48.-`; a pattern as it is."""
    if isinstance(family, CodeFamily):
        return f"{family.prefix}-"
    return f"codes like {family.matches.pattern}"
