"""Crowds: sound calls that name many of one thing, or of two things that meet each other."""

from collections.abc import Callable
from typing import Any

from every_hook import (
    BILLING_OPTIONS,
    LISTED,
    MEMBERS,
    PAYLOAD,
    UNLISTED,
    appointment,
    call,
    encounter,
    minimal_orders,
    reference,
    with_token,
)
from hook_requests import bundle, coverage, patient, service_request

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.crd.request.requested_orders import ALTERNATE_REFERENCE
from cds_service.fhir.coding import CPT, ICD_10_CM

JsonObject = dict[str, Any]
Crowd = Callable[[int], JsonObject]

LOCAL_SYSTEM = "urn:oid:1.3.6.1.4.1.99999.1"


def numbered(resource: JsonObject, many: int) -> list[JsonObject]:
    """Resources alike but for their ids."""
    return [{**resource, "id": f"number-{number}"} for number in range(many)]


def many_codings(many: int, code: str = "", first: int = 0) -> list[JsonObject]:
    """Codings with a display each, of one code or of as many."""
    numbers = range(first, first + many)
    return [{"system": CPT, "code": code or f"{n:05}", "display": f"words {n}"} for n in numbers]


def many_identifiers(many: int) -> list[JsonObject]:
    """Identifiers in one system."""
    return [{"system": LOCAL_SYSTEM, "value": str(number)} for number in range(many)]


def ways_of_billing(codings: list[JsonObject]) -> list[JsonObject]:
    """A billing option for each coding."""
    return [
        {"url": BILLING_OPTIONS, "valueCodeableConcept": {"coding": [coding]}} for coding in codings
    ]


def order_without_code(kind: str, **elements: Any) -> JsonObject:
    """An order of any kind, to which these elements give its code."""
    order = minimal_orders()[kind]
    uncoded = {name: value for name, value in order.items() if "CodeableConcept" not in name}
    return {**uncoded, **elements}


def coded(**code: Any) -> JsonObject:
    """An order with this CodeableConcept."""
    return {**service_request(), "code": code}


def commercial(hook: str, *asked: JsonObject, **envelope: Any) -> JsonObject:
    """A call about a member whose payer reads an order's words."""
    return call(hook, *asked, member=MEMBERS["commercial"], **envelope)


def alternate(target: str) -> JsonObject:
    """A `basedOn` for an order that is no ServiceRequest (CRD, Appointment profile)."""
    return {"extension": [{"url": ALTERNATE_REFERENCE, "valueReference": {"reference": target}}]}


# Orders


def orders(many: int) -> JsonObject:
    return call("order-sign", *numbered(service_request(), many))


def copies_of_an_order(many: int) -> JsonObject:
    return call("order-sign", *[service_request()] * many)


def orders_without_id(many: int) -> JsonObject:
    nameless = {name: value for name, value in service_request().items() if name != "id"}
    request = call("order-sign")
    request["context"]["draftOrders"] = bundle(*[nameless] * many)
    return request


def orders_of_several_coverages(many: int) -> JsonObject:
    member = [patient(), *numbered(coverage(), many)]
    return call("order-sign", *numbered(service_request(), many), version=None, member=member)


def drafts_beside_the_selected_one(many: int) -> JsonObject:
    drafts = numbered(service_request(), many)
    request = call("order-select", *drafts)
    request["context"]["selections"] = [f"ServiceRequest/{drafts[0]['id']}"]
    return request


def selections(many: int) -> JsonObject:
    request = call("order-select")
    request["context"]["selections"] *= many
    return request


# Codes and words


def codings(many: int) -> JsonObject:
    return call("order-sign", coded(coding=many_codings(many)))


def codings_a_policy_lists(many: int) -> JsonObject:
    return call("order-sign", coded(coding=many_codings(many, LISTED)))


def displays_a_policy_reads(many: int) -> JsonObject:
    return commercial("order-sign", coded(coding=many_codings(many, UNLISTED)))


def billing_options(many: int) -> JsonObject:
    options = ways_of_billing(many_codings(many - 1))
    return commercial("order-sign", coded(coding=many_codings(1, UNLISTED), extension=options))


def billing_options_a_policy_lists(many: int) -> JsonObject:
    options = ways_of_billing(many_codings(many - 1, LISTED))
    return commercial("order-sign", coded(coding=many_codings(1, UNLISTED), extension=options))


def billing_options_and_codings(many: int) -> JsonObject:
    half = many // 2
    options = ways_of_billing(many_codings(half, first=50_000))
    return commercial("order-sign", coded(coding=many_codings(half), extension=options))


def lenses(many: int) -> JsonObject:
    products = [{"product": {"coding": [coding]}} for coding in many_codings(many)]
    order = order_without_code("VisionPrescription", lensSpecification=products)
    return call("order-sign", order, version="2.1")


def payloads(many: int) -> JsonObject:
    contents = [
        {"url": PAYLOAD, "valueCodeableConcept": {"coding": [coding]}}
        for coding in many_codings(many)
    ]
    payload = [{"extension": [content]} for content in contents]
    return call("order-sign", order_without_code("CommunicationRequest", payload=payload))


def diets(many: int) -> JsonObject:
    diet = {"type": [{"coding": [coding]} for coding in many_codings(many)]}
    return call("order-sign", order_without_code("NutritionOrder", oralDiet=diet))


def types_of_an_encounter(many: int) -> JsonObject:
    types = [{"coding": [coding]} for coding in many_codings(many)]
    return call("encounter-start", encounter(type=types))


def words_that_deny_and_affirm(many: int) -> JsonObject:
    text = "not PFA, PFA or IRE, no pulsed field ablation " * many
    return commercial("order-sign", coded(coding=many_codings(1, UNLISTED), text=text))


def words_that_name_a_policy(many: int) -> JsonObject:
    return commercial("order-sign", coded(text="NanoKnife ablation " * many))


def notes_and_details(many: int) -> JsonObject:
    notes = [{"text": f"note {number}: no PFA"} for number in range(many)]
    order = service_request(UNLISTED, note=notes, orderDetail=notes)
    return commercial("order-sign", order)


def reasons(many: int) -> JsonObject:
    diagnoses = [
        {"coding": [{"system": ICD_10_CM, "code": f"C{number}"}]} for number in range(many)
    ]
    return commercial("order-sign", service_request(UNLISTED, reasonCode=diagnoses))


def planned_events(many: int) -> JsonObject:
    events = {"event": ["some day"] * many}
    return call("order-sign", service_request(occurrenceTiming=events))


# Extensions


def earlier_answers(many: int) -> JsonObject:
    earlier = [stated("coverage-1", words=f"reason {number}") for number in range(many)]
    return call("order-sign", service_request(extension=earlier))


def earlier_answers_of_others(many: int) -> JsonObject:
    others = [stated(f"other-{number}") for number in range(many)]
    return call("order-sign", service_request(extension=others))


def parts_of_an_earlier_answer(many: int) -> JsonObject:
    earlier = stated("coverage-1")
    earlier["extension"] += [{"url": "covered", "valueCode": "covered"}] * many
    return call("order-sign", service_request(extension=[earlier]))


def stated(coverage_id: str, words: str = "because") -> JsonObject:
    """A coverage-information that an order carries already."""
    named = {"url": "coverage", "valueReference": {"reference": f"Coverage/{coverage_id}"}}
    covered = {"url": "covered", "valueCode": "covered"}
    reason = {"url": "reason", "valueCodeableConcept": {"text": words}}
    return {"url": COVERAGE_INFORMATION, "extension": [named, covered, reason]}


# References


def contained_medications(many: int) -> JsonObject:
    held = numbered({"resourceType": "Medication", "code": {"coding": many_codings(1)}}, many)
    links = [{"reference": f"#{medication['id']}"} for medication in held]
    order = order_without_code("MedicationRequest", contained=held, medicationReference=links)
    return call("order-sign", order)


def medications_not_at_hand(many: int) -> JsonObject:
    links = [{"reference": f"Medication/{number}"} for number in range(many)]
    order = order_without_code("MedicationRequest", medicationReference=links)
    return with_token(call("order-sign", order))


def references_to_one_medication(many: int) -> JsonObject:
    held = {"resourceType": "Medication", "id": "m", "code": {"coding": many_codings(many)}}
    links = [{"reference": "Medication/m"}] * many
    order = order_without_code("MedicationRequest", medicationReference=links)
    return call("order-sign", order, sent=[held])


def orders_sharing_a_medication(many: int) -> JsonObject:
    return prescribed(many_codings(100), many)


def orders_sharing_a_medication_without_codes(many: int) -> JsonObject:
    empty: list[JsonObject] = [{}] * (10 * many)
    return prescribed(empty, many)


def prescribed(codes: list[JsonObject], many: int) -> JsonObject:
    """A call about orders for one Medication of these codings."""
    held = {"resourceType": "Medication", "id": "m", "code": {"coding": codes}}
    link = {"reference": "Medication/m"}
    order = order_without_code("MedicationRequest", medicationReference=link)
    return call("order-sign", *numbered(order, many), sent=[held])


def dispatched_orders(many: int) -> JsonObject:
    return call("order-dispatch", *numbered(service_request(), many))


def dispatched_orders_looked_for_in_vain(many: int) -> JsonObject:
    request = dispatched_orders(many)
    request["prefetch"]["servicerequest"] = None
    return request


def dispatched_orders_to_ask_for(many: int) -> JsonObject:
    request = dispatched_orders(many)
    del request["prefetch"]["servicerequest"]
    return with_token(request)


def dispatches_of_one_appointment(many: int) -> JsonObject:
    behind = [{"reference": f"ServiceRequest/{number}"} for number in range(many)]
    request = call("order-dispatch", appointment(basedOn=behind))
    request["context"]["dispatchedOrders"] *= many
    return request


def appointments(many: int) -> JsonObject:
    return call("appointment-book", *numbered(appointment(), many))


def appointments_for_orders_named_by_identifier(many: int) -> JsonObject:
    named = [
        {**booked, "basedOn": [{"identifier": identifier}]}
        for booked, identifier in zip(
            numbered(appointment(), many), many_identifiers(many), strict=True
        )
    ]
    return call("appointment-book", *named)


def orders_behind_an_appointment(many: int) -> JsonObject:
    ordered = numbered(service_request(), many)
    links = [{"reference": reference(order)} for order in ordered]
    return call("appointment-book", appointment(basedOn=links), sent=ordered)


def contained_orders_behind_an_appointment(many: int) -> JsonObject:
    held = numbered(service_request(), many)
    links = [{"reference": f"#{order['id']}"} for order in held]
    return call("appointment-book", appointment(basedOn=links, contained=held))


def contained_orders_behind_an_older_clients_appointment(many: int) -> JsonObject:
    return {**contained_orders_behind_an_appointment(many), "extension": {}}


def participants_of_an_appointment_that_contains_patients(many: int) -> JsonObject:
    held = patients(many)
    actors = [{"actor": {"display": f"Doctor {number}"}} for number in range(10 * many)]
    return call("appointment-book", appointment(contained=held, participant=actors))


def participants_of_an_appointment_booked_often(many: int) -> JsonObject:
    actors = [{"actor": {"reference": f"Practitioner/{number}"}} for number in range(many)]
    behind = appointment(id="behind", participant=actors)
    links = [alternate("Appointment/behind")] * many
    return call("appointment-book", appointment(basedOn=links), sent=[behind])


def medications_of_an_order_behind_many_appointments(many: int) -> JsonObject:
    medications = [{"reference": f"Medication/{number}"} for number in range(many)]
    behind = order_without_code("MedicationRequest", medicationReference=medications)
    links = [alternate(reference(behind))] * many
    return with_token(call("appointment-book", appointment(basedOn=links), sent=[behind]))


def codings_of_an_order_behind_an_older_clients_appointment(many: int) -> JsonObject:
    behind = coded(coding=many_codings(many))
    links = [{"reference": reference(behind)}] * many
    booked = appointment(basedOn=links)
    return call("appointment-book", booked, sent=[behind], version=None)


def alternates_of_a_reference(many: int) -> JsonObject:
    link = {"extension": alternate("DeviceRequest/unknown")["extension"] * many}
    return call("appointment-book", appointment(basedOn=[link]))


def identifiers_of_a_reference(many: int) -> JsonObject:
    return call("appointment-book", appointment(basedOn=[{"identifier": many_identifiers(many)}]))


def contained_patients(many: int) -> JsonObject:
    held = patients(many)
    subjects = [{"reference": f"#{held_patient['id']}"} for held_patient in held]
    order = service_request(contained=held, subject=subjects)
    member = [patient(identifier=many_identifiers(many)), coverage()]
    return call("order-sign", order, member=member)


def patients(many: int) -> list[JsonObject]:
    """Patients to contain, who have an identifier each."""
    return [
        {"resourceType": "Patient", "id": f"p-{number}", "identifier": [identifier]}
        for number, identifier in enumerate(many_identifiers(many))
    ]


# The member


def coverages(many: int) -> JsonObject:
    return call("order-sign", member=[patient(), *numbered(coverage(), many)])


def coverages_of_an_older_client(many: int) -> JsonObject:
    return call("order-sign", version=None, member=[patient(), *numbered(coverage(), many)])


def coverages_and_addresses(many: int) -> JsonObject:
    addresses = [{"state": f"State {number}"} for number in range(many)]
    member = [patient(address=addresses), *numbered(coverage(), many)]
    return call("order-sign", version=None, member=member)


def coverages_of_a_payer_with_identifiers(many: int) -> JsonObject:
    unknown = {"resourceType": "Organization", "id": "o", "identifier": many_identifiers(many)}
    pointing = coverage(payor=[{"reference": "Organization/o"}])
    member = [patient(), *numbered(pointing, many)]
    return call("order-sign", version=None, member=member, sent=[unknown])


def coverages_of_a_patient_with_identifiers(many: int) -> JsonObject:
    member = [
        {**held, "beneficiary": {"identifier": identifier}}
        for held, identifier in zip(numbered(coverage(), many), many_identifiers(many), strict=True)
    ]
    named = patient(identifier=many_identifiers(many))
    return call("order-sign", version=None, member=[named, *member])


def types_of_a_coverage(many: int) -> JsonObject:
    return of_coverage(type={"coding": many_codings(many)})


def classes_of_a_coverage(many: int) -> JsonObject:
    system = "http://terminology.hl7.org/CodeSystem/coverage-class"
    kind = {"coding": [{"system": system, "code": "plan"}]}
    return of_coverage(**{"class": [{"type": kind, "value": str(n)} for n in range(many)]})


def payors_of_a_coverage(many: int) -> JsonObject:
    return of_coverage(payor=coverage()["payor"] * many)


def identifiers_of_a_payor(many: int) -> JsonObject:
    identifiers = [*many_identifiers(many), coverage()["payor"][0]["identifier"]]
    return of_coverage(payor=[{"identifier": identifiers}])


def of_coverage(**elements: Any) -> JsonObject:
    """A call about the member of one Coverage."""
    return call("order-sign", member=[patient(), coverage(**elements)])


def addresses(many: int) -> JsonObject:
    states = [{"state": f"State {number}"} for number in range(many)]
    member = [patient(address=states), MEMBERS["california"][1]]
    return call("order-sign", member=member)


# Prefetch and settings


def prefetch_keys(many: int) -> JsonObject:
    request = call("order-sign")
    request["prefetch"].update({f"coverage{number}": None for number in range(many)})
    return request


def prefetch_keys_that_failed(many: int) -> JsonObject:
    request = call("order-sign")
    failed = {"resourceType": "OperationOutcome"}
    request["prefetch"].update({f"payers{number}": failed for number in range(many)})
    return request


def resources(many: int) -> JsonObject:
    return call("order-sign", sent=observations(many, "member-1"))


def resources_of_another_patient(many: int) -> JsonObject:
    return call("order-sign", sent=observations(many, "another"))


def observations(many: int, patient_id: str) -> list[JsonObject]:
    """Resources that no policy reads."""
    subject = {"reference": f"Patient/{patient_id}"}
    observed = {"resourceType": "Observation", "subject": subject}
    return [
        {**resource, "identifier": [identifier]}
        for resource, identifier in zip(
            numbered(observed, many), many_identifiers(many), strict=True
        )
    ]


def settings(many: int) -> JsonObject:
    return call("order-sign", settings={f"setting-{number}": number for number in range(many)})


# Each with few of it; ten times as many are within the limits of a call.
CROWDS: dict[Crowd, int] = {
    orders: 25,
    copies_of_an_order: 100,
    orders_without_id: 25,
    orders_of_several_coverages: 10,
    drafts_beside_the_selected_one: 25,
    selections: 100,
    codings: 100,
    codings_a_policy_lists: 100,
    displays_a_policy_reads: 100,
    billing_options: 100,
    billing_options_a_policy_lists: 100,
    billing_options_and_codings: 100,
    lenses: 100,
    payloads: 100,
    diets: 100,
    types_of_an_encounter: 90,
    words_that_deny_and_affirm: 100,
    words_that_name_a_policy: 100,
    notes_and_details: 100,
    reasons: 100,
    planned_events: 100,
    earlier_answers: 100,
    earlier_answers_of_others: 100,
    parts_of_an_earlier_answer: 100,
    contained_medications: 25,
    medications_not_at_hand: 100,
    references_to_one_medication: 100,
    orders_sharing_a_medication: 10,
    orders_sharing_a_medication_without_codes: 25,
    dispatched_orders: 25,
    dispatched_orders_looked_for_in_vain: 50,
    dispatched_orders_to_ask_for: 50,
    dispatches_of_one_appointment: 20,
    appointments: 25,
    appointments_for_orders_named_by_identifier: 25,
    orders_behind_an_appointment: 25,
    contained_orders_behind_an_appointment: 25,
    contained_orders_behind_an_older_clients_appointment: 25,
    participants_of_an_appointment_that_contains_patients: 25,
    participants_of_an_appointment_booked_often: 50,
    medications_of_an_order_behind_many_appointments: 50,
    codings_of_an_order_behind_an_older_clients_appointment: 50,
    alternates_of_a_reference: 100,
    identifiers_of_a_reference: 100,
    contained_patients: 25,
    coverages: 100,
    coverages_of_an_older_client: 100,
    coverages_and_addresses: 100,
    coverages_of_a_payer_with_identifiers: 100,
    coverages_of_a_patient_with_identifiers: 100,
    types_of_a_coverage: 100,
    classes_of_a_coverage: 100,
    payors_of_a_coverage: 100,
    identifiers_of_a_payor: 100,
    addresses: 100,
    prefetch_keys: 100,
    prefetch_keys_that_failed: 100,
    resources: 100,
    resources_of_another_patient: 100,
    settings: 100,
}
