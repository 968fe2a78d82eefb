"""Token indexes: codes, codings, identifiers and booleans (FHIR R4, search, token).

Systems are compared by any spelling of theirs, codes without regard to case, as FHIR advises in
doubt: what is found too much does less harm than what is not found.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from cds_service.fhir.coding import canonical_system
from cds_service.fhir.resource import Json, objects
from cds_service.rest.search.escapes import cut_at, literal
from cds_service.rest.search.positions import positions_of

Token = tuple[str, str]  # system and code as they are compared; the system is empty where absent
_Key = tuple[str | None, str | None]  # None: any


def read_tokens(value: Json, system: str = "") -> Iterator[Token]:
    """The tokens of a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint.

    A code's `system` is stated by its element's definition; it is found without it, too.
    """
    if isinstance(value, bool):
        yield "", str(value).lower()
    elif isinstance(value, str):
        yield "", value.casefold()
        if system:
            yield canonical_system(system), value.casefold()
    for coding in objects(value):
        if "coding" in coding:
            for inner in objects(coding["coding"]):
                yield from read_tokens(inner)
        code = coding.get("code", coding.get("value"))
        if isinstance(code, str):
            yield canonical_system(str(coding.get("system", ""))), code.casefold()


class TokenIndex:
    """The positions of resources by each token that they have, in ascending order."""

    def __init__(self, rows: Iterable[Iterable[Token]]) -> None:
        self._found = positions_of(chain.from_iterable(map(_keys, tokens)) for tokens in rows)

    def match(self, value: str) -> Sequence[int]:
        """The positions that have `code`, `system|code`, `|code` or `system|`."""
        return self._found.get(parse_token(value), ())


def parse_token(value: str) -> _Key:
    """Which system and code a search value asks for; None is any."""
    before, bar, after = cut_at("|", value)
    if not bar:
        return None, literal(before).casefold()
    return canonical_system(literal(before)), literal(after).casefold() or None


def fits(token: Token, key: _Key) -> bool:
    """Whether a token is one that is asked for."""
    return key[0] in (None, token[0]) and key[1] in (None, token[1])


def _keys(token: Token) -> tuple[_Key, ...]:
    """All that a token is found by."""
    system, code = token
    return token, (None, code), (system, None)


class IdIndex:
    """Positions by logical id, whose case counts (FHIR R4, datatypes, id)."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._found = {identity: position for position, identity in enumerate(ids)}

    def match(self, value: str) -> Sequence[int]:
        """The position of that id, if there is one."""
        position = self._found.get(literal(value))
        return () if position is None else (position,)
