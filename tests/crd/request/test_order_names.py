"""Orders of one call told apart: whoever reads two cards knows which order each is about."""

import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cds_service.crd.request.order import Order, read_order
from cds_service.crd.request.order_names import tell_apart
from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]

LONG = "Evaluation of the joint under ultrasound with all that belongs to it and more, of the "


def order(text: str = "", codes: tuple[str, ...] = ("0600T",), **elements: Any) -> JsonObject:
    """A ServiceRequest of these words and codes."""
    codings = [{"system": CPT, "code": code} for code in codes]
    code = {**({"coding": codings} if codings else {}), **({"text": text} if text else {})}
    return {"resourceType": "ServiceRequest", "code": code, **elements}


def told_apart(*sent: JsonObject) -> list[tuple[str, str]]:
    """Title and mark of each order of a call about these."""
    named = [{**resource, "id": str(number)} for number, resource in enumerate(sent)]
    return [(marked.title, marked.mark) for marked in tell_apart(list(map(read_order, named)), ())]


def as_read(marked: Order) -> str:
    """The order as a card calls it, as a reader takes it in."""
    name = f"“{marked.title}” ({marked.mark})" if marked.mark else f"“{marked.title}”"
    return unicodedata.normalize("NFKC", name).casefold()


def test_an_order_alone_has_no_mark() -> None:
    """Nor have orders of different titles."""
    assert told_apart(order()) == [("0600T", "")]
    assert told_apart(order("left"), order("right")) == [("left", ""), ("right", "")]


def test_orders_of_one_title_are_told_apart_by_their_codes() -> None:
    """If each has others."""
    assert told_apart(order("CT"), order("CT", ("1", "2")), order("MRI")) == [
        ("CT", "code 0600T"),
        ("CT", "code 1, 2"),
        ("MRI", ""),
    ]


def test_orders_of_the_same_words_and_codes_are_told_apart_by_their_days() -> None:
    """If each has one of its own, planned or written."""
    days = ("2026-12-01", "2026-12-08")

    assert told_apart(*(order(occurrenceDateTime=day) for day in days)) == [
        ("0600T", "dated 2026-12-01"),
        ("0600T", "dated 2026-12-08"),
    ]


@pytest.mark.parametrize(
    "elements", [{}, {"authoredOn": "2026-11-01"}, {"occurrenceDateTime": "2026-12"}]
)
def test_where_nothing_differs_their_places_tell_them_apart(elements: JsonObject) -> None:
    """No day, one day, or a month in which any day may be meant."""
    assert told_apart(*[order("CT", **elements)] * 3) == [
        ("CT", "the 1st of 3 like it"),
        ("CT", "the 2nd of 3 like it"),
        ("CT", "the 3rd of 3 like it"),
    ]


def test_titles_that_are_alike_once_cut_are_told_apart() -> None:
    """What differs is behind the eightieth character."""
    (first, place), (second, other) = told_apart(order(f"{LONG}left"), order(f"{LONG}right"))

    assert first == second != ""
    assert (place, other) == ("the 1st of 2 like it", "the 2nd of 2 like it")


@pytest.mark.parametrize("pair", [("CT", "ct"), ("CT", "ＣＴ"), ("CT", "C\u200bT"), ("", "0600t")])
def test_titles_that_look_the_same_are_alike(pair: tuple[str, str]) -> None:
    """Capitals, wide letters and characters that do not show tell nobody anything."""
    assert [mark for _, mark in told_apart(*map(order, pair))] == [
        "the 1st of 2 like it",
        "the 2nd of 2 like it",
    ]


@pytest.mark.parametrize(
    ("number", "ordinal"), [(4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st")]
)
def test_places_are_ordinals(number: int, ordinal: str) -> None:
    """As people write them."""
    assert told_apart(*[order()] * 22)[number - 1][1] == f"the {ordinal} of 22 like it"


def test_an_order_in_the_context_that_is_not_asked_about_counts() -> None:
    """A card is about the one, and must not seem to be about the other."""
    sent = [order(id=name) for name in ("1", "2")]
    (second,) = tell_apart([read_order(sent[1])], sent)

    assert second.mark == "the 2nd of 2 like it"


def test_one_order_that_came_twice_is_one() -> None:
    """By its type and id."""
    twice = order(id="1")

    assert tell_apart([read_order(twice)], [twice, dict(twice)])[0].mark == ""


TITLES = st.sampled_from(["", "CT", "ct", "CT ", "MRI", LONG + "left", LONG + "right", "\u200b"])
ORDERS = st.builds(
    order,
    TITLES | st.text(max_size=90),
    st.lists(st.sampled_from(["1", "2", "”", "x” (dated 2026-12-01"]), max_size=2).map(tuple),
    occurrenceDateTime=st.sampled_from(["2026-12-01", "2026-12-08", "2026-12", "soon", None]),
    resourceType=st.sampled_from(["ServiceRequest", "ServiceRequest", "NutritionOrder"]),
)


@pytest.mark.crd("dev-24")
@settings(max_examples=400, deadline=None)
@given(sent=st.lists(ORDERS, max_size=12), asked=st.integers(0, 2**12))
@example(
    sent=[order("a", ("b” (code c",)), order("a", ("x",)), order("a” (code b", ("c",)), order("a")],
    asked=2**12 - 1,
)
@example(sent=[order("CT"), order("CT"), order("CT” (the 1st of 2 like it)")], asked=7)
def test_no_two_orders_of_a_call_have_one_name(sent: list[JsonObject], asked: int) -> None:
    """Whatever their words, codes and days, and whichever of them are asked about."""
    named = [{**resource, "id": str(number)} for number, resource in enumerate(sent)]
    read = [read_order(resource) for number, resource in enumerate(named) if asked >> number & 1]
    some = tell_apart(read, named)
    every = tell_apart(list(map(read_order, named)), named)

    assert [marked.resource for marked in some] == [found.resource for found in read]
    assert len(set(map(as_read, every))) == len(named)
    assert set(map(as_read, some)) <= set(map(as_read, every))
    assert all(marked.title.strip() for marked in some)
