"""Values: when two are one, which is less, and each of many once."""

from collections.abc import Hashable, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from cds_service.errors import ExpressionError
from cds_service.fhir.resource import text
from cds_service.policy.language.calendar import Moment, parse_moment

_DASH = slice(4, 5)  # where a date that is more exact than a year has its first
_DAYS = {"d": 1, "day": 1, "wk": 7, "week": 7}


class Quantity(NamedTuple):
    """An amount with its unit."""

    value: Decimal
    unit: str


def are_numbers(*values: Any) -> bool:
    """Whether all of these are numbers; to Python, truth values are too."""
    return all(isinstance(value, int | Decimal) and type(value) is not bool for value in values)


def same(mine: Any, theirs: Any) -> bool | None:
    """Whether two values are one (FHIRPath, Equals); None if that cannot be told."""
    if type(mine) is str and type(theirs) is str and _are_plain(mine, theirs):
        return mine == theirs
    if type(mine) is bool or type(theirs) is bool:
        return mine is theirs
    if moments := _moments(mine, theirs):
        compared = moments[0].compare(moments[1])
        return None if compared is None else compared == 0
    if _is_amount(mine) and _is_amount(theirs):
        return _same_amount(mine, theirs)
    return bool(mine == theirs)


def order(mine: Any, theirs: Any) -> int | None:
    """-1, 0 or 1 as one value is less than, equal to or more than another; None if unknown.

    Raises:
        ExpressionError: they are of different kinds, or of one that has no order.
    """
    if moments := _moments(mine, theirs):
        return moments[0].compare(moments[1])
    first, second = _quantity(mine), _quantity(theirs)
    if first and second:
        return None if first.unit != second.unit else _sign(first.value, second.value)
    if are_numbers(mine, theirs) or (type(mine) is str and type(theirs) is str):
        return _sign(mine, theirs)
    raise ExpressionError("what is compared is of different kinds")


def distinct(values: Iterable[Any]) -> list[Any]:
    """Each value once, in their order; what may be the same or not stays."""
    known: dict[Hashable, Any] = {}
    for value in values:
        known.setdefault(_key(value), value)
    return list(known.values())


def _key(value: Any) -> Hashable:
    """What two values share if they are the same, and only then."""
    if type(value) is str:
        moment = parse_moment(value)
        return moment.key if moment else value
    if isinstance(value, Moment):
        return value.key
    quantity = _quantity(value)
    return quantity if quantity else (type(value) is bool, _frozen(value))


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return frozenset([(name, _frozen(inner)) for name, inner in value.items()])
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _are_plain(mine: str, theirs: str) -> bool:
    """Whether two texts are compared as such, and not as the dates that they may be in JSON."""
    return mine == theirs or "-" not in (mine[_DASH], theirs[_DASH])


def _moments(mine: Any, theirs: Any) -> tuple[Moment, Moment] | None:
    """Both as dates, if that is what they are: in JSON a date is a text."""
    read = [parse_moment(value) if type(value) is str else value for value in (mine, theirs)]
    first, second = read
    return (first, second) if isinstance(first, Moment) and isinstance(second, Moment) else None


def _sign(mine: Any, theirs: Any) -> int:
    return int(mine > theirs) - int(mine < theirs)


def _is_amount(value: Any) -> bool:
    return isinstance(value, Quantity) or (isinstance(value, dict) and are_numbers(_amount(value)))


def _amount(value: dict[str, Any]) -> Any:
    return value.get("value", "")


def _same_amount(mine: Any, theirs: Any) -> bool | None:
    """None for amounts in two units, and for one that is only a bound."""
    first, second = _quantity(mine), _quantity(theirs)
    if first and second and first.unit == second.unit:
        return first.value == second.value
    return True if mine == theirs else None


def _quantity(value: Any) -> Quantity | None:
    """A Quantity of FHIR or of FHIRPath; None for anything else, and for one that is `<` or `>`."""
    if isinstance(value, Quantity):
        return _in_days(value)
    if not (isinstance(value, dict) and _is_amount(value)) or value.get("comparator"):
        return None
    unit = next(filter(None, (text(value.get(name)) for name in ("code", "unit", "currency"))), "")
    return _in_days(Quantity(Decimal(_amount(value)), unit))


def _in_days(quantity: Quantity) -> Quantity:
    """Weeks as days; a year and a month are not as long as UCUM's, nor as each other."""
    days = _DAYS.get(quantity.unit)
    return Quantity(quantity.value * days, "day") if days else quantity
