"""Indications: what each kind of order is for, and what of it could not be told."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hook_requests import coverage, patient, service_request

from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import read_order
from cds_service.fhir.coding import ICD_10_CM
from cds_service.fhir.dates import Days
from cds_service.policy.language.collection import causes_of, is_open
from cds_service.policy.run.evaluation import Evaluation

JsonObject = dict[str, Any]

TODAY = Days(date(2026, 11, 20), date(2026, 11, 20))
MEMBER = {"reference": "Patient/member-1"}
SNOMED = "http://snomed.info/sct"


def concept(code: str = "I48.91", system: str = ICD_10_CM) -> JsonObject:
    return {"coding": [{"system": system, "code": code}]}


AF = {"resourceType": "Condition", "id": "af", "subject": MEMBER, "code": concept()}
BY_REFERENCE: JsonObject = {"reasonReference": [{"reference": "Condition/af"}]}


def evaluate(order: JsonObject, *resources: JsonObject) -> Evaluation:
    chart = index_chart(
        [Found(resource) for resource in (order, patient(), *resources)], patient_id="member-1"
    )
    member = Membership(coverage=coverage(), coverage_key=None, payer=None, plan=None, patient=None)
    return Evaluation(read_order(order), member, TODAY, chart)


def codes(evaluation: Evaluation) -> list[str]:
    return [coding["code"] for coding in evaluation.variable("indications")]


@pytest.mark.parametrize(
    "kind",
    ["ServiceRequest", "DeviceRequest", "MedicationRequest", "CommunicationRequest", "Encounter"],
)
def test_the_reasons_of_every_kind_of_order_are_its_indications(kind: str) -> None:
    """As codes, and as references to what holds them."""
    coded = {**service_request(), "resourceType": kind, "reasonCode": [concept("I10")]}

    assert codes(evaluate(coded)) == ["I10"]
    assert codes(evaluate({**coded, **BY_REFERENCE}, AF)) == ["I10", "I48.91"]


def test_an_appointment_has_them_by_reference_alone() -> None:
    """CRD's profile promises no reasonCode of an Appointment (CRD conf-8)."""
    appointment = {"resourceType": "Appointment", "id": "a", "reasonCode": [concept()]}

    assert is_open(evaluate(appointment).variable("indications"))
    assert codes(evaluate({**appointment, **BY_REFERENCE}, AF)) == ["I48.91"]


def test_an_encounters_diagnoses_are_indications() -> None:
    """Encounter.diagnosis.condition is must-support."""
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "diagnosis": [{"condition": {"reference": "Condition/af"}}],
    }

    assert codes(evaluate(encounter, AF)) == ["I48.91"]


@pytest.mark.parametrize("kind", ["NutritionOrder", "VisionPrescription"])
def test_an_order_that_has_no_place_for_reasons_leaves_them_open(kind: str) -> None:
    """Nobody may say that there is none."""
    order = {"resourceType": kind, "id": "order-1"}

    assert causes_of(evaluate(order).variable("indications")) == (
        "the order states no coded diagnosis",
    )


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Condition", "code": concept()}, ["I48.91"]),
        (
            {
                "resourceType": "Observation",
                "code": concept("8867-4", "http://loinc.org"),
                "valueCodeableConcept": concept(),
            },
            ["8867-4", "I48.91"],
        ),
        (
            {
                "resourceType": "DiagnosticReport",
                "code": concept("1", "s"),
                "conclusionCode": [concept()],
            },
            ["1", "I48.91"],
        ),
        ({"resourceType": "DocumentReference", "type": concept("2", "s")}, ["2"]),
    ],
    ids=["Condition", "Observation", "DiagnosticReport", "DocumentReference"],
)
def test_what_a_reason_refers_to_says_what_it_found(
    resource: JsonObject, expected: list[str]
) -> None:
    """Wherever its type keeps it."""
    reference = f"{resource['resourceType']}/r"
    order = service_request(reasonReference=[{"reference": reference}])

    assert codes(evaluate(order, {**resource, "id": "r", "subject": MEMBER})) == expected


def test_a_contained_reason_is_read() -> None:
    """All but the patient may arrive contained (CRD profiles)."""
    contained = {key: value for key, value in AF.items() if key != "subject"}
    order = service_request(contained=[contained], reasonReference=[{"reference": "#af"}])

    assert codes(evaluate(order)) == ["I48.91"]


@pytest.mark.parametrize(
    ("elements", "resources", "cause"),
    [
        ({}, [], "the order states no coded diagnosis"),
        ({"reasonCode": []}, [], "the order states no coded diagnosis"),
        (
            {"reasonCode": [{"text": "atrial fibrillation"}]},
            [],
            "a diagnosis on the order is not coded",
        ),
        (
            {"reasonCode": [concept("I10"), {"text": "palpitations"}]},
            [],
            "a diagnosis on the order is not coded",
        ),
        (BY_REFERENCE, [], "a Condition that is referred to is not at hand"),
        (
            BY_REFERENCE,
            [{**AF, "subject": {"reference": "Patient/other"}}],
            "a Condition that is referred to is not at hand",
        ),
        (
            BY_REFERENCE,
            [{**AF, "verificationStatus": concept("refuted", "s")}],
            "a diagnosis on the order is not coded",
        ),
        (
            {"reasonReference": [{"display": "AF"}]},
            [],
            "a resource that is referred to is not at hand",
        ),
    ],
    ids=["none", "empty", "words", "one in words", "not read", "another's", "refuted", "display"],
)
def test_what_cannot_be_told_leaves_the_indications_open(
    elements: JsonObject, resources: Iterable[JsonObject], cause: str
) -> None:
    """A diagnosis that is merely written differently must not be read as none."""
    indications = evaluate(service_request(**elements), *resources).variable("indications")

    assert causes_of(indications) == (cause,)


def test_each_coding_knows_where_it_was_read() -> None:
    """For the explanation."""
    order = service_request(reasonCode=[concept("I10")], **BY_REFERENCE)

    sources = [coding.source for coding in evaluate(order, AF).variable("indications")]
    assert sources == ["reasonCode", "Condition/af"]


def test_what_is_not_at_hand_is_asked_for_once() -> None:
    """A read of the reason, and nothing else."""
    evaluation = evaluate(service_request(**BY_REFERENCE))
    evaluation.variable("indications")
    evaluation.variable("indications")

    assert list(evaluation.needs) == ["Condition/af"]
