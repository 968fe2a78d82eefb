"""The chart: every resource of a call, however it came, and how references find theirs."""

from typing import Any

import pytest
from hook_requests import bundle, coverage, order_sign, patient, service_request
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.lookups import Lookup
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

OUTCOME: JsonObject = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception"}],
}
ORGANIZATION: JsonObject = {
    "resourceType": "Organization",
    "id": "org-1",
    "name": "An invented payer",
}
URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
PARSER = HookRequestParser("order-sign")


def chart(prefetch: JsonObject, *orders: JsonObject, **context: Any) -> Chart:
    request = order_sign(*orders, prefetch=prefetch)
    request["context"].update(context)
    return read_chart(PARSER.parse(encode(request)))


def kinds(read: Chart) -> list[str]:
    return [resource["resourceType"] for resource in read.resources]


@pytest.mark.parametrize(
    "value",
    [
        coverage(),
        [coverage()],
        bundle(coverage()),
        {**bundle(coverage()), "type": "searchset", "total": 1},
        {"resourceType": "Bundle", "entry": {"resource": coverage()}},
        {"entry": [{"resource": coverage()}]},
        bundle(bundle(coverage()))["entry"][0]["resource"],
        [bundle(coverage()), None],
        {
            "resourceType": "Bundle",
            "entry": [{}, None, {"resource": None}, {"resource": coverage()}],
        },
        {"resourceType": "Bundle", "entry": [{"resource": OUTCOME}, {"resource": coverage()}]},
    ],
)
def test_a_resource_is_found_however_its_key_holds_it(value: Any) -> None:
    """One resource, a list, Bundles of any type, and entries with nothing in them."""
    assert kinds(chart({"anyKeyAtAll": value}))[0] == "Coverage"


@pytest.mark.parametrize(
    "value",
    [None, {}, [], {"resourceType": "Bundle"}, bundle(), {"resourceType": "Bundle", "total": 0}],
)
def test_an_empty_key_was_looked_for(value: Any) -> None:
    """null and an empty Bundle mean that the client looked and found nothing."""
    read = chart({"coverage": value})

    assert read.lookups.state_of_type("Coverage") is Lookup.ABSENT


@pytest.mark.parametrize("value", [OUTCOME, bundle(OUTCOME)])
def test_an_error_in_a_key_is_no_data_and_no_empty_answer(value: JsonObject) -> None:
    """An OperationOutcome says that the client could not look."""
    read = chart({"coverage": value})

    assert read.lookups.state_of_type("Coverage") is Lookup.FAILED
    assert "OperationOutcome" not in kinds(read)


def test_what_came_is_neither_looked_for_nor_failed() -> None:
    """A key with data is just that."""
    read = chart({"patient": patient(), "coverage": bundle(coverage())})

    assert read.lookups.by_type == {}


def test_the_context_is_part_of_the_chart_and_wins() -> None:
    """What the clinician has in hand is newer than what was prefetched under the same id."""
    stale, fresh = service_request(status="active"), service_request(status="draft")
    read = chart({"orders": bundle(stale)}, fresh)

    assert read.find({"reference": "ServiceRequest/order-1"}, {}) == fresh


@pytest.mark.parametrize(
    "patient_id",
    ["member-1", "Patient/member-1", " member-1 ", "https://e.invalid/fhir/Patient/member-1"],
)
def test_the_patient_is_the_one_the_call_names(patient_id: str) -> None:
    """By id, or by a reference in its place."""
    read = chart({"patient": patient(), "another": patient(id="member-2")}, patientId=patient_id)

    assert read.patient == patient()


def test_another_patient_is_never_taken_for_the_calls() -> None:
    """A chart of somebody else has no patient."""
    assert chart({"patient": patient(id="member-2")}).patient is None


@pytest.mark.parametrize(
    "reference",
    [
        "Organization/org-1",
        "https://one.example.invalid/fhir/Organization/org-1",
        "https://two.example.invalid/Organization/org-1/_history/3",
        URN,
    ],
)
def test_a_reference_finds_its_target_by_type_and_id_or_by_entry_url(reference: str) -> None:
    """Relative, absolute under any base, versioned, or the URN of a Bundle entry."""
    entry = {"fullUrl": URN, "resource": ORGANIZATION}
    read = chart({"payers": {"resourceType": "Bundle", "entry": [entry]}})

    assert read.find({"reference": reference}, coverage()) == ORGANIZATION


@pytest.mark.parametrize(
    "reference",
    [
        None,
        7,
        "",
        "Organization",
        "Organization/",
        "Organization/else",
        "Patient/org-1",
        "urn:uuid:else",
        "#org-1",
        {},
    ],
    ids=repr,
)
def test_a_reference_that_leads_nowhere_finds_nothing(reference: Any) -> None:
    """Nothing is guessed, and nothing is found inside another resource."""
    read = chart({"payers": ORGANIZATION})

    assert read.find({"reference": reference}, coverage()) is None


def test_a_fragment_is_found_inside_the_resource_that_refers_to_it() -> None:
    """Contained resources belong to their container; a dangling fragment finds nothing."""
    holder = coverage(contained=[{"resourceType": "Device", "id": "d"}, ORGANIZATION])
    read = chart({"coverage": holder})
    (coverage_at_hand,) = read.of_type("Coverage")

    assert read.find({"reference": "#org-1"}, coverage_at_hand) == ORGANIZATION
    assert read.find({"reference": "#else"}, coverage_at_hand) is None


def test_the_reference_to_the_container_itself_finds_no_contained_resource() -> None:
    """`#` alone is the container (FHIR R4, references), not a contained one without an id."""
    nameless = {name: value for name, value in ORGANIZATION.items() if name != "id"}
    holder = coverage(contained=[nameless])

    assert chart({"coverage": holder}).find({"reference": "#"}, holder) != nameless


@pytest.mark.parametrize(
    ("reference", "about"),
    [
        ("Patient/member-1", True),
        ("https://e.example.invalid/fhir/Patient/member-1", True),
        ("Patient/member-1/_history/1", True),
        ("Patient/another", False),
        ("https://e.example.invalid/fhir/Patient/another", False),
        ("Patient/MEMBER-1", False),
        ("Group/member-1", False),
        ("", True),
        (None, True),
    ],
)
def test_a_resource_is_about_the_patient_unless_it_names_another(
    reference: Any, about: bool
) -> None:
    """A subject that names nobody is taken to be the call's patient; another patient never is."""
    assert chart({}).call_patient.is_named_by([{"reference": reference}], {}) is about


def test_another_patient_behind_an_entry_url_is_not_the_calls() -> None:
    """A URN is resolved before it is taken for the patient's."""
    entry = {"fullUrl": URN, "resource": patient(id="another")}
    read = chart({"patients": {"resourceType": "Bundle", "entry": [entry]}})

    assert not read.call_patient.is_named_by([{"reference": URN}], {})


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resourceType", "entry", "resource", "fullUrl", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(value=junk, other=junk)
def test_no_malformed_prefetch_stops_a_call(value: Any, other: Any) -> None:
    """Whatever stands under a key, the rest of the chart is read."""
    read = chart({"junk": value, "patient": patient()}, somethingElse=other)

    assert read.patient is not None
    assert read.lookups.by_type == {}
