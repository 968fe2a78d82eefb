"""What is certain without the models of fhir.resources, these take; what they refuse never is."""

import copy
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
from fhir_core import types as fhir_types
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cds_service.errors import ArtifactError
from cds_service.fhir.resource import decode
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.library.formats import certain_format
from cds_service.policy.library.proving import ask_model
from cds_service.policy.library.shape import ShapeChecker

NAMES = (
    "String Markdown Code Id Uri Canonical Url Date DateTime Instant Time Integer UnsignedInt "
    "PositiveInt Decimal Base64Binary"
).split()
DATES = st.from_regex(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]{5,15}(Z|[+-][0-9:]{5}))?)?)?")
WRITTEN = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=" \t\u00a0abZ09+/=-.:%", max_size=12),
    st.from_regex(r"https?://[a-z0-9.-]{1,12}(/[a-z0-9:._/-]{0,6})?"),
    st.dates().map(str),
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.times().map(str),
    DATES,
)
NUMBERS = st.one_of(st.integers(), st.integers(-3, 3), st.sampled_from([2**31 - 1, 2**31]))
POLICY = decode(next(builtin_library().rglob("PlanDefinition-icare-*.json")).read_bytes())
SHAPES = ShapeChecker()


def judge(name: str) -> tuple[Callable[[Any], bool], TypeAdapter[Any]]:
    """What is certain of a primitive type, and the model's own word on it."""
    annotation = getattr(fhir_types, f"{name}Type")
    held, *notes = get_args(annotation)
    return certain_format(tuple(notes), held), TypeAdapter(annotation)


def takes(model: TypeAdapter[Any], value: Any) -> bool:
    """Whether the model takes a value."""
    try:
        model.validate_python(value)
    except ValueError:
        return False
    return True


JUDGES = {name: judge(name) for name in NAMES}


@settings(max_examples=150, deadline=None)
@given(written=WRITTEN, number=NUMBERS, decimal=st.decimals(allow_nan=False))
def test_what_is_certain_of_a_value_is_taken(written: str, number: int, decimal: Decimal) -> None:
    """For every primitive type of FHIR that is looked at without its model."""
    for name, (is_certain, model) in JUDGES.items():
        is_number = "Int" in name
        value = number if is_number else decimal if name == "Decimal" else written
        assert takes(model, value) or not is_certain(value), (name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Date", "2026-11-31"),
        ("Date", "0000"),
        ("DateTime", "2026-11-27T10:00:00"),
        ("Code", "two  blanks"),
        ("Id", "a_b"),
        ("Url", "https://1.2.3.4.5/"),
        ("Integer", 2**31),
        ("PositiveInt", 0),
        ("String", "\u00a0"),
        ("Uuid", "anything"),
    ],
)
def test_what_the_models_may_refuse_is_not_certain(name: str, value: Any) -> None:
    """So they are asked."""
    held, *notes = get_args(getattr(fhir_types, f"{name}Type"))

    assert not certain_format(tuple(notes), held)(value)


def test_a_type_that_is_not_in_the_table_is_never_certain() -> None:
    """A model of a later release may have another."""
    assert not certain_format(("a note",), str)("value")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for step, inner in steps:
        found.append((*path, step))
        if isinstance(inner, dict | list):
            found += places(inner, (*path, step))
    return found


PLACES = places(POLICY)
ODD = st.one_of(
    WRITTEN,
    NUMBERS,
    st.booleans(),
    st.none(),
    st.sampled_from([[], {}, [None], {"url": "x"}, "active", {"reference": "x"}]),
)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_policy_that_is_certain_is_one_that_the_models_take(data: st.DataObject) -> None:
    """With anything in it removed, renamed, or replaced: never looser than to ask them."""
    policy = copy.deepcopy(POLICY)
    path = data.draw(st.sampled_from(PLACES))
    holder: Any = policy
    for step in path[:-1]:
        holder = holder[step]
    if data.draw(st.booleans()):
        del holder[path[-1]]
    else:
        holder[path[-1]] = data.draw(ODD)
    try:
        is_certain = SHAPES.check(Path("policy.json"), policy)
    except ArtifactError:
        is_certain = False

    if is_certain:
        ask_model(Path("policy.json"), policy)


def test_the_policies_of_the_library_are_certain() -> None:
    """Else they would be as slow to start with as they were."""
    files = [file for file in builtin_library().rglob("*.json") if file.name != "cases.json"]

    assert [file.name for file in files if not SHAPES.check(file, decode(file.read_bytes()))] == []


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        (("status",), "an element that is due"),
        (("action", 0, "action", 0, "condition", 0, "kind"), "one inside that is due"),
    ],
)
def test_what_lacks_an_element_is_not_certain(path: tuple[Any, ...], problem: str) -> None:
    """The model finds it, and says which."""
    policy = copy.deepcopy(POLICY)
    holder: Any = policy
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]

    assert not SHAPES.check(Path("policy.json"), policy), problem
    with pytest.raises(ArtifactError, match=str(path[-1])):
        ask_model(Path("policy.json"), policy)


def test_two_values_where_one_is_chosen_are_not_certain() -> None:
    """`value[x]` is one of them."""
    policy = copy.deepcopy(POLICY)
    policy["useContext"][0]["valueRange"] = {"low": {"value": 1}}

    assert not SHAPES.check(Path("policy.json"), policy)
    with pytest.raises(ArtifactError, match="value"):
        ask_model(Path("policy.json"), policy)
