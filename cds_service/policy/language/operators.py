"""Operators on collections, with FHIRPath's own meaning where everything is known."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.policy.language.calendar import Moment, calendar_unit, parse_moment
from cds_service.policy.language.collection import (
    FALSE,
    TRUE,
    Collection,
    as_open,
    boolean,
    is_open,
    of_boolean,
    single,
    undecided,
)
from cds_service.policy.language.values import Quantity, are_numbers, distinct, order, same

Operator = Callable[[Collection, Collection], Collection]


def equal(left: Collection, right: Collection) -> Collection:
    """`=`: empty if either is."""
    if is_open(left) or is_open(right) or not (left and right):
        return undecided(left, right)
    if len(left) != len(right):
        return FALSE
    answers = [same(mine, theirs) for mine, theirs in zip(left, right, strict=True)]
    if False in answers:
        return FALSE
    return TRUE if all(answers) else ()


def unequal(left: Collection, right: Collection) -> Collection:
    """`!=`: the opposite of `=`."""
    equality = equal(left, right)
    return of_boolean(None if not equality else not equality[0], equality)


def comparison(holds: Callable[[int], bool]) -> Operator:
    """An operator such as `<`, which holds for one sign of the difference or two."""

    def compare(left: Collection, right: Collection) -> Collection:
        mine, theirs = single(left), single(right)
        if mine is None or theirs is None:
            return undecided(left, right)
        sign = order(mine, theirs)
        return of_boolean(None if sign is None else holds(sign))

    return compare


def is_in(left: Collection, right: Collection) -> Collection:
    """`in`: whether the one value on the left is among those on the right."""
    wanted = single(left)
    if wanted is None:
        return undecided(left)
    is_sure = not is_open(right)
    for value in right:
        answer = same(wanted, value)
        if answer:
            return TRUE
        is_sure = is_sure and answer is not None
    return FALSE if is_sure else undecided(right)


def union(*operands: Collection) -> Collection:
    """`|`: the values of all of them, each once."""
    return as_open(distinct(chain.from_iterable(operands)), *operands)


def concatenated(left: Collection, right: Collection) -> Collection:
    """`&`: both texts together; what is empty counts as no text."""
    if is_open(left) or is_open(right):
        return undecided(left, right)
    return ("".join(_text(single(side)) for side in (left, right)),)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        raise ExpressionError("a text is due")
    return value


def plus(left: Collection, right: Collection) -> Collection:
    """`+`: of numbers, of texts, or of a date and a duration."""
    return _sum(left, right, 1)


def minus(left: Collection, right: Collection) -> Collection:
    """`-`: of numbers, or of a date and a duration."""
    return _sum(left, right, -1)


def _sum(left: Collection, right: Collection, sign: int) -> Collection:
    mine, theirs = single(left), single(right)
    if mine is None or theirs is None:
        return undecided(left, right)
    if isinstance(theirs, Quantity):
        moment = parse_moment(mine) if type(mine) is str else mine
        if not isinstance(moment, Moment):
            raise ExpressionError("a duration is added to a date only")
        moved = moment.plus(sign * int(theirs.value), calendar_unit(theirs.unit))
        return (moved,) if moved else ()
    if are_numbers(mine, theirs):
        return _computed(lambda: mine + sign * theirs)
    if sign == 1 and type(mine) is str and type(theirs) is str:
        return (mine + theirs,)
    raise ExpressionError("what is added is of different kinds")


def signed(sign: str, operand: Collection) -> Collection:
    """`+` or `-` before a number or an amount."""
    value = single(operand)
    if value is None:
        return undecided(operand)
    if isinstance(value, Quantity):
        return operand if sign == "+" else (Quantity(-value.value, value.unit),)
    return plus((0,), operand) if sign == "+" else minus((0,), operand)


def times(left: Collection, right: Collection) -> Collection:
    """`*` of numbers."""
    mine, theirs = _numbers(left, right)
    if mine is None or theirs is None:
        return undecided(left, right)
    return _computed(lambda: mine * theirs)


def divided(left: Collection, right: Collection) -> Collection:
    """`/` of numbers; empty if the divisor is zero."""
    mine, theirs = _numbers(left, right)
    if mine is None or not theirs:
        return undecided(left, right)
    return _computed(lambda: Decimal(mine) / Decimal(theirs))


def _computed(compute: Callable[[], Any]) -> Collection:
    try:
        return (compute(),)
    except ArithmeticError as error:
        raise ExpressionError("a number out of range") from error


def _numbers(left: Collection, right: Collection) -> tuple[Any, Any]:
    pair = single(left), single(right)
    if not are_numbers(*(value for value in pair if value is not None)):
        raise ExpressionError("a number is due")
    return pair


def both(left: Collection, right: Collection) -> Collection:
    """`and`: false if either is false, whatever the other."""
    answers = (boolean(left), boolean(right))
    if False in answers:
        return FALSE
    return of_boolean(None if None in answers else True, left, right)


def either(left: Collection, right: Collection) -> Collection:
    """`or`: true if either is true, whatever the other."""
    answers = (boolean(left), boolean(right))
    if True in answers:
        return TRUE
    return of_boolean(None if None in answers else False, left, right)


def one_only(left: Collection, right: Collection) -> Collection:
    """`xor`."""
    mine, theirs = boolean(left), boolean(right)
    is_known = mine is not None and theirs is not None
    return of_boolean((mine != theirs) if is_known else None, left, right)


def implied(left: Collection, right: Collection) -> Collection:
    """`implies`: true if the left is false or the right is true, whatever the other."""
    return either(negated(left), right)


def negated(collection: Collection) -> Collection:
    """`not()`."""
    value = boolean(collection)
    return of_boolean(None if value is None else not value, collection)


OPERATORS: Mapping[str, Operator] = {
    "=": equal,
    "!=": unequal,
    "<": comparison(lambda sign: sign < 0),
    ">": comparison(lambda sign: sign > 0),
    "<=": comparison(lambda sign: sign <= 0),
    ">=": comparison(lambda sign: sign >= 0),
    "in": is_in,
    "contains": lambda left, right: is_in(right, left),
    "|": union,
    "&": concatenated,
    "+": plus,
    "-": minus,
    "*": times,
    "/": divided,
    "and": both,
    "or": either,
    "xor": one_only,
    "implies": implied,
}
