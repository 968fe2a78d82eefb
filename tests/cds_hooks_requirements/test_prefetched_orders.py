"""CDS Hooks, Providing FHIR Resources: what a hook is about, its codes and payer, not to be had.

Beside Patient and Coverage these are what a call may need: each is queried where it did not come,
and not where the client has looked for it in vain.
"""

import pytest
from every_hook import (
    HOOK_NAMES,
    JsonObject,
    appointment,
    asked_about,
    call,
    concept,
    covered,
    facts,
    minimal_orders,
    reference,
    status_of,
    with_token,
)
from every_hook import ask as answer_of
from hook_requests import coverage, patient
from scripted_ehr import ScriptedEhr

NOTHING = [None, {"resourceType": "Bundle", "type": "searchset"}]
BY_REFERENCE = coverage(payor=[{"reference": "Organization/payer"}])
PAYER: JsonObject = {
    "resourceType": "Organization",
    "id": "payer",
    "identifier": coverage()["payor"][0]["identifier"],
}
MEMBER = (patient(), coverage())
MEDICATION: JsonObject = {"resourceType": "Medication", "id": "drug", "code": concept()}
DEVICE: JsonObject = {"resourceType": "Device", "id": "aid", "type": concept()}


def ordered(kind: str, name: str, target: JsonObject) -> JsonObject:
    """An order whose code stands on another resource."""
    order = {key: value for key, value in minimal_orders()[kind].items() if "Concept" not in key}
    return {**order, name: {"reference": reference(target)}}


DRUG = ordered("MedicationRequest", "medicationReference", MEDICATION)
AID = ordered("DeviceRequest", "codeReference", DEVICE)


def calling(hook: str, *asked: JsonObject, **more: object) -> JsonObject:
    """A call that may query and brings the member alone, and whatever else under these keys."""
    request = with_token(call(hook, *asked))
    member = {key: request["prefetch"][key] for key in ("patient", "coverage")}
    return {**request, "prefetch": {**member, **more}}


@pytest.mark.cds_hooks("prefetch-9")
@pytest.mark.parametrize("hook", ["order-dispatch", "encounter-start", "encounter-discharge"])
def test_what_a_context_only_names_is_queried(hook: str) -> None:
    """By its type and id, and nothing else."""
    about = asked_about(hook)
    ehr = ScriptedEhr([about])

    assert covered(answer_of(calling(hook, about), ehr=ehr)) == ["not-covered"]
    assert ehr.queries == [reference(about)]


@pytest.mark.cds_hooks("prefetch-9")
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
@pytest.mark.parametrize(("order", "coded"), [(DRUG, MEDICATION), (AID, DEVICE)])
def test_what_has_an_orders_code_is_queried(
    hook: str, order: JsonObject, coded: JsonObject
) -> None:
    """The Medication or the Device that an order refers to; the answer is as if it had come."""
    ehr = ScriptedEhr([order, coded])
    sent = answer_of(calling(hook, order, codes=coded), ehr=ScriptedEhr([order]))

    assert facts(answer_of(calling(hook, order), ehr=ehr)) == facts(sent)
    assert ehr.queries[-1] == reference(coded)


@pytest.mark.cds_hooks("prefetch-9")
def test_the_order_behind_an_appointment_is_queried() -> None:
    """And answered."""
    order = asked_about("order-sign")
    booked = appointment("99213", basedOn=[{"reference": reference(order)}])
    ehr = ScriptedEhr([order])

    assert covered(answer_of(calling("appointment-book", booked), ehr=ehr)) == ["not-covered"]
    assert ehr.queries == [reference(order)]


@pytest.mark.cds_hooks("prefetch-8")
@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_payer_without_data_is_not_queried_again(hook: str, nothing: JsonObject | None) -> None:
    """The key that discovery has for it was looked up, so its server has none."""
    ehr = ScriptedEhr([PAYER])
    about = asked_about(hook)
    request = with_token(call(hook, about, member=(patient(), BY_REFERENCE)))
    sent = {**request["prefetch"], "payers": nothing}

    assert status_of({**request, "prefetch": sent}, ehr=ehr) != 412
    assert ehr.queries == []


@pytest.mark.cds_hooks("prefetch-8")
@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.parametrize(
    ("hook", "order", "key"),
    [
        ("order-dispatch", asked_about("order-dispatch"), "serviceRequests"),
        ("order-dispatch", DRUG, "medicationRequests"),
        ("order-dispatch", AID, "deviceRequests"),
        *(
            ("order-dispatch", minimal_orders()[kind], f"{kind[0].lower()}{kind[1:]}s")
            for kind in ("CommunicationRequest", "NutritionOrder", "VisionPrescription")
        ),
        ("encounter-start", asked_about("encounter-start"), "encounter"),
        ("encounter-discharge", asked_about("encounter-discharge"), "encounter"),
        ("order-sign", DRUG, "medications"),
        ("order-sign", AID, "devices"),
        ("order-select", DRUG, "medications"),
    ],
)
def test_a_key_without_data_for_what_is_ordered_is_not_queried_again(
    hook: str, order: JsonObject, key: str, nothing: JsonObject | None
) -> None:
    """Nor is it a 412: dispatched orders that are not there are refused as such, with a 422."""
    ehr = ScriptedEhr([order, MEDICATION, DEVICE])
    status = status_of(calling(hook, order, **{key: nothing}), ehr=ehr)

    assert status == (422 if hook == "order-dispatch" else 200)
    assert ehr.queries == []
