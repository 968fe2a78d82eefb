"""CRD page Foundation, section on prefetch: templates, queries, and what missing data means."""

import re

import pytest
from every_hook import (
    EHR_BASE,
    HOOK_NAMES,
    ORDER_HOOKS,
    PRIMARY,
    TOKEN,
    VERSIONS,
    JsonObject,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    covered,
    facts,
    minimal_orders,
    reference,
    with_token,
)
from hook_requests import coverage, patient, payer_by_reference
from scripted_ehr import ScriptedEhr

from cds_service.crd.request.hooks import HOOKS

BY_REFERENCE, PAYER = payer_by_reference()
ALTERNATE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
# The guide's standard expressions for the data used here (its CRDServices example).
_REQUESTS = [
    "CommunicationRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
]
_DISPATCHED = {
    f"{kind}?_id={{{{context.dispatchedOrders.resolve().ofType({kind}).id}}}}" for kind in _REQUESTS
}
_DRAFTED = {
    "Device?_id={{context.draftOrders.entry.resource.ofType(DeviceRequest).code.resolve().id}}",
    "Medication?_id={{context.draftOrders.entry.resource.ofType(MedicationRequest)"
    ".medication.resolve().id}}",
}
_REQUESTED = {
    "Device?_id={{%deviceRequests.entry.resource.code.resolve().id}}",
    "Medication?_id={{%medicationRequests.entry.resource.medication.resolve().id}}",
}
_BASED_ON = "context.appointments.entry.resource.basedOn"
_BOOKED = {
    f"ServiceRequest?_id={{{{{_BASED_ON}.resolve().ofType(ServiceRequest).id}}}}",
    *(
        f"{kind}?_id={{{{{_BASED_ON}.extension('{ALTERNATE}').value.resolve().ofType({kind}).id}}}}"
        for kind in ("DeviceRequest", "MedicationRequest")
    ),
}
_EVERYWHERE = {
    "Patient/{{context.patientId}}",
    "Coverage?patient={{context.patientId}}&status=active",
}
_ENCOUNTER = {"Encounter/{{context.encounterId}}"}
STANDARD = {
    "order-sign": _DRAFTED,
    "order-select": _DRAFTED,
    "order-dispatch": _DISPATCHED | _REQUESTED,
    "appointment-book": _BOOKED | _REQUESTED,
    "encounter-start": _ENCOUNTER,
    "encounter-discharge": _ENCOUNTER,
}


def everything(hook: str) -> tuple[list[JsonObject], list[JsonObject]]:
    """Resources that make the hook need all data it ever needs, and what the EHR holds of them."""
    orders = minimal_orders()
    for kind, element, coded_by in (
        ("DeviceRequest", "code", "Device"),
        ("MedicationRequest", "medication", "Medication"),
    ):
        del orders[kind][f"{element}CodeableConcept"]
        orders[kind][f"{element}Reference"] = {"reference": f"{coded_by}/1"}
    coded: list[JsonObject] = [
        {"resourceType": kind, "id": "1"} for kind in ("Device", "Medication")
    ]
    if hook == "appointment-book":
        booked = [orders[kind] for kind in ("ServiceRequest", "DeviceRequest", "MedicationRequest")]
        service, *others = booked
        based_on = [{"reference": reference(service)}, *map(_alternate, others)]
        return [appointment(basedOn=based_on)], [*booked, *coded]
    about = list(orders.values()) if hook in ORDER_HOOKS else [asked_about(hook)]
    return about, [*about, *coded]


def _alternate(order: JsonObject) -> JsonObject:
    return {"extension": [{"url": ALTERNATE, "valueReference": {"reference": reference(order)}}]}


def kind_of(query: str) -> str:
    """The resource type a template or a query asks for."""
    return re.split(r"[/?]", query)[0]


@pytest.mark.crd("found-24", "found-5", "resp-39")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_answer_is_the_same_however_the_data_comes(hook: str, version: str) -> None:
    """Prefetch, queries or both lead to one response; no form asks for what could be read.

    So does a prefetch of bare resources, as a read brings them.
    """
    about = asked_about(hook)
    held = [patient(), BY_REFERENCE, PAYER, about]
    sent = ask(call(hook, about, version=version, member=held))
    queried = ask(
        {**with_token(call(hook, about, version=version)), "prefetch": {}}, ehr=ScriptedEhr(held)
    )
    both = ask(
        with_token(call(hook, about, version=version, member=[BY_REFERENCE])), ehr=ScriptedEhr(held)
    )

    read = {resource["resourceType"].lower(): resource for resource in held}
    as_read = ask({**call(hook, about, version=version), "prefetch": read})

    assert facts(sent) == facts(queried) == facts(both) == facts(as_read)
    assert covered(sent) == ["not-covered"]
    assert "doc-needed" not in annotations(queried)[0]


@pytest.mark.crd("found-29")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_the_guide_has_an_expression_for_is_asked_with_it(hook: str) -> None:
    """All templates are the guide's, but for the payer's Organization, which has none there."""
    templates = {template for key, template in HOOKS[hook].prefetch if key != "payers"}

    assert templates == _EVERYWHERE | STANDARD[hook]


@pytest.mark.crd("found-26", "found-5")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_more_is_prefetched_than_would_be_queried(hook: str) -> None:
    """The types in discovery are those that the service queries if nothing was sent."""
    about, held = everything(hook)
    ehr = ScriptedEhr([patient(), BY_REFERENCE, PAYER, *held])
    ask({**with_token(call(hook, *about)), "prefetch": {}}, ehr=ehr)
    templates = {kind_of(template) for _, template in HOOKS[hook].prefetch}
    in_context = set() if hook in ("order-dispatch", "appointment-book") else set(_REQUESTS)

    assert {kind_of(query) for query in ehr.queries} == templates - in_context


@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_a_code_kept_elsewhere_is_queried_only_where_an_order_points_to_it(hook: str) -> None:
    """An order with its own code leads to no query; one that names a Medication leads to one."""
    drug = {
        **minimal_orders()["MedicationRequest"],
        "medicationReference": {"reference": "Medication/m"},
    }
    del drug["medicationCodeableConcept"]
    plain, pointing = ScriptedEhr(), ScriptedEhr()
    ask(with_token(call(hook)), ehr=plain)
    ask(with_token(call(hook, drug)), ehr=pointing)

    assert plain.queries == []
    assert pointing.queries == ["Medication/m"]


@pytest.mark.crd("sec-5")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_queries_go_to_the_ehr_of_the_call_with_its_token(hook: str) -> None:
    """All queries go to the call's FHIR server with the call's token."""
    ehr = ScriptedEhr([patient(), coverage(), asked_about(hook)])
    ask({**with_token(call(hook)), "prefetch": {}}, ehr=ehr)

    assert {(access.base, access.token) for access in ehr.accesses} == {(EHR_BASE, TOKEN)}


@pytest.mark.crd("found-32")
@pytest.mark.parametrize("hook", PRIMARY)
def test_a_record_without_what_we_would_have_liked_is_answered(hook: str) -> None:
    """Without plan, state and code there is coverage information still, with a reason."""
    about = asked_about(hook)
    bare = {name: value for name, value in about.items() if name not in ("code", "serviceType")}
    response = ask(
        call(
            hook,
            bare,
            member=[coverage("anthem", None), {"resourceType": "Patient", "id": "member-1"}],
        )
    )

    assert covered(response) == ["indeterminate"]
    assert annotations(response)[0]["reason"][0]["text"]
