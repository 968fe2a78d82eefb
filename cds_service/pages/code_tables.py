"""The codes a policy's rules filter on, by code system, with our own labels and the rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cds_service.fhir.coding import system_name
from cds_service.fhir.extension import find_extensions
from cds_service.fhir.resource import JsonObject, first, follow, text
from cds_service.policy.library.artifacts import Library

_LABEL = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A code with the ids of the rules that use it; labels are our own words, never its owner's."""

    code: str
    labels: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """The codes of one version of one system."""

    name: str
    uri: str
    rows: tuple[CodeRow, ...]


class _Use(NamedTuple):
    """One code of one rule's filter."""

    system: str
    version: str
    code: str
    label: str
    rule: str


def read_code_tables(plan_definition: JsonObject, library: Library) -> tuple[CodeTable, ...]:
    """A table for each code system, codes in the order the rules name them."""
    by_system: dict[tuple[str, str], list[_Use]] = {}
    for action in follow(plan_definition, ("action", "action")):
        for use in _uses(action, library):
            by_system.setdefault((use.system, use.version), []).append(use)
    return tuple(_table(system, uses) for system, uses in by_system.items())


def value_sets(plan_definition: JsonObject, library: Library) -> tuple[JsonObject, ...]:
    """The ValueSets that the rules filter on and those that these include, each once."""
    filters = (
        code_filter
        for action in follow(plan_definition, ("action", "action"))
        for code_filter in _order_filters(action)
    )
    found: dict[str, JsonObject] = {}
    waiting = [text(code_filter.get("valueSet")) for code_filter in filters]
    while waiting:
        canonical = waiting.pop(0)
        if canonical and canonical not in found:
            found[canonical] = library.by_canonical[canonical].resource
            waiting.extend(_included(found[canonical]))
    return tuple(found.values())


def _order_filters(action: JsonObject) -> tuple[JsonObject, ...]:
    """The filters on a rule's order: its first input; the others are for what it reads besides."""
    return follow(first(action.get("input")), ("codeFilter",))


def _included(value_set: JsonObject) -> list[str]:
    includes = follow(value_set, ("compose", "include"))
    return [canonical for include in includes for canonical in include.get("valueSet", ())]


def _uses(action: JsonObject, library: Library) -> Iterator[_Use]:
    rule = text(action.get("id"))
    for code_filter in _order_filters(action):
        canonical = text(code_filter.get("valueSet"))
        if canonical:
            yield from _listed(canonical, library, rule)
        # Beside a ValueSet the rule's description is about more than this code.
        label = "" if canonical else text(action.get("description"))
        for coding in follow(code_filter, ("code",)):
            yield _use(coding, coding, label, rule)


def _listed(canonical: str, library: Library, rule: str) -> Iterator[_Use]:
    value_set = library.by_canonical[canonical].resource
    for include in follow(value_set, ("compose", "include")):
        for concept in follow(include, ("concept",)):
            yield _use(include, concept, _label(concept), rule)
        for code_filter in follow(include, ("filter",)):
            written = (text(code_filter.get(name)) for name in ("op", "value"))
            yield _use(include, {"code": " ".join(written)}, "a family of codes", rule)
    for included in _included(value_set):
        yield from _listed(included, library, rule)


def _label(concept: JsonObject) -> str:
    comments = find_extensions(concept, _LABEL)
    return text(comments[0].get("valueString")) if comments else ""


def _use(system: JsonObject, concept: JsonObject, label: str, rule: str) -> _Use:
    return _Use(
        system=text(system.get("system")),
        version=text(system.get("version")),
        code=text(concept.get("code")),
        label=label,
        rule=rule,
    )


def _table(system: tuple[str, str], uses: Iterable[_Use]) -> CodeTable:
    uri, version = system
    by_code: dict[str, list[_Use]] = {}
    for use in uses:
        by_code.setdefault(use.code, []).append(use)
    name = f"{system_name(uri)} {version}".strip()
    rows = tuple(_row(code, code_uses) for code, code_uses in by_code.items())
    return CodeTable(name=name, uri=uri, rows=rows)


def _row(code: str, uses: list[_Use]) -> CodeRow:
    return CodeRow(
        code=code,
        labels=tuple(dict.fromkeys(use.label for use in uses if use.label)),
        rules=tuple(dict.fromkeys(use.rule for use in uses)),
    )
