"""String indexes: names and titles (FHIR R4, search, string)."""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from cds_service.rest.search.escapes import literal
from cds_service.rest.search.positions import positions_of


def plain(value: str) -> str:
    """A string as it is compared: without case, accents and runs of blanks."""
    decomposed = unicodedata.normalize("NFKD", value)
    letters = [letter for letter in decomposed if not unicodedata.combining(letter)]
    return " ".join("".join(letters).casefold().split())


class SortedStrings:
    """Strings in order, each beside the position it stands at."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(pairs)
        self.strings = [string for string, _ in ordered]
        self.positions = [position for _, position in ordered]

    def beginning_with(self, start: str) -> Sequence[int]:
        """The positions of all that begin so."""
        first = bisect_left(self.strings, start)
        length = len(start)
        end = bisect_right(self.strings, start, lo=first, key=lambda string: string[:length])
        return self.positions[first:end]


class StringIndex:
    """The positions of resources by their strings."""

    def __init__(self, rows: Iterable[Iterable[str]]) -> None:
        self._exact = positions_of(rows)
        self._plain = SortedStrings(
            (plain(string), position)
            for string, places in self._exact.items()
            for position in places
        )

    def match(self, value: str) -> Iterable[int]:
        """The positions of strings that begin with the value, case and accents apart."""
        return self._plain.beginning_with(plain(literal(value)))

    def match_exact(self, value: str) -> Sequence[int]:
        """The positions of strings that are the value, letter for letter."""
        return self._exact.get(literal(value), ())

    def match_contains(self, value: str) -> Iterable[int]:
        """The positions of strings that hold the value, case and accents apart."""
        wanted = plain(literal(value))
        held = zip(self._plain.strings, self._plain.positions, strict=True)
        return [position for string, position in held if wanted in string]
