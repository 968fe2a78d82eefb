"""Positions: where among the resources of a type each value of a search parameter stands."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)


def positions_of(rows: Iterable[Iterable[Value]]) -> Mapping[Value, Sequence[int]]:
    """The positions of each value in the rows, in ascending order, each once."""
    found: dict[Value, list[int]] = {}
    for position, values in enumerate(rows):
        for value in dict.fromkeys(values):
            found.setdefault(value, []).append(position)
    return found
