"""Prefetched values: data, no data, or an error of the client (crd-server.md 1.4)."""

from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from json_values import json_objects, json_values

from cds_service.cds_hooks.prefetch import Found, has_failed, read_resources
from cds_service.fhir.resource import resource_type

ONE = {"resourceType": "Coverage", "id": "1"}
TWO = {"resourceType": "Organization", "id": "2"}
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception"}],
}


def bundle_of(*resources: Any, **elements: Any) -> dict[str, Any]:
    """A searchset Bundle."""
    entries = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **elements}


NO_DATA = {
    "null: looked for, nothing there": None,
    "a Bundle with no entries": bundle_of(),
    "a Bundle without the element": {"resourceType": "Bundle", "type": "searchset", "total": 0},
    "a Bundle whose entry is null": {"resourceType": "Bundle", "entry": None},
    "entries without a resource": {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": "urn:uuid:1"}, {}, None],
    },
    "an empty object": {},
    "an object that is no resource": {"id": "1"},
    "a string": "Coverage/1",
    "a number": 5,
}
DATA = {
    "one resource where a search was asked": ONE,
    "a searchset": bundle_of(ONE),
    "a collection, as in the specification's sample": bundle_of(ONE, type="collection"),
    "a Bundle without type": {"resourceType": "Bundle", "entry": [{"resource": ONE}]},
    "a Bundle that does not say so": {"entry": [{"resource": ONE}]},
    "a list": [ONE],
    "a list of Bundles": [bundle_of(ONE)],
    "a single entry where a list is due": {"resourceType": "Bundle", "entry": {"resource": ONE}},
    "the first of several pages": bundle_of(
        ONE, link=[{"relation": "next", "url": "https://ehr.example.invalid/2"}]
    ),
    "beside entries without a resource": {
        "resourceType": "Bundle",
        "entry": [{}, None, {"resource": ONE}],
    },
}
FAILED = {
    "an OperationOutcome": OUTCOME,
    "an OperationOutcome in a Bundle": bundle_of(OUTCOME),
    "an OperationOutcome in a list": [OUTCOME],
    "an OperationOutcome beside data": bundle_of(ONE, OUTCOME),
}

resources = st.sampled_from([ONE, TWO, {"resourceType": "Patient"}])
types = st.one_of(st.sampled_from(["Coverage", "OperationOutcome"]), json_values)
odd_resources = st.builds(
    lambda kind, members: {**members, "resourceType": kind}, types, json_objects
)


@pytest.mark.parametrize("value", NO_DATA.values(), ids=NO_DATA)
def test_no_data_is_an_answer(value: Any) -> None:
    """A client that looked and found nothing gives no resource, and has not failed."""
    assert read_resources(value) == ()
    assert not has_failed(value)


@pytest.mark.crd("found-24")
@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_data_is_found_in_whatever_it_comes(value: Any) -> None:
    """A resource is found bare, in a list, and in Bundles of any type."""
    assert [found.resource for found in read_resources(value)] == [ONE]


@pytest.mark.parametrize("value", FAILED.values(), ids=FAILED)
def test_an_operation_outcome_is_an_error_and_no_data(value: Any) -> None:
    """An OperationOutcome, bare or in a Bundle, says that the client could not obtain this."""
    kinds = {resource_type(found.resource) for found in read_resources(value)}

    assert has_failed(value)
    assert "OperationOutcome" not in kinds


@pytest.mark.parametrize("value", DATA.values(), ids=DATA)
def test_data_alone_is_no_error(value: Any) -> None:
    """What came without an OperationOutcome has not failed."""
    assert not has_failed(value)


def test_data_beside_an_error_is_data() -> None:
    """A Bundle that holds an OperationOutcome still gives what else it holds."""
    found = read_resources(bundle_of(OUTCOME, ONE))

    assert [entry.resource for entry in found] == [ONE]


def test_an_entry_keeps_its_address() -> None:
    """The `fullUrl` is kept, so that references to it resolve; it is empty if there is none."""
    entries = [{"fullUrl": "urn:uuid:1", "resource": ONE}, {"fullUrl": None, "resource": TWO}]

    found = read_resources({"resourceType": "Bundle", "entry": entries})

    assert found == (Found(ONE, "urn:uuid:1"), Found(TWO))


@settings(max_examples=100, deadline=None)
@given(members=st.lists(resources, max_size=4), apart=st.booleans())
def test_resources_keep_their_order_and_number(members: list[Any], apart: bool) -> None:
    """Every resource is found as often as it came, in order, in one Bundle or in several."""
    value = [bundle_of(resource) for resource in members] if apart else bundle_of(*members)

    assert [found.resource for found in read_resources(value)] == members


@settings(max_examples=200, deadline=None)
@given(value=st.one_of(json_values, odd_resources, st.lists(odd_resources)))
def test_any_value_can_be_read(value: Any) -> None:
    """In any prefetched value only resources with a type are found, and no OperationOutcome."""
    for odd in (value, [value], {"resourceType": "Bundle", "entry": value}, bundle_of(value)):
        kinds = [resource_type(found.resource) for found in read_resources(odd)]

        assert all(kinds)
        assert "OperationOutcome" not in kinds


@settings(max_examples=100, deadline=None)
@given(value=st.one_of(json_values, odd_resources))
def test_a_value_without_an_operation_outcome_is_no_error(value: Any) -> None:
    """Only an OperationOutcome says that the client could not obtain the data."""
    is_outcome = isinstance(value, dict) and value.get("resourceType") == "OperationOutcome"

    assert has_failed(value) == has_failed(bundle_of(value)) == is_outcome


@pytest.mark.parametrize("kind", ["Coverage", "OperationOutcome"])
def test_the_odd_values_hold_resources_of_each_kind(kind: str) -> None:
    """The properties above are about resources, not only about values without any."""
    assert find(odd_resources, lambda value: value.get("resourceType") == kind)
