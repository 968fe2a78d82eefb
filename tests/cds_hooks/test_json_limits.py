"""Limits of a request's JSON, and the JSON bombs of reliability F6."""

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.cds_hooks.request import HookRequestParser, decode_json
from cds_service.errors import HookError, InvalidRequest, TooLarge
from cds_service.fhir.resource import Json

LEVELS = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)
BOMBS = {
    "100,000 lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "50 MB of lists never closed": b"[" * (50 << 20),
    "a list as deep as is still read": b"[" * 600 + b"]" * 600,
    "5,000 digits": b'{"hook":' + b"9" * 5_000 + b"}",
    "5,000 digits and an exponent": b'{"hook":' + b"9" * 5_000 + b"e999999999}",
    "NaN": b'{"hook":NaN}',
    "Infinity": b'{"hook":-Infinity}',
    "a number beyond all doubles": b'{"hook":1e400}',
    "half a surrogate pair": b'{"hook":"\\ud800"}',
    "a raw surrogate": b'{"hook":"\xed\xa0\x80"}',
    "not UTF-8": b'{"hook":"\xff"}',
    "a name twice": b'{"hook":"order-sign","hook":"order-select"}',
    "a name twice, spelled otherwise": b'{"hook":"order-sign","h\\u006fok":"order-select"}',
    "a name twice, deep inside": b'{"hook":"order-sign","context":{"a":[{"b":1,"b":2}]}}',
    "nothing": b"",
    "two values": b"{}{}",
    "a million empty objects": b"[" + b"{}," * 1_000_000 + b"{}]",
}


def depth_of(value: Json) -> int:
    """How deep a value nests, by definition."""
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def nested(depth: int) -> Json:
    """A value of that depth, objects and lists in turn."""
    value: Json = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@given(value=LEVELS, most=st.integers(0, 8))
def test_what_nests_deeper_than_the_limit_is_refused_and_nothing_else(
    value: Json, most: int
) -> None:
    """The levels counted are those of the definition."""
    try:
        JsonLimits(max_depth=most).check(value)
        is_refused = False
    except TooLarge:
        is_refused = True

    assert is_refused == (depth_of(value) > most)


def test_the_refusal_names_the_limit() -> None:
    """The engineer of the client reads what the most is."""
    with pytest.raises(TooLarge, match="at most 100 levels") as caught:
        decode_json(msgspec.json.encode(nested(101)))

    assert (caught.value.status, caught.value.where) == (413, "$")
    assert decode_json(msgspec.json.encode(nested(100))) == nested(100)


@pytest.mark.parametrize(
    "hold",
    [
        lambda resources: {"entry": [{"resource": resource} for resource in resources]},
        lambda resources: {"prefetch": dict(enumerate(resources))},
        lambda resources: {"resourceType": "Basic", "contained": resources[1:]},
    ],
    ids=["in a Bundle", "in the prefetch", "contained"],
)
def test_resources_are_counted_wherever_they_are(hold: object) -> None:
    """As many as the limit pass, one more does not."""
    assert callable(hold)
    resources = [{"resourceType": "Basic"}] * 7

    JsonLimits(max_entries=7).check(hold(resources))
    with pytest.raises(TooLarge, match="at most 6"):
        JsonLimits(max_entries=6).check(hold(resources))


def test_a_parser_keeps_the_limits_it_was_given() -> None:
    """The settings of the operator hold for calls."""
    parser = HookRequestParser("order-sign", JsonLimits(max_depth=10, max_entries=10))
    many = b'{"context":{"draftOrders":[' + b'{"resourceType":"Basic"},' * 10 + b"{}]}}"

    for body in (msgspec.json.encode(nested(11)), many + b""):
        with pytest.raises(HookError) as caught:
            parser.parse(body.replace(b"{}]", b'{"resourceType":"Basic"}]'))
        assert caught.value.status == 413


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_at_once(bomb: str) -> None:
    """400 or 413, in words, in far less than a call's time (reliability: F6)."""
    parser = HookRequestParser("order-sign")
    start = time.perf_counter()

    with pytest.raises((InvalidRequest, TooLarge)) as caught:
        parser.parse(BOMBS[bomb])

    assert time.perf_counter() - start < 2.5  # the figures themselves are in the benchmark's note
    assert str(caught.value)
