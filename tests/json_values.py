"""JSON made up by hypothesis, and a reader of JSON that is not ours."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

# Text without lone surrogates, which no UTF-8 body can hold.
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**25), 10**25), words)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)
json_objects = st.dictionaries(words, json_values, max_size=5)


def pairs(body: bytes | str) -> Any:
    """A JSON text as nested pairs, in order and with all digits, read by the standard library."""
    return json.loads(body, parse_float=Decimal, object_pairs_hook=tuple)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every part of a JSON value, its own first."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """A copy of a JSON value with another part at `path`."""
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied
