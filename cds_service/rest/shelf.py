"""A shelf: all resources of one type in a set of policies, with what finds them.

Indexes and orders are made when they are first asked for: most are never needed, and a set with
ten thousand policies is to be in service soon. Two threads may make the same one; they are equal.
"""

from collections.abc import Iterator, Sequence

from cds_service.fhir.resource import JsonObject, text
from cds_service.rest.search.dates import parse_span
from cds_service.rest.search.indexes import Index, index_parameter
from cds_service.rest.search.parameter_table import parameters_of
from cds_service.rest.search.strings import plain

# What a search can be sorted by (`_sort`).
SORTABLE = ("_id", "date", "name", "title", "status")


class Shelf:
    """The resources of one type, by id; a position is a place in `resources`."""

    def __init__(self, kind: str, resources: Sequence[JsonObject]) -> None:
        self.kind = kind
        self.parameters = parameters_of(kind)
        self.resources = tuple(sorted(resources, key=lambda resource: text(resource["id"])))
        self._indexes: dict[str, Index] = {}
        self._ranks: dict[str, tuple[int, ...]] = {}
        self._orders: dict[tuple[str, bool], tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self.resources)

    def index(self, name: str) -> Index:
        """The index of one of its `parameters`."""
        if name not in self._indexes:
            self._indexes[name] = index_parameter(self.parameters[name], self.resources)
        return self._indexes[name]

    def at(self, positions: Sequence[int]) -> Iterator[JsonObject]:
        """The resources at these positions."""
        return (self.resources[position] for position in positions)

    def ranks(self, element: str) -> tuple[int, ...]:
        """The rank of each resource by one of `SORTABLE`; equal values rank the same.

        Those without a value come last.
        """
        if element not in self._ranks:
            keys = [_sort_key(resource, element) for resource in self.resources]
            places = {key: place for place, key in enumerate(sorted(set(keys)))}
            self._ranks[element] = tuple(places[key] for key in keys)
        return self._ranks[element]

    def order(self, element: str, *, is_descending: bool) -> tuple[int, ...]:
        """All positions by one of `SORTABLE`; equal ones by id."""
        key = element, is_descending
        if key not in self._orders:
            ranks = self.ranks(element)
            positions = range(len(self))
            ordered = sorted(positions, key=ranks.__getitem__, reverse=is_descending)
            self._orders[key] = tuple(ordered)
        return self._orders[key]


def _sort_key(resource: JsonObject, element: str) -> tuple[bool, int, str]:
    value = text(resource.get(element.removeprefix("_")))
    if element == "date":
        span = parse_span(value)
        return span is None, span.start if span else 0, ""
    return not value, 0, value if element == "_id" else plain(value)
