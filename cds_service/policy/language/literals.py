"""Literals: values that are written out in an expression."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from cds_service.errors import ExpressionError
from cds_service.policy.language.calendar import calendar_unit, parse_moment
from cds_service.policy.language.collection import Collection
from cds_service.policy.language.parser import Node
from cds_service.policy.language.values import Quantity

_MOST_DIGITS = 100


def read_literal(node: Node, texts: Sequence[str]) -> Collection:
    """The value of a literal; `texts` are those of its expression.

    Raises:
        ExpressionError: there is no such date, unit, or number.
    """
    return LITERALS[node.kind](node, texts)


def read_text(node: Node, texts: Sequence[str]) -> str:
    """The text that a literal or a unit refers to by its number.

    Raises:
        ExpressionError: it has no end; fhirpathpy's grammar takes a last `\\'` for one.
    """
    number = node.tokens[0].strip("'")
    if not number.isdecimal():
        raise ExpressionError(f"the text {node.tokens[0]} has no end")
    return texts[int(number)]


def read_number(written: str) -> int | Decimal:
    """A number.

    Raises:
        ExpressionError: it is longer than any sensible one.
    """
    if len(written) > _MOST_DIGITS:
        raise ExpressionError(f"a number has at most {_MOST_DIGITS} digits")
    return Decimal(written) if "." in written else int(written)


def _text(node: Node, texts: Sequence[str]) -> Collection:
    return (read_text(node, texts),)


def _quantity(node: Node, texts: Sequence[str]) -> Collection:
    """An amount with its unit: of the calendar, or of UCUM as a text."""
    inner = node.children[0]
    unit = inner.children[0]
    amount = Decimal(read_number(inner.tokens[0]))
    if unit.children:
        return (Quantity(amount, calendar_unit(unit.children[0].tokens[0])),)
    return (Quantity(amount, read_text(unit, texts)),)


def _moment(node: Node, _texts: Sequence[str]) -> Collection:
    moment = parse_moment(node.tokens[0].removeprefix("@"))
    if moment is None:
        raise ExpressionError(f"`{node.tokens[0]}` is no date")
    return (moment,)


def _number(node: Node, _texts: Sequence[str]) -> Collection:
    return (read_number(node.tokens[0]),)


def _truth(node: Node, _texts: Sequence[str]) -> Collection:
    return (node.tokens[0] == "true",)


def _nothing(_node: Node, _texts: Sequence[str]) -> Collection:
    return ()


LITERALS: Mapping[str, Callable[[Node, Sequence[str]], Collection]] = {
    "StringLiteral": _text,
    "NumberLiteral": _number,
    "BooleanLiteral": _truth,
    "DateTimeLiteral": _moment,
    "QuantityLiteral": _quantity,
    "NullLiteral": _nothing,
}
