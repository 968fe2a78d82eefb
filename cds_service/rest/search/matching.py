"""Matching: the resources that a query finds, in its order."""

from collections.abc import Mapping, Sequence

from cds_service.fhir.resource import JsonObject
from cds_service.rest.search.query import Criterion, Query, SortKey
from cds_service.rest.shelf import Shelf


class Matches:
    """All that a query finds on the shelves of its types; only a page of it is ever looked at."""

    def __init__(self, query: Query, shelves: Mapping[str, Shelf]) -> None:
        self._found = [
            (shelves[kind], _ordered(shelves[kind], query.criteria, query.sort))
            for kind in query.kinds
        ]
        self.total = sum(len(positions) for _, positions in self._found)

    def page(self, offset: int, count: int) -> list[JsonObject]:
        """So many of the resources, from an offset on."""
        page: list[JsonObject] = []
        for shelf, positions in self._found:
            part = positions[offset : offset + count - len(page)]
            page += shelf.at(part)
            offset = max(0, offset - len(positions))
        return page


def _ordered(shelf: Shelf, criteria: Sequence[Criterion], sort: Sequence[SortKey]) -> Sequence[int]:
    """The positions that match, by the sort keys and then by id."""
    found = _matching(shelf, criteria)
    if not sort:
        return range(len(shelf)) if found is None else sorted(found)
    last = sort[-1]
    order = shelf.order(last.element, is_descending=last.is_descending)
    positions = order if found is None else _in_order(shelf, found, last)
    for key in reversed(sort[:-1]):
        ranks = shelf.ranks(key.element)
        positions = sorted(positions, key=ranks.__getitem__, reverse=key.is_descending)
    return positions


def _in_order(shelf: Shelf, found: set[int], key: SortKey) -> Sequence[int]:
    ranks = shelf.ranks(key.element)
    return sorted(sorted(found), key=ranks.__getitem__, reverse=key.is_descending)


def _matching(shelf: Shelf, criteria: Sequence[Criterion]) -> set[int] | None:
    """The positions that fulfil all criteria; None is all."""
    found: set[int] | None = None
    for criterion in criteria:
        positions = _fulfilling(shelf, criterion)
        found = positions if found is None else found & positions
    return found


def _fulfilling(shelf: Shelf, criterion: Criterion) -> set[int]:
    index = shelf.index(criterion.name)
    if criterion.modifier == "missing":
        is_missing = criterion.values == ("true",)
        return set(range(len(shelf))) - index.present if is_missing else set(index.present)
    is_reverse = criterion.modifier == "not"  # also those that have no value at all
    match = index.matches["" if is_reverse else criterion.modifier]
    found = {position for value in criterion.values for position in match(value)}
    return set(range(len(shelf))) - found if is_reverse else found
