"""Missing data: what is asked of the EHR, in which order, and what never is."""

from typing import Any

import pytest
from crowds import dispatched_orders_to_ask_for, order_without_code
from every_hook import appointment, asked_about, by_type, call, minimal_orders, reference
from hook_requests import bundle, coverage, patient, service_request
from steps import TENFOLD, TickingText, count_steps, growth

from cds_service.cds_hooks.prefetch import Found
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.limits import MAX_REFERENCES
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.missing_data import missing_data
from cds_service.errors import InvalidRequest, TooLarge
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

OUTCOME: JsonObject = {"resourceType": "OperationOutcome"}
SEARCH = "Coverage?patient=member-1&status=active"
BY_REFERENCE = coverage(payor=[{"reference": "Organization/payer"}])
PRESCRIPTION = order_without_code(
    "MedicationRequest", medicationReference={"reference": "Medication/drug"}
)


def chart_of(request: JsonObject) -> Chart:
    """The chart of a call before anything is asked."""
    return read_chart(HookRequestParser(request["hook"]).parse(encode(request)))


def asked(request: JsonObject) -> list[str]:
    """What is asked first for a call."""
    return missing_data(HOOKS[request["hook"]], chart_of(request))


def sent(hook: str = "order-sign", *about: JsonObject, **prefetch: Any) -> JsonObject:
    """A call with exactly this prefetch."""
    return {**call(hook, *about), "prefetch": prefetch}


def test_nothing_is_asked_where_everything_came() -> None:
    """Patient, Coverage and a payer by identifier are all that a coded order needs."""
    assert asked(call("order-sign")) == []


def test_a_call_without_prefetch_asks_for_the_patient_and_the_coverage() -> None:
    """The guide's standard queries, and no more."""
    assert asked(sent()) == ["Patient/member-1", SEARCH]


@pytest.mark.parametrize("patient_id", [" ", "Patient/"])
def test_for_a_patient_without_id_nothing_is_asked(patient_id: str) -> None:
    """A search that names no patient would be one for everybody's Coverages."""
    request = sent()
    request["context"]["patientId"] = patient_id

    assert asked(request) == []


@pytest.mark.parametrize("empty", [None, {}, bundle()])
def test_what_the_client_looked_for_in_vain_is_not_asked(empty: Any) -> None:
    """CDS Hooks, prefetch: null means that there is nothing."""
    assert asked(sent(patient=empty, coverage=empty)) == []


def test_a_payer_and_a_code_that_the_client_looked_for_in_vain_are_not_asked_for() -> None:
    """The same for what other resources refer to."""
    member = {"patient": patient(), "coverage": BY_REFERENCE}

    assert asked(sent("order-sign", PRESCRIPTION, **member, payers=None, medications=None)) == []


def test_what_the_client_could_not_read_is_tried_once() -> None:
    """We may have the access it had not; then it has been asked, whatever came of it."""
    request = sent(patient=patient(), coverage=OUTCOME)
    chart = chart_of(request)
    later = chart.with_found([], {SEARCH: Lookup.FAILED})

    assert missing_data(HOOKS["order-sign"], chart) == [SEARCH]
    assert missing_data(HOOKS["order-sign"], later) == []


@pytest.mark.parametrize("result", [Lookup.ABSENT, Lookup.FAILED])
def test_nothing_is_asked_twice(result: Lookup) -> None:
    """A query that brought nothing is not made again in the next round."""
    request = sent("order-dispatch")
    chart = chart_of(request)
    queries = missing_data(HOOKS["order-dispatch"], chart)
    later = chart.with_found([], dict.fromkeys(queries, result))

    assert len(queries) == 3
    assert missing_data(HOOKS["order-dispatch"], later) == []


def test_what_was_named_twice_is_asked_once() -> None:
    """Two dispatches of one order, and two prescriptions of one drug."""
    dispatch = sent("order-dispatch", patient=patient(), coverage=coverage())
    dispatch["context"]["dispatchedOrders"] *= 2
    second = {**PRESCRIPTION, "id": "second"}

    assert asked(dispatch) == ["ServiceRequest/order-1"]
    assert asked(call("order-sign", PRESCRIPTION, second)) == ["Medication/drug"]


def test_the_order_is_asked_for_before_its_code_the_patient_the_coverage_and_the_payer() -> None:
    """An EHR that has no time for all of it is asked for what matters most first."""
    unsent = service_request(id="unsent")
    request = call("order-dispatch", unsent, PRESCRIPTION)
    request["prefetch"] = by_type([PRESCRIPTION, BY_REFERENCE])

    assert asked(request) == [
        "ServiceRequest/unsent",
        "Medication/drug",
        "Patient/member-1",
        "Organization/payer",
    ]


def test_what_one_round_brings_is_where_the_next_begins() -> None:
    """The order, then its drug; the Coverage, then its payer; then nothing."""
    hook, request = HOOKS["order-dispatch"], sent("order-dispatch", PRESCRIPTION)
    first = chart_of(request)
    held = {reference(PRESCRIPTION): PRESCRIPTION, "Patient/member-1": patient()}
    second = first.with_found(
        [Found(found) for found in (*held.values(), BY_REFERENCE)],
        dict.fromkeys((*held, SEARCH), Lookup.FOUND),
    )
    third = second.with_found([], dict.fromkeys(missing_data(hook, second), Lookup.ABSENT))

    assert missing_data(hook, first) == [*held, SEARCH]
    assert missing_data(hook, second) == ["Medication/drug", "Organization/payer"]
    assert missing_data(hook, third) == []


@pytest.mark.parametrize(
    "payor",
    [
        {"identifier": {"system": "urn:x", "value": "1"}},
        {"reference": "Organization/payer", "identifier": {"system": "urn:x", "value": "1"}},
        {"display": "in words"},
        {"reference": "#payer"},
        {"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"},
        {},
    ],
)
def test_a_payer_is_asked_for_only_by_a_reference_that_can_be_read(payor: JsonObject) -> None:
    """An identifier tells enough, words and fragments lead to no address."""
    assert asked(sent(patient=patient(), coverage=coverage(payor=[payor]))) == []


def test_the_payers_of_all_coverages_are_asked_for() -> None:
    """Which of them is hosted here is not known before."""
    other = coverage(id="coverage-2", payor=[{"reference": "Organization/other"}])

    assert asked(sent(patient=patient(), coverage=bundle(BY_REFERENCE, other))) == [
        "Organization/payer",
        "Organization/other",
    ]


def test_a_cancelled_coverages_payer_is_not_asked_for_beside_an_active_one() -> None:
    """Nothing will be answered for it."""
    cancelled = coverage(id="old", status="cancelled", payor=[{"reference": "Organization/other"}])

    assert asked(sent(patient=patient(), coverage=bundle(BY_REFERENCE, cancelled))) == [
        "Organization/payer"
    ]


@pytest.mark.parametrize(
    ("kind", "element", "target"),
    [
        ("MedicationRequest", "medicationReference", "Medication/drug"),
        ("DeviceRequest", "codeReference", "Device/drug"),
    ],
)
def test_what_holds_an_orders_code_is_asked_for(kind: str, element: str, target: str) -> None:
    """An order's own code is only a reference to it."""
    order = {**minimal_orders()[kind], element: {"reference": target}}

    assert asked(call("order-sign", order)) == [target]


def test_what_an_order_contains_is_not_asked_for() -> None:
    """It is at hand."""
    order = {**PRESCRIPTION, "medicationReference": {"reference": "#drug"}}

    assert asked(call("order-sign", order)) == []


def test_an_order_that_no_one_asks_about_needs_no_code() -> None:
    """A draft that is not selected, and an order that is only among the prefetched."""
    request = call("order-select", service_request(), PRESCRIPTION)
    request["context"]["selections"] = ["ServiceRequest/order-1"]

    assert asked(request) == []
    assert asked(call("order-sign", sent=[PRESCRIPTION])) == []


def test_the_orders_behind_appointments_are_asked_for_and_then_what_they_need() -> None:
    """An appointment says what it is for by reference; here one order is at hand, one is not."""
    alternate = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
    based_on = [
        {"reference": "ServiceRequest/unsent"},
        {
            "extension": [
                {"url": alternate, "valueReference": {"reference": reference(PRESCRIPTION)}}
            ]
        },
    ]
    request = call("appointment-book", appointment(basedOn=based_on), sent=[PRESCRIPTION])

    assert asked(request) == ["ServiceRequest/unsent", "Medication/drug"]


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_an_encounter_is_asked_for_by_its_id(hook: str) -> None:
    """Its context holds nothing else."""
    request = sent(hook, patient=patient(), coverage=coverage())

    assert asked(request) == ["Encounter/encounter-1"]


@pytest.mark.parametrize("value", [None, bundle()])
def test_an_order_the_client_looked_for_in_vain_is_not_asked_for(value: Any) -> None:
    """Under the key of its type."""
    member = {"patient": patient(), "coverage": coverage()}

    assert asked(sent("order-dispatch", **member, serviceRequests=value)) == []
    assert asked(sent("order-dispatch", **member, medicationRequests=value)) == [
        "ServiceRequest/order-1"
    ]


def test_data_of_another_patient_is_not_at_hand() -> None:
    """The patient's own is asked for."""
    another = {"reference": "Patient/another"}
    request = sent(patient=patient(id="another"), other=coverage(beneficiary=another))

    assert asked(request) == ["Patient/member-1", SEARCH]


def test_nothing_is_asked_for_a_call_that_names_too_much() -> None:
    """It is refused, and the EHR need not work for that."""
    with pytest.raises(TooLarge):
        asked(dispatched_orders_to_ask_for(MAX_REFERENCES + 1))


def test_nothing_is_asked_for_a_call_with_two_orders_of_one_id() -> None:
    """It is refused as well."""
    with pytest.raises(InvalidRequest):
        asked(call("order-sign", service_request("0600T"), service_request("99213")))


def test_many_results_of_earlier_queries_are_not_searched_for_each_new_one() -> None:
    """Ten times as many asked in the first round cost twelve times as much in the second."""

    def cost(many: int) -> int:
        request = dispatched_orders_to_ask_for(many)
        results: dict[str, Lookup] = {
            TickingText(order): Lookup.FAILED for order in request["context"]["dispatchedOrders"]
        }
        chart = chart_of(request).with_found([], results)
        return count_steps(lambda: missing_data(HOOKS["order-dispatch"], chart))

    assert growth(cost, 50) <= TENFOLD


def test_every_hook_asks_for_what_it_is_about() -> None:
    """The fewest queries for each, with no prefetch at all."""
    queries = {hook: asked(sent(hook, asked_about(hook))) for hook in HOOKS}
    member = ["Patient/member-1", SEARCH]

    assert queries == {
        "order-sign": member,
        "order-select": member,
        "order-dispatch": ["ServiceRequest/order-1", *member],
        "appointment-book": member,
        "encounter-start": ["Encounter/encounter-1", *member],
        "encounter-discharge": ["Encounter/encounter-1", *member],
    }
