"""Extensions: found by URL, added without changing anything else, never edited in place."""

import copy
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values

from cds_service.fhir.extension import find_extensions, parts, value_of, with_extensions
from cds_service.fhir.resource import encode, objects

OURS = "https://extensions.example.invalid/ours"
THEIRS = "https://extensions.example.invalid/theirs"

extensions = st.fixed_dictionaries(
    {"url": st.sampled_from([OURS, THEIRS])}, optional={"valueString": st.text()}
)
some = st.lists(extensions, max_size=3)
odd_extensions = st.fixed_dictionaries(
    {}, optional={"url": st.one_of(st.just(OURS), json_values), "extension": json_values}
)
present: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.fixed_dictionaries({"extension": some})
)
resources = st.builds(lambda resource, inside: {**resource, **inside}, json_objects, present)


@pytest.mark.crd("resp-37")
@settings(max_examples=100, deadline=None)
@given(resource=resources, new=some)
def test_adding_extensions_changes_nothing_else(resource: Any, new: Any) -> None:
    """Every other element is the same object in its place; new extensions follow the old ones."""
    added = with_extensions(resource, new)

    assert added["extension"] == [*resource.get("extension", []), *new]
    assert all(added[name] is value for name, value in resource.items() if name != "extension")
    assert [name for name in added if name in resource] == list(resource)
    assert added.keys() == {*resource, "extension"}


@settings(max_examples=100, deadline=None)
@given(resource=resources, new=some, at=st.integers(0, 3))
def test_a_resource_is_never_edited_in_place(resource: Any, new: Any, at: int) -> None:
    """The resource that came is the same after as before, whatever is added or left out."""
    before = copy.deepcopy(resource)

    with_extensions(resource, new, without=resource.get("extension", [])[at : at + 1])

    assert encode(resource) == encode(before)


@settings(max_examples=100, deadline=None)
@given(inside=st.lists(extensions, min_size=1, max_size=4), at=st.integers(0, 3))
def test_what_is_left_out_is_that_one_and_no_twin(inside: list[Any], at: int) -> None:
    """An extension is left out by identity: an equal one, another payer's perhaps, stays."""
    old = inside[at % len(inside)]
    resource = {"extension": [*inside, copy.deepcopy(old)]}

    kept = with_extensions(resource, [], without=[old])["extension"]

    assert len(kept) == len(inside)
    assert not any(extension is old for extension in kept)
    assert kept[-1] == old


def test_unusual_members_of_the_list_stay() -> None:
    """What is no extension but stands among them goes back as it came."""
    resource = {"extension": [None, "text", {"url": THEIRS}]}

    added = with_extensions(resource, [{"url": OURS}])

    assert added["extension"] == [None, "text", {"url": THEIRS}, {"url": OURS}]


@pytest.mark.parametrize(
    ("came", "kept"),
    [({"url": THEIRS}, [{"url": THEIRS}]), (None, []), ([], [])],
)
def test_a_single_extension_and_none_make_a_list(came: Any, kept: list[Any]) -> None:
    """One object where a list is due is the first of the list; `null` is no extension."""
    added = with_extensions({"extension": came}, [{"url": OURS}])

    assert added["extension"] == [*kept, {"url": OURS}]


@pytest.mark.parametrize("came", ["words", 5, True])
def test_what_is_no_list_of_extensions_breaks_nothing(came: Any) -> None:
    """A scalar where extensions are due is not taken apart and does not stop the answer."""
    added = with_extensions({"extension": came}, [{"url": OURS}])

    assert objects(added["extension"]) == ({"url": OURS},)
    assert len(added["extension"]) <= len([came, OURS])


def test_extensions_are_found_by_url_in_their_order() -> None:
    """Only extensions with the URL are found, from a list or a single object."""
    first, second = {"url": OURS, "valueCode": "1"}, {"url": OURS, "valueCode": "2"}
    mixed = [first, {"url": THEIRS}, None, second, {}]

    assert find_extensions({"extension": mixed}, OURS) == (first, second)
    assert find_extensions({"extension": first}, OURS) == (first,)
    assert find_extensions({}, OURS) == ()


def test_parts_are_grouped_by_name() -> None:
    """The parts of a complex extension stand under their names, each in its order."""
    reason, another, covered = (
        {"url": "reason", "n": 1},
        {"url": "reason", "n": 2},
        {"url": "covered"},
    )

    named = parts({"url": OURS, "extension": [reason, covered, another]})

    assert named == {"reason": [reason, another], "covered": [covered]}


@pytest.mark.parametrize(
    ("extension", "value"),
    [
        ({"url": "covered", "valueCode": "covered"}, ("valueCode", "covered")),
        ({"url": "flag", "valueBoolean": False}, ("valueBoolean", False)),
        ({"url": "empty"}, ("", None)),
        ({"url": "primitive", "_valueCode": {"id": "1"}}, ("", None)),
    ],
)
def test_a_value_comes_with_the_name_of_its_type(
    extension: dict[str, Any], value: tuple[str, object]
) -> None:
    """`value[x]` is found whatever its type; without one there is none."""
    assert value_of(extension) == value


@settings(max_examples=200, deadline=None)
@given(value=st.one_of(json_objects, odd_extensions, st.lists(odd_extensions)))
def test_looking_for_extensions_never_fails(value: Any) -> None:
    """Any value of `extension` can be searched; only an extension with the URL is found."""
    odd = {"extension": value}

    assert all(extension["url"] == OURS for extension in find_extensions(odd, OURS))
    assert all(isinstance(name, str) for name in parts(odd))


def test_the_odd_extensions_hold_some_with_the_url() -> None:
    """The property above is about extensions, not only about values without any."""
    assert find(odd_extensions, lambda value: bool(find_extensions({"extension": value}, OURS)))
