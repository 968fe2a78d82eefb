"""Invariants of R4 on the types that policies use, which the models of fhir.resources let pass.

Each is on something that the reader of a policy would pass over: a filter without a path, a trigger
without a name, a code without its system. The keys are R4's own.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from cds_service.fhir.resource import JsonObject, objects

_Holds = Callable[[JsonObject], bool]


class Invariant(NamedTuple):
    """A rule that every object of one type keeps: R4's key for it, and what is due."""

    key: str
    holds: _Holds
    due: str


def broken_invariant(invariants: Iterable[Invariant], json: JsonObject) -> Invariant | None:
    """The first of these invariants that an object breaks; None if it keeps them all."""
    for invariant in invariants:
        if not invariant.holds(json):
            return invariant
    return None


def _any_of(*names: str) -> _Holds:
    return lambda json: any(name in json for name in names)


def _just_one_of(one_name: str, other: str) -> _Holds:
    return lambda json: (one_name in json) is not (other in json)


def _not_both(one_name: str, other: str) -> _Holds:
    return lambda json: one_name not in json or other not in json


def _needs(name: str, other: str) -> _Holds:
    return lambda json: name not in json or other in json


def _has_timing(trigger: JsonObject) -> bool:
    return any(name.startswith("timing") for name in trigger)


def _has_what_fires_it(trigger: JsonObject) -> bool:
    match trigger.get("type"):
        case "named-event":
            return "name" in trigger
        case "periodic":
            return _has_timing(trigger)
    return "data" in trigger  # all other types are about data


def _codes_are_unique(code_system: JsonObject) -> bool:
    codes: list[object] = []
    waiting = list(objects(code_system.get("concept")))
    while waiting:
        concept = waiting.pop()
        codes.append(concept.get("code"))
        waiting += objects(concept.get("concept"))
    return len(codes) == len(set(codes))


_NAMED = (_any_of("name", "identifier"), "a name or an identifier is due")
_PLACED = (_just_one_of("path", "searchParam"), "either a path or a searchParam is due")

INVARIANTS: Mapping[str, tuple[Invariant, ...]] = {
    "Attachment": (Invariant("att-1", _needs("data", "contentType"), "data has a contentType"),),
    "CodeSystem": (Invariant("csd-1", _codes_are_unique, "each code is listed once"),),
    "ContactPoint": (Invariant("cpt-2", _needs("value", "system"), "a value has a system"),),
    "DataRequirementCodeFilter": (Invariant("drq-1", *_PLACED),),
    "DataRequirementDateFilter": (Invariant("drq-2", *_PLACED),),
    "Expression": (
        Invariant("exp-1", _any_of("expression", "reference"), "an expression or reference is due"),
    ),
    "InsurancePlan": (Invariant("ipn-1", *_NAMED),),
    "Organization": (Invariant("org-1", *_NAMED),),
    "Quantity": (Invariant("qty-3", _needs("code", "system"), "a code has a system"),),
    "TriggerDefinition": (
        Invariant(
            "trd-1",
            lambda trigger: not ("data" in trigger and _has_timing(trigger)),
            "either timing or data is due",
        ),
        Invariant("trd-2", _needs("condition", "data"), "a condition is on data"),
        Invariant("trd-3", _has_what_fires_it, "a named event has a name, others timing or data"),
    ),
    "ValueSetComposeInclude": (
        Invariant("vsd-1", _any_of("system", "valueSet"), "a system or a valueSet is due"),
        Invariant("vsd-2", _needs("concept", "system"), "concepts are of a system"),
        Invariant("vsd-2", _needs("filter", "system"), "filters are on a system"),
        Invariant("vsd-3", _not_both("concept", "filter"), "either concepts or filters are due"),
    ),
    "ValueSetExpansionContains": (
        Invariant("vsd-6", _any_of("code", "display"), "a code or a display is due"),
        Invariant(
            "vsd-9",
            lambda contains: "code" in contains or contains.get("abstract") is True,
            "what is not abstract has a code",
        ),
        Invariant("vsd-10", _needs("code", "system"), "a code has a system"),
    ),
}
