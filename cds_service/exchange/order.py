"""The order in which a server can take artifacts one after another: what is named comes first."""

from collections.abc import Iterable, Iterator

from cds_service.exchange.dependencies import Catalog
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import JsonObject

# Where neither names the other: definitions, terms, payers, and last of all policies.
_RANKS = (
    "StructureDefinition",
    "CodeSystem",
    "NamingSystem",
    "ValueSet",
    "Organization",
    "InsurancePlan",
    "Library",
    "Questionnaire",
    "ActivityDefinition",
)
_LAST = "PlanDefinition"


def in_order_of_need(resources: Iterable[JsonObject]) -> tuple[JsonObject, ...]:
    """The resources, each after all that it names; the same order for the same resources.

    Of those that name each other in a circle one has to come before what it names.
    """
    catalog = Catalog(resources)
    ordered: dict[ResourceKey, None] = {}
    for key in sorted(catalog.by_key, key=_place):
        for needed in _needed_first(key, catalog, ordered):
            ordered[needed] = None
    return tuple(catalog.by_key[key] for key in ordered)


def _needed_first(
    key: ResourceKey, catalog: Catalog, ordered: dict[ResourceKey, None]
) -> Iterator[ResourceKey]:
    """What an artifact needs and has not come yet, deepest first, then itself."""
    begun: set[ResourceKey] = set()
    due = [(key, False)]
    while due:
        current, needs_are_there = due.pop()
        if needs_are_there:
            yield current
        elif current not in ordered and current not in begun:
            begun.add(current)
            needs = sorted(catalog.needs(catalog.by_key[current]), key=_place, reverse=True)
            due.append((current, True))
            due.extend((needed, False) for needed in needs)


def _place(key: ResourceKey) -> tuple[int, ResourceKey]:
    if key.type == _LAST:
        return len(_RANKS) + 1, key
    return (_RANKS.index(key.type) if key.type in _RANKS else len(_RANKS)), key
