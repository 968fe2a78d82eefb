"""Differences of JSON values: none between equals, each place once, lists aligned."""

from typing import Any

import pytest
from hypothesis import given
from json_values import json_values

from cds_service.authoring.differences import (
    Difference,
    differences_of,
    ids_in,
    without_made_ids,
)
from cds_service.fhir.resource import canonical, decode, encode

OURS, THEIRS = "00000000-0000-4000-8000-000000000001", "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@given(json_values)
def test_equal_values_do_not_differ(value: Any) -> None:
    """Nor does one that was written and read."""
    assert list(differences_of(value, decode(encode(value)))) == []


@given(json_values, json_values)
def test_values_that_are_not_equal_differ_somewhere(before: Any, after: Any) -> None:
    """Whatever their shapes."""
    found = list(differences_of(before, after))

    assert bool(found) is (canonical(before) != canonical(after))
    assert all(difference.before != difference.after for difference in found)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"a": 1}, {"a": 2}, ("$.a", "1", "2")),
        ({}, {"a": []}, ("$.a", "nothing", "[]")),
        ({"a-b": None}, {}, ("$.a-b", "null", "nothing")),
        ({"a b": 1}, {"a b": 2}, ("$['a b']", "1", "2")),
        ([1, 2, 3], [1, 3], ("$[1]", "2", "nothing")),
        ([1, 3], [1, 2, 3], ("$[1]", "nothing", "2")),
        ([{"a": 1}, {"b": 1}], [{"a": 1}, {"b": 2}], ("$[1].b", "1", "2")),
        ({"a": [1]}, {"a": {"b": 1}}, ("$.a", "[1]", '{"b":1}')),
    ],
)
def test_a_difference_is_one_path_with_both_values(
    before: Any, after: Any, found: tuple[str, str, str]
) -> None:
    """As deep as both have the same shape."""
    path, was, now = found

    assert list(differences_of(before, after)) == [Difference(path=path, before=was, after=now)]


def test_a_long_value_is_cut() -> None:
    """A table stays readable."""
    (found,) = differences_of("a", "b" * 500)

    assert (len(found.after), found.after[-1]) == (120, "…")


def test_ids_of_our_making_are_left_out_and_those_that_were_sent_are_not() -> None:
    """Also inside a reference or an address."""
    sent = ids_in(encode({"hookInstance": THEIRS}))
    value = {"uuid": OURS, "refs": [f"Task/{OURS}", f"urn:uuid:{THEIRS}"], "n": 1}

    assert without_made_ids(value, sent) == {
        "uuid": "…",
        "refs": ["Task/…", f"urn:uuid:{THEIRS}"],
        "n": 1,
    }
