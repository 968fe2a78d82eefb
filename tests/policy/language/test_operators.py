"""Operators: FHIRPath's own meaning where everything is known, and unknown stays unknown."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.language.asking import NOT_READ, ask, evaluate
from policy.language.charts_made import DATES, TIMES

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import Open, is_open
from cds_service.policy.language.operators import OPERATORS, is_in, union
from cds_service.policy.language.values import Quantity, distinct, order, same

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("1 = 1.0", T),
        ("1 = '1'", F),
        ("1 = true", F),
        ("0 = false", F),
        ("'a' = 'A'", F),
        ("'0600T' = '0600'", F),
        ("'2024' = '2023'", F),
        ("'2024-01' = '2024-01-31'", U),
        ("@2024 = @2024-01", U),
        ("@2024-01-31 = '2024-01-31'", T),
        ("@2024-01-31 = 'tomorrow'", F),
        ("{} = {}", U),
        ("1 = {}", U),
        ("(1 | 2) = (1 | 2)", T),
        ("(1 | 2) = (2 | 1)", F),
        ("(1 | 2) = 1", F),
        ("(1 | 2) != (1 | 3)", T),
        ("(@2024 | 2) = (@2024-01 | 3)", F),
        ("(@2024 | 2) = (@2024-01 | 2)", U),
        ("%order.code = %order.code", T),
        ("%order.code != %order.note.first()", T),
        ("4 'mg' = 4.0 'mg'", T),
        ("4 'mg' = 5 'mg'", F),
        ("4000 'mg' = 4 'g'", U),
        ("4 'mg' = 4", F),
        ("1 week = 7 days", T),
        ("1 week = 7 'd'", T),
        ("1 year = 1 'a'", U),
        ("1 year = 12 months", U),
        ("%order.quantity.ofType(Quantity) = 1.5 'mg'", T),
        ("%order.quantity.ofType(Quantity) = 1.5 'g'", U),
        ("%order.quantity.ofType(Quantity) = 'mg'", F),
    ],
)
def test_equality_is_true_false_or_unknown(source: str, answer: Truth) -> None:
    """Of what differs in exactness or in units, it cannot be told."""
    opposite = {T: F, F: T, U: U}[answer]
    other = source.replace(" != ", " = ") if "!=" in source else source.replace(" = ", " != ")

    assert (ask(source), ask(other)) == (answer, opposite)


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("1 < 2", T),
        ("1.5 > 1", T),
        ("'a' < 'b'", T),
        ("'b' <= 'a'", F),
        ("@2024-01-31 < @2024-02-01", T),
        ("@2024 < @2024-02", U),
        ("@2024 <= @2025-02", T),
        ("%dos > '2025-02-28'", T),
        ("1 < {}", U),
        ("3 'mg' < 4 'mg'", T),
        ("3 'mg' < 4 'g'", U),
        ("6 days < 1 week", T),
        ("%order.quantity.ofType(Quantity) >= 1.50 'mg'", T),
        ("%order.quantity.ofType(Quantity) > 2 'mg'", F),
    ],
)
def test_what_has_an_order_is_compared(source: str, answer: Truth) -> None:
    """Numbers, texts, dates and amounts of one unit."""
    assert ask(source) is answer


@pytest.mark.parametrize(
    ("left", "right"),
    [("1", "'1'"), ("'a'", "1"), ("true", "false"), ("@2024", "'soon'"), ("1", "1 'mg'")],
)
@pytest.mark.parametrize("name", ["<", ">", "<=", ">="])
def test_what_has_no_order_is_an_error(left: str, name: str, right: str) -> None:
    """Never "no"."""
    with pytest.raises(ExpressionError, match="different kinds"):
        evaluate(f"{left} {name} {right}")


@pytest.mark.parametrize(
    ("amount", "answer"),
    [
        ({"value": Decimal("1.5"), "unit": "mg"}, T),
        ({"value": Decimal("1.5"), "code": "mg", "unit": "milligram"}, T),
        ({"value": Decimal("1.5"), "unit": "g"}, U),
        ({"value": Decimal("1.5"), "unit": "mg", "comparator": "<"}, U),
        ({"value": Decimal("1.5"), "currency": "USD"}, U),
        ({"value": 2, "unit": "mg"}, F),
    ],
)
def test_an_amount_is_as_much_as_it_is_of_its_unit(amount: Any, answer: Truth) -> None:
    """One that is only a bound, or in another currency, is not known to be the same."""
    assert ask(
        "%order.quantity.ofType(Quantity) = 1.5 'mg'", order={"quantityQuantity": amount}
    ) is (answer)


def test_a_bound_has_no_order() -> None:
    """Less than five may be less than four, or not."""
    amount = {"value": 5, "unit": "mg", "comparator": "<"}
    with pytest.raises(ExpressionError, match="different kinds"):
        ask("%order.quantity.ofType(Quantity) > 4 'mg'", order={"quantityQuantity": amount})


@pytest.mark.parametrize(
    ("source", "yielded"),
    [
        ("1 + 2", 3),
        ("1 - 2.5", Decimal("-1.5")),
        ("2 * 1.5", Decimal("3.0")),
        ("7 / 2", Decimal("3.5")),
        ("-%age", -50),
        ("+%age", 50),
        ("1 - -1", 2),
        ("'a' + 'b'", "ab"),
        ("'a' & 'b'", "ab"),
        ("'a' & {}", "a"),
        ("{} & {}", ""),
    ],
)
def test_numbers_and_texts_are_added(source: str, yielded: object) -> None:
    """What is written in decimals stays decimal."""
    assert evaluate(source) == (yielded,)


@pytest.mark.parametrize(
    "source", ["1 / 0", "1 / 0.0", "1 + {}", "{} * 2", "'a' + {}", "-{}", "@2024 + {}", "{} / {}"]
)
def test_what_lacks_an_operand_is_empty(source: str) -> None:
    """So is what is divided by zero."""
    assert evaluate(source) == ()


@pytest.mark.parametrize(
    "source",
    [
        "1 + 'a'",
        "'a' - 'b'",
        "'a' * 2",
        "2 / 'a'",
        "true + 1",
        "-'a'",
        "+'a'",
        "1 & 'a'",
        "@2024 + 1",
        "1 + 1 year",
        "1 year + 1 year",
        "%words + 'a'",
    ],
)
def test_what_cannot_be_added_is_an_error(source: str) -> None:
    """It is none of FHIRPath's sums."""
    with pytest.raises(ExpressionError):
        evaluate(source)


def test_a_number_out_of_range_is_an_error() -> None:
    """A request may hold any number that JSON has."""
    with pytest.raises(ExpressionError, match="out of range"):
        evaluate("%age * %age", age=Decimal("1E+999999"))


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("'a' in ('a' | 'b')", T),
        ("'c' in ('a' | 'b')", F),
        ("'c' in {}", F),
        ("{} in ('a' | 'b')", U),
        ("('a' | 'b') contains 'b'", T),
        ("1.0 in (1 | 2)", T),
        ("true in (1 | 2)", F),
        ("'0600' in ('0600T' | '0601T')", F),
        ("@2024 in (@2024-01 | @2023)", U),
        ("@2024 in (@2024-01 | @2024)", T),
    ],
)
def test_membership_is_equality_with_one(source: str, answer: Truth) -> None:
    """Unknown where one may be it or not."""
    assert ask(source) is answer


def test_several_values_are_in_nothing() -> None:
    """FHIRPath has no such question."""
    with pytest.raises(ExpressionError, match="one value is due"):
        evaluate("%words in %words")


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("mine", ["NOT_READ", "%age", "%words", "true", "{}"])
def test_an_operator_on_the_unknown_knows_only_what_must_be(name: str, mine: str) -> None:
    """False and, true or, and what is already found; anything else is unknown or refused."""
    left = NOT_READ if mine == "NOT_READ" else evaluate(mine)
    try:
        yielded = OPERATORS[name](left, NOT_READ)
    except ExpressionError:
        return

    expected = {("or", "true"): (True,), ("in", "{}"): ()}.get((name, mine))
    if expected is None and name != "|":
        assert (yielded, is_open(yielded)) == ((), True)
    elif expected is not None:
        assert (yielded, is_open(yielded)) == (expected, False)
    else:
        assert is_open(yielded)


def test_what_is_found_among_what_is_known_is_in() -> None:
    """Whatever else belongs to it."""
    assert is_in(("a",), Open(["a"], ["x"])) == (True,)
    assert is_open(is_in(("b",), Open(["a"], ["x"])))


def test_a_sign_waits_for_the_number() -> None:
    """Of what is known in part, it makes nothing that is known."""
    yielded = evaluate("-%age", age=Open([5], ["x"]))

    assert (yielded, is_open(yielded)) == ((), True)


values = st.one_of(
    st.sampled_from([*DATES, *TIMES, "0600T", "0600", "a", "", "true", "1"]),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([Decimal("1.0"), Decimal("0.5"), Quantity(Decimal(7), "day")]),
    st.sampled_from(
        [
            {"code": "a"},
            {"code": "a", "system": "s"},
            {"value": 1, "unit": "week"},
            {"value": 7, "unit": "d"},
            {"value": 7, "unit": "d", "comparator": "<"},
            {"coding": [{"code": "a"}]},
        ]
    ),
)


@given(found=st.lists(values, max_size=8))
def test_each_is_kept_once(found: list[Any]) -> None:
    """In their order: what is the same as an earlier one goes, and nothing else."""
    expected: list[Any] = []
    for value in found:
        if not any(same(value, other) for other in expected):
            expected.append(value)

    assert list(map(repr, distinct(found))) == list(map(repr, expected))
    assert list(union(tuple(found[:4]), tuple(found[4:]))) == expected


@given(mine=values, theirs=values)
def test_what_is_the_same_is_so_both_ways(mine: Any, theirs: Any) -> None:
    """And neither less nor more."""
    assert same(mine, theirs) == same(theirs, mine)
    assert same(mine, mine) is True
    try:
        sign = order(mine, theirs)
    except ExpressionError:
        return

    assert sign == (None if sign is None else -(order(theirs, mine) or 0))
    assert (sign == 0) == (same(mine, theirs) is True)
