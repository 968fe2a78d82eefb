"""A search as it was understood."""

from dataclasses import dataclass, field

from cds_service.rest.subset import Subset

DEFAULT_COUNT, MOST_COUNT = 50, 500  # resources on a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """What a resource has to fulfil: one of `values`, which are still escaped.

    `modifier` is what stands behind the name of the parameter, or empty.
    """

    name: str
    modifier: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """An element that the matches are sorted by."""

    element: str
    is_descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """A reference to follow from each match, backwards if `is_reverse`.

    It goes from resources of the type `source` by the search parameter `name`, to resources of
    the type `target`, if that is stated. `is_iterated` follows it from what was included, too.
    """

    source: str
    name: str
    target: str
    is_iterated: bool
    is_reverse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One page of a search: `shown` are the parameters it goes by, `ignored` why others are not."""

    kinds: tuple[str, ...]
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()
    includes: tuple[Include, ...] = ()
    subset: Subset = field(default_factory=Subset)
    count: int = DEFAULT_COUNT
    offset: int = 0
    has_total: bool = True
    shown: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
