"""CRD page Conformance Expectations: the must-support elements that this service reads itself."""

import pytest
from complete_resources import (
    ASKED,
    REQUESTS,
    complete_orders,
    concept_of,
    index_of,
    member,
    refusing,
    rule_for,
)
from every_hook import PRIMARY, JsonObject, ask, call, covered, updates
from small_library import applicability

from cds_service.policy.run.index import PolicyIndex

LONG_AGO = "2019-06-01"  # before any policy here was in force
UNCODED: JsonObject = {"text": "something"}
# Elements that say when a service is, of each kind: without them or with another date the answer
# is another.
WHEN: tuple[tuple[str, JsonObject], ...] = (
    ("ServiceRequest", {"occurrenceDateTime": LONG_AGO}),
    ("ServiceRequest", {"occurrencePeriod": {"start": LONG_AGO}}),
    ("ServiceRequest", {"occurrenceTiming": {"event": [LONG_AGO]}}),
    ("ServiceRequest", {"authoredOn": LONG_AGO}),
    ("DeviceRequest", {"occurrenceDateTime": LONG_AGO}),
    ("DeviceRequest", {"occurrencePeriod": {"start": LONG_AGO}}),
    ("DeviceRequest", {"occurrenceTiming": {"repeat": {"boundsPeriod": {"start": LONG_AGO}}}}),
    ("CommunicationRequest", {"occurrenceDateTime": LONG_AGO}),
    ("CommunicationRequest", {"occurrencePeriod": {"start": LONG_AGO}}),
    ("MedicationRequest", {"authoredOn": LONG_AGO}),
    ("NutritionOrder", {"dateTime": LONG_AGO}),
    ("VisionPrescription", {"dateWritten": LONG_AGO}),
    ("Appointment", {"start": f"{LONG_AGO}T10:00:00Z"}),
    ("Appointment", {"requestedPeriod": [{"start": LONG_AGO}]}),
    ("Encounter", {"period": {"start": LONG_AGO}}),
)
_DATES = ("occurrenceDateTime", "occurrencePeriod", "start", "end", "requestedPeriod")
HOOK_OF = {kind: hook for hook, kind in reversed(ASKED)}
# Where an order keeps what it is for, each alone enough.
WHY: tuple[tuple[str, str], ...] = (
    *((kind, "reasonCode") for kind in REQUESTS[:3]),
    *((kind, "reasonReference") for kind in REQUESTS[:3]),
    ("CommunicationRequest", "reasonCode"),
    ("CommunicationRequest", "reasonReference"),
    ("Appointment", "reasonReference"),
    ("Encounter", "reasonCode"),
    ("Encounter", "reasonReference"),
    ("Encounter", "diagnosis"),
)
ILLNESS = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C22.0"}]}
DIAGNOSIS = {
    "resourceType": "Condition",
    "id": "diagnosis-1",
    "code": ILLNESS,
    "subject": {"reference": "Patient/member-1"},
}


def determined(
    hook: str, order: JsonObject, *sent: JsonObject, index: PolicyIndex | None = None
) -> list[str]:
    """What a payer, who refuses if not said otherwise, determines for an order."""
    request = call(hook, order, member=member(period=None), sent=sent)
    return covered(ask(request, index=index or refusing()))


def undecided(hook: str) -> list[str]:
    """What is determined where no policy addresses an order."""
    return ["indeterminate"] if hook in PRIMARY else []


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_the_code_of_each_kind_of_order_is_used(hook: str, kind: str) -> None:
    """A policy that lists it decides, and another code leads to no policy."""
    order, other = complete_orders()[kind], complete_orders()[kind]
    concept_of(other)["coding"][0]["code"] = "another"

    assert determined(hook, order) == ["not-covered"]
    assert determined(hook, other) == undecided(hook)


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(
    ("kind", "name", "behind", "place"),
    [
        ("MedicationRequest", "medication", "Medication", "code"),
        ("DeviceRequest", "code", "Device", "type"),
    ],
)
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
def test_the_code_behind_a_reference_is_used(
    hook: str, kind: str, name: str, behind: str, place: str
) -> None:
    """Of the Medication or the Device that an order points to."""
    order = complete_orders()[kind]
    held = {"resourceType": behind, "id": "1", place: order.pop(f"{name}CodeableConcept")}
    order[f"{name}Reference"] = {"reference": f"{behind}/1"}
    other = {**held, place: UNCODED}

    assert determined(hook, order, held) == ["not-covered"]
    assert determined(hook, order, other) == undecided(hook)


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("extended", [False, True], ids=["basedOn", "alternate-reference"])
def test_the_order_behind_an_appointment_is_used(extended: bool) -> None:
    """The appointment itself is not coded; what it is for is, and is what gets updated."""
    kind = "MedicationRequest" if extended else "ServiceRequest"
    booked, order = complete_orders()["Appointment"], complete_orders()[kind]
    reference = {"reference": f"{kind}/{order['id']}"}
    url = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
    alternate = {"extension": [{"url": url, "valueReference": reference}]}
    booked.update(serviceType=[UNCODED], basedOn=[alternate if extended else reference])
    request = call("appointment-book", booked, member=member(), sent=[order])
    response = ask(request, index=refusing())

    assert [updated["id"] for updated in updates(response)] == [order["id"]]
    assert covered(response) == ["not-covered"]


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(
    ("hook", "kind", "dated"),
    [(hook, kind, dated) for hook, asked in ASKED for kind, dated in WHEN if kind == asked],
)
def test_each_element_that_says_when_is_used(hook: str, kind: str, dated: JsonObject) -> None:
    """What was then is not decided by a policy of today."""
    order = complete_orders()[kind]
    other = {name: value for name, value in order.items() if name not in _DATES}

    assert determined(hook, order) == ["not-covered"]
    assert determined(hook, {**other, **dated}) == undecided(hook)


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
def test_an_order_not_to_do_something_is_understood(hook: str) -> None:
    """Nothing is determined for what is not to be done."""
    order = complete_orders()["ServiceRequest"]
    other = {**order, "doNotPerform": True}

    assert determined(hook, order) == ["not-covered"]
    assert determined(hook, other) == []


@pytest.fixture(scope="module")
def of_the_illness() -> PolicyIndex:
    """Rules that refuse for one diagnosis."""
    asked = applicability("%indications.where(code = 'C22.0').exists()")
    return index_of(rule_for(kind, condition=[asked]) for kind in REQUESTS)


@pytest.mark.crd("conf-4")
@pytest.mark.parametrize(("kind", "name"), WHY)
def test_each_element_that_says_what_for_is_used(
    of_the_illness: PolicyIndex, kind: str, name: str
) -> None:
    """One is enough, and without any a rule that asks cannot decide."""
    order = complete_orders()[kind]
    bare = {key: order[key] for key in order if key not in {element for _, element in WHY}}
    asked = {**bare, name: order[name]}

    assert determined(HOOK_OF[kind], asked, DIAGNOSIS, index=of_the_illness) == ["not-covered"]
    assert determined(HOOK_OF[kind], bare, DIAGNOSIS, index=of_the_illness) == ["conditional"]
