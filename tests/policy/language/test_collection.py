"""Collections: what is known, what is not, and why; three values by Kleene's tables."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth
from cds_service.policy.language.collection import (
    EMPTY,
    FALSE,
    TRUE,
    Collection,
    Open,
    as_open,
    boolean,
    causes_of,
    is_open,
    of_boolean,
    single,
    truth,
    undecided,
    unknown,
)
from cds_service.policy.language.operators import both, either, implied, negated, one_only

values = st.lists(st.one_of(st.booleans(), st.integers(), st.text()), max_size=4)
collections = st.one_of(
    values.map(tuple), st.builds(Open, values, st.lists(st.sampled_from("xyz"), max_size=3))
)
truths = st.sampled_from([TRUE, FALSE, EMPTY, unknown("it could not be read")])


def level(collection: Collection) -> float:
    """A truth value as Kleene's number: unknown is between no and yes."""
    value = boolean(collection)
    return 0.5 if value is None else float(value)


@given(left=truths, right=truths)
def test_and_or_and_not_are_kleenes(left: Collection, right: Collection) -> None:
    """The lesser, the greater, and what is left of one."""
    assert level(both(left, right)) == min(level(left), level(right))
    assert level(either(left, right)) == max(level(left), level(right))
    assert level(negated(left)) == 1 - level(left)
    assert level(implied(left, right)) == max(1 - level(left), level(right))


@given(left=truths, right=truths)
def test_xor_is_known_if_both_are(left: Collection, right: Collection) -> None:
    """And true if they differ."""
    known = 0.5 not in (level(left), level(right))

    assert level(one_only(left, right)) == (abs(level(left) - level(right)) if known else 0.5)


@given(left=truths, right=truths, other=truths)
def test_the_laws_of_logic_hold_for_three_values(
    left: Collection, right: Collection, other: Collection
) -> None:
    """De Morgan, order, grouping, distribution, and what is denied twice."""
    assert level(negated(both(left, right))) == level(either(negated(left), negated(right)))
    assert level(both(left, right)) == level(both(right, left))
    assert level(either(either(left, right), other)) == level(either(left, either(right, other)))
    assert level(both(left, either(right, other))) == level(
        either(both(left, right), both(left, other))
    )
    assert level(negated(negated(left))) == level(left)


@given(left=truths, right=truths)
def test_an_answer_has_no_causes_of_doubt(left: Collection, right: Collection) -> None:
    """What settles a question leaves nothing to ask for."""
    for joined in (both(left, right), either(left, right), one_only(left, right)):
        assert not (joined and is_open(joined))
        assert is_open(joined) <= (is_open(left) or is_open(right))


@given(sources=st.lists(collections, max_size=4), found=values)
def test_a_collection_is_open_if_a_source_is(sources: list[Collection], found: list[Any]) -> None:
    """And names the causes of all of them, each once."""
    collection = as_open(found, *sources)

    assert list(collection) == found
    assert is_open(collection) == any(map(is_open, sources))
    causes = [cause for source in sources for cause in getattr(source, "causes", ())]
    assert causes_of(collection) == tuple(dict.fromkeys(causes))


@given(collection=collections)
def test_undecided_is_unknown_only_of_what_is_open(collection: Collection) -> None:
    """What is plainly not there is FHIRPath's empty."""
    assert undecided(collection) == ()
    assert is_open(undecided(collection)) == is_open(collection)


@pytest.mark.parametrize("value", [True, False, None])
def test_a_truth_value_comes_back_from_a_collection(value: bool | None) -> None:
    """None is no value."""
    assert boolean(of_boolean(value)) is value


@pytest.mark.parametrize("collection", [(1,), (0,), ("true",), ({},), (True, True), ("a", "b")])
def test_what_is_no_truth_value_is_refused(collection: Collection) -> None:
    """FHIRPath would take any one thing for true: a rule that asks so is mistaken."""
    with pytest.raises(ExpressionError, match="not a boolean"):
        boolean(collection)
    with pytest.raises(ExpressionError, match="not a boolean"):
        truth(collection)


def test_a_condition_is_true_false_or_unknown() -> None:
    """Open or not, what is empty is unknown."""
    answers = [truth(collection) for collection in (TRUE, FALSE, EMPTY, unknown("x"), [True])]

    assert answers == [Truth.TRUE, Truth.FALSE, Truth.UNKNOWN, Truth.UNKNOWN, Truth.TRUE]


def test_one_value_is_known_only_of_a_closed_collection() -> None:
    """Where one was read and more may be there, it is not the one."""
    assert single(("a",)) == "a"
    assert single(()) is None
    assert single(Open(["a"], ["x"])) is None
    with pytest.raises(ExpressionError, match="there are 2"):
        single(("a", "b"))
