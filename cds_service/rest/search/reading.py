"""Reading a search: its parameters to a query (FHIR R4, search)."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.errors import InvalidSearch
from cds_service.rest.library import RestLibrary
from cds_service.rest.parameters import Pairs
from cds_service.rest.search.criteria import check_number, read_criterion
from cds_service.rest.search.escapes import split_at
from cds_service.rest.search.includes import read_includes
from cds_service.rest.search.pages import parse_page_token
from cds_service.rest.search.query import (
    DEFAULT_COUNT,
    MOST_COUNT,
    Criterion,
    Include,
    Query,
    SortKey,
)
from cds_service.rest.shelf import SORTABLE
from cds_service.rest.subset import Subset, Summary, read_subset

_TOTALS: Mapping[str, bool] = MappingProxyType(
    {"": True, "accurate": True, "estimate": True, "none": False}
)
_INCLUDES = ("_include", "_revinclude")
_ONCE = ("_count", "_page", "_summary", "_total", "_format", "_pretty")
_LISTS = ("_elements", "_sort", "_type")
_MOST_DIGITS = 9


class _Reader:
    """Takes the parameters of one search apart: those it goes by, and why others are ignored."""

    def __init__(self, library: RestLibrary, kinds: tuple[str, ...], base: str) -> None:
        self.kinds, self.base = kinds, base
        self.library = library
        self.controls: dict[str, str] = {}
        self.criteria: list[Criterion] = []
        self.includes: list[Include] = []
        self.shown: list[tuple[str, str]] = []
        self.ignored: list[str] = []

    def take(self, name: str, value: str) -> None:
        """One parameter, as it came."""
        stem = name.partition(":")[0]
        if not value.strip(","):
            self.ignored.append(f"`{_cut(name)}` has no value")
        elif name == "_type" and not set(split_at(",", value)) <= set(self.kinds):
            self.ignored.append("`_type` is for a search of all types")
        elif stem in _INCLUDES:
            self._include(name, value)
        elif name in _ONCE or name in _LISTS:
            self._control(name, value)
        else:
            self._criterion(name, value)

    def _include(self, name: str, value: str) -> None:
        found = read_includes(name, value, self.kinds, self.library.shelves)
        if found:
            self.includes += found
            self.shown.append((name, value))
        else:
            self.ignored.append(f"`{name}={_cut(value)}` names no reference that is followed here")

    def _control(self, name: str, value: str) -> None:
        before = self.controls.get(name)
        if before is not None and name in _ONCE:
            raise InvalidSearch(f"`{name}` came more than once")
        self.controls[name] = value if before is None else f"{before},{value}"
        if name not in ("_count", "_page", "_sort"):
            self.shown.append((name, value))

    def _criterion(self, name: str, value: str) -> None:
        shelves = [self.library.shelves[kind] for kind in self.kinds]
        criterion = read_criterion(name, value, shelves, self.base)
        if criterion is None:
            kinds = " and ".join(self.kinds)
            self.ignored.append(f"`{_cut(name)}` is no search parameter of {kinds}")
        else:
            self.criteria.append(criterion)
            self.shown.append((name, value))

    def sort(self) -> tuple[SortKey, ...]:
        """What to sort by, of what `_sort` asks."""
        keys = []
        for asked in split_at(",", self.controls.get("_sort", "")):
            key = SortKey(element=asked.removeprefix("-"), is_descending=asked.startswith("-"))
            if key.element in SORTABLE and len(self.kinds) == 1:
                keys.append(key)
            else:
                self.ignored.append(f"`_sort={_cut(asked)}`: one type is sorted, by {_SORTED}")
        if keys:
            written = ",".join("-" * key.is_descending + key.element for key in keys)
            self.shown.append(("_sort", written))
        return tuple(keys)

    def count(self) -> int:
        """How many resources to a page, at most as many as this service gives."""
        asked = self.controls.get("_count")
        if asked is None:
            return DEFAULT_COUNT
        if not (asked.isascii() and asked.isdigit()):
            raise InvalidSearch("`_count` is a whole number from 0 on")
        count = min(int(asked[:_MOST_DIGITS]), MOST_COUNT)
        self.shown.append(("_count", str(count)))
        return count


_SORTED = ", ".join(SORTABLE)
_LONGEST_NAME = 60  # characters that are repeated of what came


def _cut(written: str) -> str:
    return written if len(written) <= _LONGEST_NAME else f"{written[:_LONGEST_NAME]}…"


def read_query(pairs: Pairs, library: RestLibrary, kinds: tuple[str, ...], base: str) -> Query:
    """The query that parameters ask of these types; `base` is the URL that resources are under.

    Raises:
        InvalidSearch: a parameter cannot be read, or two contradict each other.
        SetReplaced: a page of another set of policies is asked for.
    """
    reader = _Reader(library, kinds, base)
    for name, value in pairs:
        reader.take(name, value)
    check_number(reader.criteria)
    sort, count = reader.sort(), reader.count()
    page = reader.controls.get("_page")
    return Query(
        kinds=kinds,
        criteria=tuple(reader.criteria),
        sort=sort,
        includes=tuple(dict.fromkeys(reader.includes)),
        subset=_subset(reader, count),
        count=count,
        offset=parse_page_token(page, library.digest) if page else 0,
        has_total=_has_total(reader.controls.get("_total", "")),
        shown=tuple(reader.shown),
        ignored=tuple(reader.ignored),
    )


def _subset(reader: _Reader, count: int) -> Subset:
    summary = reader.controls.get("_summary", "")
    subset = read_subset(summary, split_at(",", reader.controls.get("_elements", "")))
    if subset.summary is Summary.TEXT and reader.includes:
        raise InvalidSearch("`_summary=text` and `_include` or `_revinclude` exclude each other")
    # FHIR R4, search, _count: 0 is the same as _summary=count.
    return Subset(summary=Summary.COUNT) if count == 0 else subset


def _has_total(asked: str) -> bool:
    if asked not in _TOTALS:
        raise InvalidSearch("`_total` is one of none, estimate, accurate")
    return _TOTALS[asked]


def read_kinds(pairs: Pairs, library: RestLibrary) -> tuple[str, ...]:
    """The types that a search of all of them is limited to by `_type`.

    Raises:
        UnsupportedKind: one of them is not served.
    """
    named = [kind for name, value in pairs if name == "_type" for kind in split_at(",", value)]
    for kind in named:
        library.shelf(kind)
    return tuple(dict.fromkeys(named)) or tuple(library.shelves)
