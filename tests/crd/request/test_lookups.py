"""Lookups: found, absent, failed or never asked, of one resource and of a whole type."""

from typing import Any

import pytest
from hook_requests import bundle, coverage, patient

from cds_service.cds_hooks.prefetch import read_resources
from cds_service.crd.request.lookups import Lookup, Lookups, read_prefetch_lookups
from cds_service.fhir.reference import ResourceKey

JsonObject = dict[str, Any]

PAYER = ResourceKey("Organization", "payer")
ANOTHER = ResourceKey("Organization", "another")
OUTCOME: JsonObject = {"resourceType": "OperationOutcome"}


def prefetched(**prefetch: Any) -> Lookups:
    """What a client's prefetch says of what it looked for."""
    found = {key: read_resources(value) for key, value in prefetch.items()}
    return read_prefetch_lookups(prefetch, found)


def looked_for(*keys: str) -> set[str]:
    """The types that were looked for in vain under these keys."""
    return set(prefetched(**dict.fromkeys(keys)).by_type)


def test_what_nobody_looked_for_was_not_asked() -> None:
    """Neither the resource nor its type."""
    assert Lookups().state(PAYER) is Lookup.NOT_ASKED
    assert Lookups().state_of_type("Organization") is Lookup.NOT_ASKED


@pytest.mark.parametrize("result", list(Lookup))
def test_a_read_has_its_own_result(result: Lookup) -> None:
    """It is that of the one resource, and of no other of its type."""
    known = Lookups().with_results({"Organization/payer": result})

    assert known.state(PAYER) is result
    assert known.state(ANOTHER) is Lookup.NOT_ASKED
    assert known.state_of_type("Organization") is Lookup.NOT_ASKED


@pytest.mark.parametrize("result", [Lookup.FOUND, Lookup.ABSENT, Lookup.FAILED])
def test_a_search_has_a_result_for_its_whole_type(result: Lookup) -> None:
    """Whatever else it searched by."""
    known = Lookups().with_results({"Coverage?patient=member-1&status=active": result})

    assert known.state_of_type("Coverage") is result
    assert known.state(ResourceKey("Coverage", "any")) is result
    assert known.state_of_type("Patient") is Lookup.NOT_ASKED


def test_reading_one_says_more_than_searching_for_its_type() -> None:
    """The client found no Organization, we could not read this one: it may be there."""
    known = prefetched(payers=None).with_results({str(PAYER): Lookup.FAILED})

    assert known.state(PAYER) is Lookup.FAILED
    assert known.state(ANOTHER) is Lookup.ABSENT


def test_results_of_later_queries_are_added_to_earlier_ones() -> None:
    """Each round of asking adds to what is known; what was asked again counts anew."""
    first = Lookups().with_results({str(PAYER): Lookup.FAILED, str(ANOTHER): Lookup.ABSENT})
    second = first.with_results({str(PAYER): Lookup.FOUND, "Coverage?patient=1": Lookup.ABSENT})

    assert second.state(PAYER) is Lookup.FOUND
    assert second.state(ANOTHER) is Lookup.ABSENT
    assert second.state_of_type("Coverage") is Lookup.ABSENT
    assert first.state(PAYER) is Lookup.FAILED


@pytest.mark.parametrize("empty", [None, {}, [], bundle(), {"resourceType": "Bundle"}])
def test_a_key_without_data_was_looked_for_in_vain(empty: Any) -> None:
    """null, nothing, and a Bundle with nothing in it."""
    assert prefetched(coverage=empty).state_of_type("Coverage") is Lookup.ABSENT


@pytest.mark.parametrize("failure", [OUTCOME, [OUTCOME], bundle(OUTCOME)])
def test_a_key_with_an_error_could_not_be_read(failure: Any) -> None:
    """Which is neither data nor none."""
    assert prefetched(coverage=failure).state_of_type("Coverage") is Lookup.FAILED


@pytest.mark.parametrize("held", [coverage(), [coverage()], bundle(coverage())])
def test_a_key_with_data_of_its_type_says_nothing_of_what_is_not_there(held: Any) -> None:
    """What is at hand is in the chart; whether there is more of it nobody said."""
    assert prefetched(coverage=held).by_type == {}


@pytest.mark.parametrize("key", ["payers", "serviceRequests", "medications", "encounter"])
def test_a_key_with_other_things_tells_nothing_of_what_a_reference_names(key: str) -> None:
    """A client may keep what it likes under such a key."""
    assert prefetched(**{key: bundle(patient())}).by_type == {}


def test_a_search_for_coverages_that_brought_other_things_brought_none() -> None:
    """The patient alone is no Coverage, and it was looked for."""
    known = prefetched(coverage=bundle(patient()))

    assert known.state_of_type("Coverage") is Lookup.ABSENT
    assert known.state_of_type("Patient") is Lookup.NOT_ASKED


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("coverage", "Coverage"),
        ("coverageBundle", "Coverage"),
        ("Coverage", "Coverage"),
        ("COVERAGES", "Coverage"),
        ("coverage_active", "Coverage"),
        ("payers", "Organization"),
        ("payer", "Organization"),
        ("organizations", "Organization"),
        ("patient", "Patient"),
        ("patientToGreet", "Patient"),
        ("encounter", "Encounter"),
        ("serviceRequests", "ServiceRequest"),
        ("serviceRequestBundle", "ServiceRequest"),
        ("servicerequest", "ServiceRequest"),
        ("medicationRequests", "MedicationRequest"),
        ("medicationRequestBundle", "MedicationRequest"),
        ("medications", "Medication"),
        ("medicationBundle", "Medication"),
        ("deviceRequests", "DeviceRequest"),
        ("devices", "Device"),
        ("nutritionOrders", "NutritionOrder"),
        ("visionPrescriptions", "VisionPrescription"),
        ("communicationRequests", "CommunicationRequest"),
    ],
)
def test_a_key_tells_the_type_it_is_for_as_clients_write_it(key: str, kind: str) -> None:
    """Our own keys and the guide's, in any case, with anything after them; and one type only."""
    assert looked_for(key) == {kind}


@pytest.mark.parametrize(
    "key",
    [
        "",
        "item1",
        "cov",
        "activeCoverage",
        "myPatient",
        "practitioner",
        "performers",
        "locations",
        "ﬁle",
        "ſervicerequests",
        "Кoverage",
    ],
)
def test_a_key_that_no_type_begins_means_nothing(key: str) -> None:
    """An empty value under a name of the client's own says of no type that it was looked for."""
    assert looked_for(key) == set()


@pytest.mark.parametrize("first", ["coverage", "coverageBundle"])
def test_of_two_keys_for_a_type_one_that_failed_leaves_it_failed(first: str) -> None:
    """Whichever comes first: what the one missed the other may have held."""
    second = "coverageBundle" if first == "coverage" else "coverage"

    assert prefetched(**{first: OUTCOME, second: None}).by_type == {"Coverage": Lookup.FAILED}


def test_of_two_empty_keys_for_a_type_both_mean_the_same() -> None:
    """It is not there."""
    assert prefetched(coverage=None, coverageBundle=bundle()).by_type == {"Coverage": Lookup.ABSENT}


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_key_holds_another_may_have_looked_for_in_vain(order: int) -> None:
    """Data under one key does not undo what the other says: references not at hand are absent."""
    sent: list[tuple[str, Any]] = [("coverage", bundle(coverage())), ("coverageBundle", None)]

    assert prefetched(**dict(sent[::order])).by_type == {"Coverage": Lookup.ABSENT}
