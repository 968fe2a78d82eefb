"""The index of one search parameter over the resources of a type."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from cds_service.fhir.resource import Json, JsonObject
from cds_service.rest.search.composites import CompositeIndex
from cds_service.rest.search.dates import DateIndex, Span, read_span
from cds_service.rest.search.parameter_table import ID
from cds_service.rest.search.parameters import Kind, SearchParameter
from cds_service.rest.search.references import ReferenceIndex
from cds_service.rest.search.strings import StringIndex
from cds_service.rest.search.tokens import IdIndex, Token, TokenIndex, read_tokens
from cds_service.rest.search.uris import UriIndex

# The positions that a value matches, perhaps twice, in any order; raises InvalidSearch.
Match = Callable[[str], Iterable[int]]
# The values of a parameter in each resource, by position.
Rows = Sequence[Sequence[Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """How a parameter is matched, by modifier; and the positions where it has a value at all.

    `referring_to` gives the positions whose value names a resource, where it is a reference.
    """

    present: frozenset[int]
    matches: Mapping[str, Match]
    referring_to: Callable[[JsonObject], Iterable[int]]


def index_parameter(parameter: SearchParameter, resources: Sequence[JsonObject]) -> Index:
    """The index of a parameter, in one pass over the resources."""
    rows = [list(parameter.read(resource)) for resource in resources]
    present = frozenset(position for position, values in enumerate(rows) if values)
    if parameter.kind is Kind.REFERENCE:
        references = ReferenceIndex(rows)
        matches = {"": references.match, "identifier": references.match_identifier}
        matches |= {kind: partial(references.match_type, kind) for kind in parameter.targets}
        return Index(present=present, matches=matches, referring_to=references.referring_to)
    ways = _ids(rows) if parameter is ID else _WAYS[parameter.kind](parameter, rows)
    return Index(present=present, matches=ways, referring_to=_nowhere)


def _nowhere(_resource: JsonObject) -> Iterable[int]:
    return ()


def _ids(rows: Rows) -> Mapping[str, Match]:
    return {"": IdIndex([values[0] for values in rows]).match}


def _tokens(parameter: SearchParameter, rows: Rows) -> Mapping[str, Match]:
    found = (_tokens_of(values, parameter.system) for values in rows)
    return {"": TokenIndex(found).match}


def _tokens_of(values: Sequence[Json], system: str) -> list[Token]:
    return [token for value in values for token in read_tokens(value, system)]


def _strings(_parameter: SearchParameter, rows: Rows) -> Mapping[str, Match]:
    strings = StringIndex(map(_texts, rows))
    return {
        "": strings.match,
        "exact": strings.match_exact,
        "contains": strings.match_contains,
    }


def _uris(_parameter: SearchParameter, rows: Rows) -> Mapping[str, Match]:
    uris = UriIndex(map(_texts, rows))
    return {"": uris.match, "below": uris.match_below}


def _dates(_parameter: SearchParameter, rows: Rows) -> Mapping[str, Match]:
    return {"": DateIndex(map(_spans, rows)).match}


def _spans(values: Iterable[Json]) -> list[Span]:
    return [span for span in map(read_span, values) if span]


def _pairs(_parameter: SearchParameter, rows: Rows) -> Mapping[str, Match]:
    return {"": CompositeIndex(rows).match}


def _texts(values: Iterable[Json]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


_WAYS: Mapping[Kind, Callable[[SearchParameter, Rows], Mapping[str, Match]]] = MappingProxyType(
    {
        Kind.TOKEN: _tokens,
        Kind.STRING: _strings,
        Kind.URI: _uris,
        Kind.DATE: _dates,
        Kind.COMPOSITE: _pairs,
    }
)
