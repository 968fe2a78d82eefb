"""Reading which references a search follows (FHIR R4, search, _include and _revinclude)."""

from collections.abc import Iterator, Mapping

from cds_service.rest.search.parameters import Kind, SearchParameter
from cds_service.rest.search.query import Include
from cds_service.rest.shelf import Shelf

_ALL = "*"


def read_includes(
    name: str, value: str, kinds: tuple[str, ...], shelves: Mapping[str, Shelf]
) -> tuple[Include, ...]:
    """The references that `_include` or `_revinclude` asks to follow; none if it names none.

    `Type:parameter`, `Type:parameter:Target`, `Type:*`, and `*` for all of the types searched.
    """
    stem, _, modifier = name.partition(":")
    if value == _ALL and stem == "_include":
        wanted = [(kind, _ALL, "") for kind in kinds]
    else:
        source, _, rest = value.partition(":")
        parameter, _, target = rest.partition(":")
        wanted = [(source, parameter, target)]
    return tuple(
        Include(
            source=source,
            name=parameter.name,
            target=target,
            is_iterated=modifier in ("iterate", "recurse"),
            is_reverse=stem == "_revinclude",
        )
        for source, asked, target in wanted
        for parameter in _references(source, asked, shelves)
    )


def _references(source: str, name: str, shelves: Mapping[str, Shelf]) -> Iterator[SearchParameter]:
    """The reference parameters of a type with this name, or all of them."""
    if source in shelves:
        for parameter in shelves[source].parameters.values():
            if parameter.kind is Kind.REFERENCE and name in (parameter.name, _ALL):
                yield parameter
