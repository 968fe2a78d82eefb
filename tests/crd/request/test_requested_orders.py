"""The requested orders: what a call of each hook asks about, each of it once."""

from collections.abc import Iterable
from typing import Any

import pytest
from crowds import alternate, order_without_code
from every_hook import (
    HOOK_NAMES,
    LISTED,
    NOT_IN_A_POLICY,
    VERSIONS,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    encounter,
    minimal_orders,
    reference,
)
from hook_requests import bundle, coverage, patient, service_request

from cds_service.cds_hooks.prefetch import Found
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.order import Order
from cds_service.crd.request.requested_orders import (
    Requested,
    check_at_hand,
    find_requested,
    read_requested_orders,
)
from cds_service.crd.request.version import VERSIONS as READ_AS
from cds_service.errors import DataUnavailable, HookError, InvalidRequest, OrderNotFound
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

MEMBER = {"patient": patient(), "coverage": bundle(coverage())}
OUTCOME: JsonObject = {"resourceType": "OperationOutcome"}
REFUSED = service_request(LISTED)
HARMLESS = service_request(NOT_IN_A_POLICY)
PRESCRIPTION = order_without_code(
    "MedicationRequest", medicationReference={"reference": "Medication/drug"}
)
ONE_ID = r"two different orders \(ServiceRequest\) have one id"


def chart_of(request: JsonObject) -> Chart:
    """The chart of a call."""
    return read_chart(HookRequestParser(request["hook"]).parse(encode(request)))


def requested(request: JsonObject) -> tuple[Requested, Chart]:
    """What a call asks about, and its chart."""
    chart = chart_of(request)
    return find_requested(HOOKS[request["hook"]], chart), chart


def orders_of(request: JsonObject, version: str = "2.2") -> tuple[Order, ...]:
    """The orders that a call is answered on."""
    found, chart = requested(request)
    return tuple(read_requested_orders(found, chart, READ_AS[version]))


def names(resources: Iterable[JsonObject]) -> list[str]:
    """Each resource's `Type/id`."""
    return [reference(resource) for resource in resources]


def keys(orders: Iterable[Order]) -> list[str]:
    """Each order's `Type/id`."""
    return [str(order.key) for order in orders]


def with_prefetch(request: JsonObject, **prefetch: Any) -> JsonObject:
    """The call with the member and exactly this beside."""
    return {**request, "prefetch": {**MEMBER, **prefetch}}


def dispatch(*references: str, **prefetch: Any) -> JsonObject:
    """An order-dispatch call that names these orders."""
    request = call("order-dispatch")
    request["context"]["dispatchedOrders"] = list(references)
    return with_prefetch(request, **prefetch)


def entries(*resources: tuple[str, JsonObject]) -> JsonObject:
    """A Bundle whose entries have URLs."""
    return {
        "resourceType": "Bundle",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in resources],
    }


# Which resources and references, hook by hook


@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_every_hook_asks_about_what_its_context_holds_or_names(hook: str) -> None:
    """Drafts, the selected of them, what is dispatched, appointments, an encounter."""
    about = asked_about(hook)
    found, _ = requested(call(hook, about))

    assert names(found.resources) == [reference(about)]


@pytest.mark.parametrize(
    ("hook", "named"),
    [
        ("order-sign", []),
        ("order-select", []),
        ("order-dispatch", ["ServiceRequest/order-1"]),
        ("appointment-book", []),
        ("encounter-start", ["Encounter/encounter-1"]),
        ("encounter-discharge", ["Encounter/encounter-1"]),
    ],
)
def test_three_hooks_name_what_they_are_about(hook: str, named: list[str]) -> None:
    """These may have to be read first."""
    found, _ = requested(with_prefetch(call(hook)))

    assert [reference["reference"] for reference in found.named] == named
    assert bool(found.resources) is not bool(named)


@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_all_six_kinds_of_order_are_asked_about(hook: str) -> None:
    """In the order in which they came."""
    orders = list(minimal_orders().values())

    assert keys(orders_of(call(hook, *orders))) == names(orders)


def test_what_is_no_order_is_passed_over() -> None:
    """A Bundle of drafts may hold more."""
    task = {"resourceType": "Task", "id": "task-1"}
    request = call("order-sign", task, REFUSED, {"resourceType": "Device", "id": "d"})

    assert keys(orders_of(request)) == ["ServiceRequest/order-1"]


@pytest.mark.crd("hook-34")
@pytest.mark.parametrize(
    "selections",
    [
        ["ServiceRequest/order-1"],
        ["https://ehr.example.invalid/fhir/ServiceRequest/order-1"],
        ["ServiceRequest/order-1", "ServiceRequest/order-1", "ServiceRequest/none", "", 7, None],
        [{"reference": "ServiceRequest/order-1"}],
    ],
)
def test_only_the_selected_drafts_are_asked_about(selections: list[Any]) -> None:
    """However a client writes the selection."""
    request = call("order-select", REFUSED, {**HARMLESS, "id": "order-2"})
    request["context"]["selections"] = selections

    assert keys(orders_of(request)) == ["ServiceRequest/order-1"]


def test_a_prefetched_order_is_not_asked_about() -> None:
    """It is part of the chart; the context says what the call is about."""
    request = with_prefetch(call("order-sign"), serviceRequests={**REFUSED, "id": "active"})

    assert keys(orders_of(request)) == ["ServiceRequest/order-1"]


@pytest.mark.parametrize("field", ["dispatchedOrders", "dispatched-orders", "order"])
def test_what_is_dispatched_is_named_in_any_published_spelling(field: str) -> None:
    """CRD 1.0 and 1.1 wrote it otherwise."""
    request = dispatch(serviceRequests=REFUSED)
    del request["context"]["dispatchedOrders"]
    request["context"][field] = "ServiceRequest/order-1"

    assert keys(orders_of(request)) == ["ServiceRequest/order-1"]


def test_a_dispatch_that_is_no_order_or_not_at_hand_is_not_among_the_resources() -> None:
    """It is named all the same."""
    task = {"resourceType": "Task", "id": "task-1"}
    found, _ = requested(dispatch("Task/task-1", "ServiceRequest/unsent", tasks=task))

    assert (found.resources, len(found.named)) == ((), 2)


# Appointments


def booked(*based_on: JsonObject, **prefetch: Any) -> JsonObject:
    """An appointment for these orders."""
    return with_prefetch(call("appointment-book", appointment(basedOn=list(based_on))), **prefetch)


BOOKED = {"reference": "ServiceRequest/order-1"}


@pytest.mark.parametrize(
    ("version", "answered_on"),
    [
        ("2.0", "Appointment/appointment-1"),
        ("2.1", "ServiceRequest/order-1"),
        ("2.2", "ServiceRequest/order-1"),
    ],
)
def test_an_appointment_made_for_an_order_is_answered_where_the_version_wants(
    version: str, answered_on: str
) -> None:
    """On the order since 2.1; before, on the appointment, with the codes of the order."""
    (order,) = orders_of(booked(BOOKED, serviceRequests=REFUSED), version)

    assert str(order.key) == answered_on
    assert LISTED in [coding.code for coding in order.codings]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_appointment_whose_order_is_not_at_hand_is_answered_on_itself(version: str) -> None:
    """There is nothing else to write on."""
    assert keys(orders_of(booked(BOOKED), version)) == ["Appointment/appointment-1"]


def test_orders_of_other_kinds_stand_in_an_extension() -> None:
    """Of several alternates the first, and of two references both."""
    links = [alternate(reference(PRESCRIPTION)), BOOKED]
    links[0]["extension"] *= 2
    request = booked(*links, medicationRequests=PRESCRIPTION, serviceRequests=REFUSED)

    assert keys(orders_of(request)) == [reference(PRESCRIPTION), "ServiceRequest/order-1"]


def test_an_order_is_planned_for_when_its_appointment_is() -> None:
    """Unless it states a date itself."""
    dated = {**REFUSED, "id": "dated", "occurrenceDateTime": "2027-05-01"}
    request = booked(
        BOOKED, {"reference": "ServiceRequest/dated"}, serviceRequests=bundle(REFUSED, dated)
    )
    days = [
        str(order.date_of_service.first) for order in orders_of(request) if order.date_of_service
    ]

    assert days == ["2026-12-01", "2027-05-01"]


def test_two_appointments_for_one_order_are_one_order() -> None:
    """It is answered once, in its place among the others."""
    first, other = appointment(basedOn=[BOOKED]), appointment(id="appointment-2")
    request = call("appointment-book", first, other, {**first, "id": "appointment-3"})

    assert keys(orders_of(with_prefetch(request, serviceRequests=REFUSED))) == [
        "ServiceRequest/order-1",
        "Appointment/appointment-2",
    ]


def test_an_appointment_of_somebody_else_is_not_answered() -> None:
    """All its participants who are patients are others."""
    actors = [{"actor": {"reference": "Patient/another"}}]

    assert orders_of(call("appointment-book", appointment(participant=actors))) == ()


def test_what_holds_the_codes_of_orders_is_at_hand_once() -> None:
    """The orders asked about, and each order behind appointments once."""
    second = appointment(id="appointment-2", basedOn=[BOOKED, BOOKED])
    request = call("appointment-book", appointment(basedOn=[BOOKED]), second)
    found, chart = requested(with_prefetch(request, serviceRequests=REFUSED))

    assert names(found.orders_at_hand(chart)) == [
        "Appointment/appointment-1",
        "Appointment/appointment-2",
        "ServiceRequest/order-1",
    ]


# Codes elsewhere


def test_an_order_takes_its_codes_from_what_it_refers_to() -> None:
    """A Medication referred to twice gives them once."""
    drug = {"resourceType": "Medication", "id": "drug", "code": REFUSED["code"]}
    link = PRESCRIPTION["medicationReference"]
    order = {**PRESCRIPTION, "medicationReference": [link, link]}
    (read,) = orders_of(with_prefetch(call("order-sign", order), medications=drug))

    assert [coding.code for coding in read.codings] == [LISTED]


def test_an_orders_own_words_come_first() -> None:
    """Then those of what it refers to; texts before displays, as a person would name it."""
    own = {"text": "own text", "coding": [{"display": "own display"}]}
    drug = {"text": "its text", "coding": [{"display": "its display"}]}
    held = {"resourceType": "Medication", "id": "drug", "code": drug}
    order = {**PRESCRIPTION, "medicationCodeableConcept": own}
    (read,) = orders_of(with_prefetch(call("order-sign", order), medications=held))

    assert read.words == ("own text", "its text", "own display", "its display")


def test_an_order_whose_code_could_not_be_read_says_so() -> None:
    """It may be one that a policy refuses; what was not asked for or is absent is no failure."""
    request = with_prefetch(call("order-sign", PRESCRIPTION))
    unread = {
        result: chart_of(request).with_found([], {"Medication/drug": result})
        for result in (Lookup.FAILED, Lookup.ABSENT)
    }
    hook, version = HOOKS["order-sign"], READ_AS["2.2"]
    read = {
        result: (order.unreachable, order.not_at_hand)
        for result, chart in unread.items()
        for order in read_requested_orders(find_requested(hook, chart), chart, version)
    }

    assert read == {Lookup.FAILED: (True, False), Lookup.ABSENT: (False, True)}
    (not_asked_for,) = orders_of(request)
    assert (not_asked_for.unreachable, not_asked_for.not_at_hand) == (False, True)


def test_an_order_that_forbids_its_service_asks_for_nothing() -> None:
    """`doNotPerform`; the others are answered."""
    request = call("order-sign", {**REFUSED, "doNotPerform": True}, {**HARMLESS, "id": "order-2"})

    assert keys(orders_of(request)) == ["ServiceRequest/order-2"]


# One id, one order


@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
def test_an_order_that_came_twice_is_one_order(hook: str) -> None:
    """In the context, in the prefetch, or named twice."""
    assert keys(orders_of(call(hook, REFUSED, dict(REFUSED)))) == ["ServiceRequest/order-1"]


def test_orders_without_id_are_orders_of_their_own() -> None:
    """Nothing tells that they are one."""
    nameless = {name: value for name, value in REFUSED.items() if name != "id"}
    request = call("order-sign")
    request["context"]["draftOrders"] = bundle(nameless, nameless)

    assert [order.key for order in orders_of(request)] == [None, None]


def test_orders_of_two_types_may_have_one_id() -> None:
    """Ids are unique within a type."""
    other = {**minimal_orders()["DeviceRequest"], "id": "order-1"}

    assert keys(orders_of(call("order-sign", REFUSED, other))) == [
        "ServiceRequest/order-1",
        "DeviceRequest/order-1",
    ]


def drafts(*orders: JsonObject) -> JsonObject:
    """Two drafts in the context."""
    return call("order-sign", *orders)


def dispatched_copies(*orders: JsonObject) -> JsonObject:
    """Two prefetched orders, one reference that fits both."""
    return dispatch("ServiceRequest/order-1", serviceRequests=bundle(*orders))


def dispatched_under_keys_of_their_own(*orders: JsonObject) -> JsonObject:
    """The same under two keys."""
    first, second = orders
    return dispatch("ServiceRequest/order-1", serviceRequests=first, more=second)


def dispatched_by_url(*orders: JsonObject) -> JsonObject:
    """Two references to the URLs of their entries."""
    urls = ["urn:uuid:a", "urn:uuid:b"]
    return dispatch(*urls, serviceRequests=entries(*zip(urls, orders, strict=True)))


def booked_copies(*orders: JsonObject) -> JsonObject:
    """Two prefetched orders behind one appointment's reference."""
    return booked(BOOKED, serviceRequests=bundle(*orders))


def booked_by_url(*orders: JsonObject) -> JsonObject:
    """Two references of an appointment to the URLs of their entries."""
    urls = ["urn:uuid:a", "urn:uuid:b"]
    links = [{"reference": url} for url in urls]
    return booked(*links, serviceRequests=entries(*zip(urls, orders, strict=True)))


def booked_by_an_older_client(*orders: JsonObject) -> JsonObject:
    """The same in a call that is answered on the appointment, by what its orders order."""
    return {**booked_copies(*orders), "extension": {}}


WAYS_TO_GIVE_TWO = (
    drafts,
    dispatched_copies,
    dispatched_under_keys_of_their_own,
    dispatched_by_url,
    booked_copies,
    booked_by_url,
    booked_by_an_older_client,
)
REFUSED_FIRST_OR_LAST = ((REFUSED, HARMLESS), (HARMLESS, REFUSED))


@pytest.mark.parametrize("orders", REFUSED_FIRST_OR_LAST, ids=["0600T first", "0600T last"])
@pytest.mark.parametrize("give", WAYS_TO_GIVE_TWO, ids=lambda give: give.__name__)
def test_two_different_orders_of_one_id_are_refused_with_the_id(
    give: Any, orders: tuple[JsonObject, JsonObject]
) -> None:
    """Only one could be updated, and a refusal of the other would be lost: nobody guesses."""
    with pytest.raises(InvalidRequest, match=ONE_ID) as refusal:
        ask(give(*orders))

    assert refusal.value.status == 400


@pytest.mark.parametrize("give", WAYS_TO_GIVE_TWO, ids=lambda give: give.__name__)
def test_two_copies_of_an_order_are_answered_once(give: Any) -> None:
    """The same ways, but with nothing to choose: the refusal is there."""
    stated = annotations(ask(give(REFUSED, dict(REFUSED))))

    assert [parts["covered"] for parts in stated] == [["not-covered"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_context_is_newer_than_a_prefetched_copy(version: str) -> None:
    """What the clinician has in hand is what is asked about: a stale copy is no second order."""
    request = with_prefetch(call("order-sign", REFUSED, version=version), serviceRequests=HARMLESS)
    (parts,) = annotations(ask(request))

    assert parts["covered"] == ["not-covered"]


def test_what_two_appointments_contain_under_one_id_are_two_orders() -> None:
    """An id within a resource is its own: each appointment is answered for what it contains."""
    links: list[JsonObject] = [{"reference": "#order-1"}]
    appointments = [
        appointment(NOT_IN_A_POLICY, id=f"appointment-{n}", contained=[order], basedOn=links)
        for n, order in enumerate((REFUSED, HARMLESS))
    ]
    stated = annotations(ask(call("appointment-book", *appointments)))

    assert [parts["covered"] for parts in stated] == [["not-covered"], ["indeterminate"]]


# Out of reach


def at_hand(request: JsonObject, *found: JsonObject, **results: Lookup) -> None:
    """Check a call after queries that had these results."""
    chart = chart_of(request).with_found(
        [Found(resource) for resource in found],
        {f"ServiceRequest/{name}": result for name, result in results.items()},
    )
    hook = HOOKS[request["hook"]]
    check_at_hand(find_requested(hook, chart), hook, chart)


@pytest.mark.parametrize("hook", ["order-dispatch", "encounter-start", "encounter-discharge"])
def test_a_call_whose_subject_nobody_sent_is_refused(hook: str) -> None:
    """CDS Hooks, prefetch: 412 where needed data is neither sent nor to be had."""
    with pytest.raises(DataUnavailable) as refusal:
        at_hand(with_prefetch(call(hook)))

    assert (refusal.value.status, refusal.value.where) == (412, "$.context")


@pytest.mark.parametrize("value", [None, {}, bundle()])
def test_an_order_that_was_looked_for_in_vain_is_refused(value: Any) -> None:
    """A primary hook answers on an order or refuses (CRD hook-16)."""
    with pytest.raises(OrderNotFound) as refusal:
        at_hand(dispatch("ServiceRequest/order-1", serviceRequests=value))

    assert (refusal.value.status, refusal.value.where) == (422, "$.context")


@pytest.mark.parametrize("value", [None, {}, bundle()])
def test_an_encounter_that_was_looked_for_in_vain_is_no_refusal(value: Any) -> None:
    """A secondary hook has nothing to say of it, which is an answer."""
    at_hand(with_prefetch(call("encounter-start"), encounter=value))


def test_a_subject_that_the_client_could_not_read_is_out_of_reach() -> None:
    """An OperationOutcome in its place says so."""
    with pytest.raises(DataUnavailable):
        at_hand(dispatch("ServiceRequest/order-1", serviceRequests=OUTCOME))


@pytest.mark.parametrize(
    ("results", "refusal"),
    [
        ({"a": Lookup.FAILED, "b": Lookup.FAILED}, DataUnavailable),
        ({"a": Lookup.FAILED, "b": Lookup.NOT_ASKED}, DataUnavailable),
        ({"a": Lookup.FAILED, "b": Lookup.ABSENT}, DataUnavailable),
        ({"a": Lookup.ABSENT, "b": Lookup.ABSENT}, OrderNotFound),
    ],
)
def test_that_no_order_is_there_is_known_where_all_were_looked_for(
    results: dict[str, Lookup], refusal: type[HookError]
) -> None:
    """One that could not be read may be there: then the call may be made again (412)."""
    with pytest.raises(refusal):
        at_hand(dispatch("ServiceRequest/a", "ServiceRequest/b"), **results)


def test_one_subject_at_hand_is_enough() -> None:
    """It is answered; of the other nothing is said."""
    request = dispatch("ServiceRequest/order-1", "ServiceRequest/unsent")

    at_hand(request, REFUSED, unsent=Lookup.FAILED)


@pytest.mark.parametrize("named_by", ["ServiceRequest/order-1", "urn:uuid:a"])
def test_an_order_that_is_another_patients_is_not_there(named_by: str) -> None:
    """It came, so nobody has to try again; to say more would tell of another patient."""
    another = {**REFUSED, "subject": {"reference": "Patient/another"}}
    with pytest.raises(OrderNotFound):
        at_hand(dispatch(named_by, serviceRequests=entries(("urn:uuid:a", another))))


def test_an_order_is_out_of_reach_though_something_else_is_another_patients() -> None:
    """That says nothing of the order, which nobody sent."""
    another = {**HARMLESS, "id": "other", "subject": {"reference": "Patient/another"}}
    with pytest.raises(DataUnavailable):
        at_hand(dispatch("ServiceRequest/order-1", serviceRequests=another))


@pytest.mark.parametrize("named", [[], [""], [None], ""])
def test_a_dispatch_that_names_no_order_is_no_hook_request(named: Any) -> None:
    """CDS Hooks requires the references, so it is a 400."""
    request = dispatch()
    request["context"]["dispatchedOrders"] = named
    with pytest.raises(InvalidRequest):
        at_hand(request)


def test_what_is_named_and_not_at_hand_is_counted() -> None:
    """A Task that came is no order either."""
    task = {"resourceType": "Task", "id": "task-1"}
    references = ("ServiceRequest/order-1", "ServiceRequest/unsent", "Task/task-1")
    found, chart = requested(dispatch(*references, serviceRequests=REFUSED, tasks=task))

    assert (len(found.named), found.not_at_hand(chart)) == (3, 2)


@pytest.mark.parametrize("hook", ["order-sign", "order-select", "appointment-book"])
def test_a_call_that_names_nothing_is_never_out_of_reach(hook: str) -> None:
    """Its context holds all it is about, were it nothing."""
    request = with_prefetch(call(hook))
    for field in ("draftOrders", "appointments"):
        if field in request["context"]:
            request["context"][field] = bundle()

    at_hand(request)


def test_an_encounter_at_hand_is_the_subject() -> None:
    """Under whatever key."""
    at_hand(with_prefetch(call("encounter-start"), visit=encounter()))


def drug(code: str, **elements: Any) -> JsonObject:
    """A Medication under one id."""
    coded = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}]}
    return {"resourceType": "Medication", "id": "drug", "code": coded, **elements}


@pytest.mark.parametrize("codes", [("1", "2"), ("2", "1")])
def test_a_medication_of_two_codes_under_one_id_is_refused(codes: tuple[str, str]) -> None:
    """The order is for one of them, and a refusal of the other's code would be lost."""
    first, last = map(drug, codes)
    request = with_prefetch(call("order-sign", PRESCRIPTION), medications=first, others=last)
    with pytest.raises(
        InvalidRequest, match="two different resources \\(Medication\\) have one id"
    ):
        ask(request)


def test_a_medication_that_came_twice_with_the_same_code_is_one() -> None:
    """What else differs, such as `meta`, decides nothing."""
    twice = {"medications": drug("1"), "others": drug("1", meta={"versionId": "2"})}

    assert annotations(ask(with_prefetch(call("order-sign", PRESCRIPTION), **twice)))


# References that lead nowhere

MALFORMED = [
    "order-1",
    "servicerequest/order-1",
    "Service Request/1/2",
    "#order-1",
    "ServiceRequest?_id=1",
    "the order of Mrs Smith",
]


@pytest.mark.crd("hook-13")
@pytest.mark.parametrize("hook", ["order-dispatch", "encounter-start"])
@pytest.mark.parametrize("named", MALFORMED)
def test_what_is_named_by_no_reference_is_no_hook_request(named: str, hook: str) -> None:
    """No EHR could be asked for it, so it is a 400: trying again is of no use."""
    if hook == "encounter-start":
        request = with_prefetch(call(hook))
        request["context"]["encounterId"] = f"{named}?"
    else:
        request = dispatch(named)
    with pytest.raises(InvalidRequest, match="not of the form `Type/id`") as refusal:
        at_hand(request)

    assert (refusal.value.status, refusal.value.where) == (400, "$.context")
    assert named not in str(refusal.value)


def test_references_that_are_none_are_counted_among_those_named() -> None:
    """Which of many it is, the count helps to find."""
    with pytest.raises(InvalidRequest, match="2 of the 3 references named"):
        at_hand(dispatch("ServiceRequest/order-1", "order-2", "order-3"))


def test_the_urn_of_an_entry_that_did_not_come_is_out_of_reach() -> None:
    """It is a reference, if one that no server can be asked by."""
    with pytest.raises(DataUnavailable, match="its URN is that of no entry"):
        at_hand(dispatch("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"))


def test_a_reference_that_is_none_beside_an_order_at_hand_is_passed_over() -> None:
    """What can be answered is."""
    at_hand(dispatch("ServiceRequest/order-1", "order-2"), REFUSED)


def test_an_order_out_of_reach_is_named_by_its_type_and_by_what_was_tried() -> None:
    """The words hold no id."""
    with pytest.raises(DataUnavailable) as refusal:
        at_hand(dispatch("ServiceRequest/order-1", patient=None))

    assert str(refusal.value) == (
        "what the hook is about was not sent and could not be read from the EHR: ServiceRequest is "
        "not in `prefetch`, whose keys are `patient`, `coverage`; the query `ServiceRequest/{id}` "
        "was not made: the request has no `fhirServer`"
    )
