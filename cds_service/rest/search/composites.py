"""Composite indexes: a kind of context and its value, together (FHIR R4, search, composite)."""

from collections.abc import Iterable, Iterator, Sequence

from cds_service.errors import InvalidSearch
from cds_service.rest.search.escapes import split_at
from cds_service.rest.search.tokens import Token, TokenIndex, fits, parse_token

Pair = tuple[Token, Token]
_PARTS = 2


class CompositeIndex:
    """The positions of resources by pairs of tokens: an index of the second for every first one."""

    def __init__(self, rows: Sequence[Sequence[Pair]]) -> None:
        firsts = dict.fromkeys(first for pairs in rows for first, _ in pairs)
        self._seconds = {first: TokenIndex(_seconds_of(first, rows)) for first in firsts}

    def match(self, value: str) -> Iterable[int]:
        """The positions with a pair that fits `code$value`, each a token.

        Raises:
            InvalidSearch: the value has not two parts.
        """
        parts = split_at("$", value)
        if len(parts) != _PARTS:
            raise InvalidSearch("write the two parts with `$` between them, such as program$acme")
        key = parse_token(parts[0])
        fitting = [index for first, index in self._seconds.items() if fits(first, key)]
        return [position for index in fitting for position in index.match(parts[1])]


def _seconds_of(first: Token, rows: Iterable[Iterable[Pair]]) -> Iterator[list[Token]]:
    for pairs in rows:
        yield [second for other, second in pairs if other == first]
