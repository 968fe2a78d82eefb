"""URI indexes: canonical URLs, compared letter for letter (FHIR R4, search, uri)."""

from collections.abc import Iterable, Sequence

from cds_service.rest.search.escapes import literal
from cds_service.rest.search.positions import positions_of
from cds_service.rest.search.strings import SortedStrings


class UriIndex:
    """The positions of resources by their URIs."""

    def __init__(self, rows: Iterable[Iterable[str]]) -> None:
        self._found = positions_of(rows)
        self._sorted = SortedStrings(
            (uri, position) for uri, places in self._found.items() for position in places
        )

    def match(self, value: str) -> Sequence[int]:
        """The positions of exactly this URI."""
        return self._found.get(literal(value), ())

    def match_below(self, value: str) -> Iterable[int]:
        """The positions of this URL and of those under it, by whole steps of its path."""
        top = literal(value).rstrip("/")
        return [*self._found.get(top, ()), *self._sorted.beginning_with(f"{top}/")]
