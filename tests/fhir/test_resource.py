"""Resources as JSON: they go back as they came, and a body that is not JSON is refused."""

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values, pairs

from cds_service.fhir.resource import decode, encode, first, follow, objects, resource_type, text

DEEP = 100_000
ORDER = (
    b'{"resourceType":"ServiceRequest","id":"1",'
    b'"quantityQuantity":{"value":1.50},"note":[{"text":"a"}]}'
)
NOT_JSON = {
    "nothing": b"",
    "blanks": b"  \n",
    "NaN": b'{"value":NaN}',
    "infinity": b'{"value":Infinity}',
    "minus infinity": b'{"value":-Infinity}',
    "byte order mark": b"\xef\xbb\xbf" + ORDER,
    "UTF-16": ORDER.decode().encode("utf-16"),
    "UTF-16 without mark": ORDER.decode().encode("utf-16-le"),
    "UTF-32": ORDER.decode().encode("utf-32"),
    "Latin-1": '{"text":"é"}'.encode("latin-1"),
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "never closed": b"[" * DEEP,
    "an escaped lone surrogate": b'{"text":"\\ud800"}',
    "a raw lone surrogate": b'{"text":"\xed\xa0\x80"}',
    "an integer of 5,000 digits": b'{"value":' + b"9" * 5000 + b"}",
    "a negative one": b'{"value":-' + b"9" * 5000 + b"}",
    "an exponent without end": b'{"value":1e' + b"9" * 5000 + b"}",
    "two values": ORDER + ORDER,
    "a comment": b'{"id":"1"} // one',
    "a trailing comma": b'{"id":"1",}',
    "single quotes": b"{'id':'1'}",
    "a raw control character": b'{"text":"\x00"}',
    "a leading zero": b'{"value":01}',
    "a bare fraction": b'{"value":.5}',
    "a key without quotes": b"{id:1}",
}

decimals = st.from_regex(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,6}", fullmatch=True)
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,30}([eE][+-]?[0-9]{1,3})?", fullmatch=True
)
paths_of_names = st.lists(st.sampled_from(["a", "b", "code", "coding"]), max_size=3).map(tuple)


@settings(max_examples=100, deadline=None)
@given(literal=decimals)
def test_a_decimal_goes_back_digit_for_digit(literal: str) -> None:
    """`1.10` stays `1.10`: trailing zeros are the precision (FHIR datatypes, decimal)."""
    body = f'{{"value":{literal}}}'.encode()

    assert encode(decode(body)) == body


@settings(max_examples=100, deadline=None)
@given(literal=numbers)
def test_every_number_keeps_value_and_precision(literal: str) -> None:
    """However a number is spelled, the one that goes back is as large and as exact."""
    sent = encode(decode(literal.encode()))

    assert Decimal(sent.decode()).as_tuple() == Decimal(literal).as_tuple()


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_a_resource_goes_back_as_it_came(value: Any) -> None:
    """Values, nulls, unknown fields and the order of keys survive, as another JSON reader sees."""
    body = json.dumps(value, ensure_ascii=False).encode()

    assert pairs(encode(decode(body))) == pairs(body)


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_what_goes_back_reads_as_the_same_again(value: Any) -> None:
    """A second round trip changes no byte."""
    once = encode(value)

    assert encode(decode(once)) == once


@pytest.mark.crd("found-40")
def test_the_answer_holds_no_blanks_between_values() -> None:
    """JSON is written without insignificant white space."""
    sent = encode(decode(b'{ "a" : [ 1 , 2.0 ] }\n'))

    assert sent == b'{"a":[1,2.0]}'


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    """Hostile bodies are refused with the error that callers translate; none exhausts the stack."""
    with pytest.raises(ValueError, match=r"."):
        decode(body)


@settings(max_examples=98, deadline=None)
@given(length=st.integers(1, len(ORDER) - 1))
def test_a_truncated_body_is_a_value_error(length: int) -> None:
    """A body cut anywhere is not JSON."""
    with pytest.raises(ValueError, match=r"."):
        decode(ORDER[:length])


@settings(max_examples=100, deadline=None)
@given(before=st.integers(0, len(ORDER)), junk=st.binary(min_size=1, max_size=6))
def test_a_damaged_body_is_refused_or_still_json(before: int, junk: bytes) -> None:
    """Bytes in a body lead to a ValueError, or to the value that another JSON reader finds."""
    body = ORDER[:before] + junk + ORDER[before:]
    try:
        value = decode(body)
    except ValueError:
        return

    assert pairs(encode(value)) == pairs(body.decode())


def test_the_last_of_two_equal_keys_counts() -> None:
    """A key written twice has its last value, as most readers of JSON have it."""
    value = decode(b'{"id":"1","id":"2"}')

    assert value == {"id": "2"}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": 1}, ({"a": 1},)),
        ([{"a": 1}, {"b": 2}], ({"a": 1}, {"b": 2})),
        ([None, {"a": 1}, "text", [{"b": 2}]], ({"a": 1},)),
        ([], ()),
        (None, ()),
        ("text", ()),
        (5, ()),
    ],
)
def test_one_object_is_read_like_a_list_of_one(value: Any, found: tuple[Any, ...]) -> None:
    """EHRs send one object where a list is due; what is no object is passed over."""
    assert objects(value) == found


@pytest.mark.parametrize(
    ("value", "found"), [([{"a": 1}, {}], {"a": 1}), ([], {}), (None, {}), ("text", {})]
)
def test_the_first_object_may_be_empty(value: Any, found: Any) -> None:
    """Where there is no object, an empty one stands in."""
    assert first(value) == found


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (" 0600T\n", "0600T"),
        ("\u00a0x\u00a0", "x"),
        (93799, "93799"),
        (Decimal("1.10"), "1.10"),
        (True, ""),
        (False, ""),
        (None, ""),
        (["x"], ""),
        ({"x": 1}, ""),
    ],
)
def test_text_is_what_stands_there_in_letters(value: Any, read: str) -> None:
    """Strings are trimmed and numbers read as their digits; anything else says nothing."""
    assert text(value) == read


def test_a_path_leads_through_lists_and_single_objects() -> None:
    """`follow` finds every object at the end of a path, whether lists stand on the way or not."""
    order = {"oralDiet": [{"type": {"text": "a"}}, {"type": [{"text": "b"}, {"text": "c"}]}]}

    found = follow(order, ("oralDiet", "type"))

    assert found == ({"text": "a"}, {"text": "b"}, {"text": "c"})


@settings(max_examples=100, deadline=None)
@given(resource=json_objects, path=paths_of_names)
def test_reading_never_fails_and_never_changes_a_resource(
    resource: Any, path: tuple[str, ...]
) -> None:
    """Readers take whatever stands in a resource and leave it alone."""
    before = copy.deepcopy(resource)

    objects(resource)
    first(resource)
    text(resource)
    resource_type(resource)
    follow(resource, path)

    assert encode(resource) == encode(before)
