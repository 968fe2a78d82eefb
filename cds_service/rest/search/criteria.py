"""Reading what a resource must fulfil to be found."""

from collections.abc import Sequence

from cds_service.errors import InvalidSearch
from cds_service.rest.search.escapes import split_at
from cds_service.rest.search.parameters import Kind
from cds_service.rest.search.query import Criterion
from cds_service.rest.shelf import Shelf

MOST_VALUES = 200  # of all parameters of a search together
_CONTAINS = 10  # as many values as one that is sought inside every text, for what that costs


def read_criterion(name: str, value: str, shelves: Sequence[Shelf], base: str) -> Criterion | None:
    """One search parameter with its value, or None if some shelf has no such parameter.

    References may be written as URLs under `base`.

    Raises:
        InvalidSearch: it has a modifier that it cannot have, or `:missing` is no boolean.
    """
    stem, colon, modifier = name.partition(":")
    parameters = [shelf.parameters.get(stem) for shelf in shelves]
    found = [parameter for parameter in parameters if parameter]
    if not found or len(found) < len(shelves):
        return None
    for parameter in found:
        if colon and modifier not in parameter.modifiers:
            able = ", ".join(f"`:{known}`" for known in parameter.modifiers)
            raise InvalidSearch(f"`{stem}` is searched without a modifier here, or with {able}")
    if modifier == "missing" and value not in ("true", "false"):
        raise InvalidSearch(f"`{stem}:missing` is true or false")
    values = split_at(",", value)
    if found[0].kind is Kind.REFERENCE:
        values = [reference.removeprefix(f"{base}/") for reference in values]
    return Criterion(name=stem, modifier=modifier, values=tuple(dict.fromkeys(values)))


def check_number(criteria: Sequence[Criterion]) -> None:
    """Pass a search of a size that anybody needs.

    Raises:
        InvalidSearch: it lists more values than that.
    """
    if sum(map(_weight, criteria)) > MOST_VALUES:
        raise InvalidSearch(
            f"more than {MOST_VALUES} values in one search, each behind `:contains` counting as "
            f"{_CONTAINS}: ask in several"
        )


def _weight(criterion: Criterion) -> int:
    return len(criterion.values) * (_CONTAINS if criterion.modifier == "contains" else 1)
