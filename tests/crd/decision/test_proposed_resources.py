"""Resources that are proposed: what is replaced, what is taken over, and what fits no profile."""

from typing import Any

import pytest
from every_hook import minimal_orders
from hook_requests import coverage, service_request
from hypothesis import given
from hypothesis import strategies as st
from response_models import resource_problems

from cds_service.crd.codes import COVERAGE_INFORMATION
from cds_service.crd.decision.proposed_resources import created, updated
from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

CODE = {"code": {"text": "another"}}
DRUG = {"medicationCodeableConcept": {"text": "another"}}


def changed(order: JsonObject, elements: JsonObject) -> JsonObject:
    """The updated resource, which there must be."""
    found = updated(order, elements)
    assert found is not None
    return found


def new(
    kind: str, order: JsonObject, elements: JsonObject, *, in_place: bool = False
) -> JsonObject:
    """The created resource, which there must be."""
    found = created(kind, order, elements, in_place=in_place)
    assert found is not None
    return found


@pytest.mark.crd("resp-55")
def test_an_update_changes_nothing_but_what_it_is_about() -> None:
    """Names keep their places, unknown elements too."""
    order = {**service_request(), "unknown": [1.50, None], "note": [{"text": "x"}]}
    back = changed(order, CODE)

    assert encode(back) == encode({**order, **CODE})
    assert list(back) == list(order)


def test_an_update_that_changes_nothing_is_none() -> None:
    """What is so already is not proposed."""
    order = service_request()

    assert updated(order, {"code": order["code"]}) is None


@pytest.mark.crd("resp-25")
def test_an_updated_order_carries_no_coverage_information() -> None:
    """It was determined for the order as it is; other extensions stay."""
    other = {"url": "https://other.invalid", "valueString": "x"}
    told = {"url": COVERAGE_INFORMATION, "extension": [{"url": "covered", "valueCode": "covered"}]}

    assert changed(service_request(extension=[told, other]), CODE)["extension"] == [other]
    assert "extension" not in changed(service_request(extension=[told]), CODE)


@pytest.mark.crd("resp-55")
@pytest.mark.parametrize(
    ("before", "elements", "gone"),
    [
        (
            {"occurrencePeriod": {"start": "2026"}},
            {"occurrenceDateTime": "2027"},
            "occurrencePeriod",
        ),
        (
            {"occurrenceDateTime": "2026", "_occurrenceDateTime": {"id": "x"}},
            {"occurrenceDateTime": "2027"},
            "_occurrenceDateTime",
        ),
        ({"_occurrenceDateTime": {"id": "x"}}, {"occurrencePeriod": {}}, "_occurrenceDateTime"),
        ({"quantityRatio": {"numerator": 1}}, {"quantityQuantity": {"value": 1}}, "quantityRatio"),
        ({"codeReference": {"display": "x"}}, {"codeCodeableConcept": {}}, "codeReference"),
        ({"medicationReference": {"display": "x"}}, DRUG, "medicationReference"),
    ],
)
def test_an_element_drives_out_the_others_of_its_choice(
    before: JsonObject, elements: JsonObject, gone: str
) -> None:
    """R4 allows one of them, and an extension of a value says nothing of another."""
    back = changed(service_request(**before), elements)

    assert gone not in back
    assert elements.items() <= back.items()


@pytest.mark.crd("resp-55")
def test_a_medication_that_is_no_longer_referred_to_is_no_longer_contained() -> None:
    """R4 dom-3: what is contained is referred to; what else is contained stays."""
    held = [{"resourceType": kind, "id": kind.lower()} for kind in ("Medication", "Practitioner")]
    order = {
        **minimal_orders()["MedicationRequest"],
        "contained": held,
        "requester": {"reference": "#practitioner"},
        "medicationReference": {"reference": "#medication"},
    }
    del order["medicationCodeableConcept"]

    assert changed(order, DRUG)["contained"] == [held[1]]
    again = {**order, "priorPrescription": {"reference": "#medication"}}
    assert changed(again, DRUG)["contained"] == held
    del order["requester"]
    order["requester"] = {"reference": "Practitioner/1"}
    assert "contained" not in changed({**order, "contained": held[:1]}, DRUG)


def test_a_quantity_to_dispense_leaves_the_rest_of_the_dispensing() -> None:
    """Repeats and performers are not what is proposed."""
    order = {
        **minimal_orders()["MedicationRequest"],
        "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": {"value": 90}},
    }
    back = changed(order, {"dispenseRequest": {"quantity": {"value": 28}}})

    assert back["dispenseRequest"] == {"numberOfRepeatsAllowed": 2, "quantity": {"value": 28}}


@pytest.mark.crd("resp-55", "resp-57")
@pytest.mark.parametrize("missing", ["subject", "requester", "authoredOn"])
def test_nothing_is_made_from_an_order_without_what_a_profile_requires(missing: str) -> None:
    """Nobody is made up who could have asked for it."""
    order = {name: value for name, value in service_request().items() if name != missing}

    assert updated(order, CODE) is None
    assert created("ServiceRequest", order, CODE, in_place=False) is None


@pytest.mark.crd("resp-71")
def test_a_coverage_is_corrected_only_if_it_tells_the_member() -> None:
    """us-core-15, which the correction itself may see to."""
    assert updated(coverage(), {"dependent": "01"}) is None
    assert updated(coverage(), {"subscriberId": "S-1"}) is not None
    member = {"type": {"coding": [{"code": "MB"}]}, "value": "S-1"}
    assert updated(coverage(identifier=[member]), {"dependent": "01"}) is not None


@pytest.mark.crd("resp-55", "resp-57")
def test_a_new_order_is_for_the_same_person_by_the_same_and_for_the_same_reason() -> None:
    """A draft; what only the old order contains cannot be referred to."""
    order = service_request(
        encounter={"reference": "Encounter/1"},
        reasonCode=[{"text": "why"}],
        reasonReference=[{"reference": "#why"}],
        occurrenceDateTime="2026-12-01",
        status="active",
        note=[{"text": "kept to itself"}],
    )

    assert new("DeviceRequest", order, {"codeCodeableConcept": {"text": "x"}}) == {
        "resourceType": "DeviceRequest",
        "status": "draft",
        "intent": "order",
        "subject": order["subject"],
        "encounter": order["encounter"],
        "authoredOn": order["authoredOn"],
        "requester": order["requester"],
        "reasonCode": order["reasonCode"],
        "codeCodeableConcept": {"text": "x"},
    }


def test_an_order_in_place_of_another_takes_place_when_that_would() -> None:
    """Unless the policy says when."""
    order = service_request(occurrenceDateTime="2026-12-01")
    timed = {**CODE, "occurrencePeriod": {"start": "2027"}}

    assert new("ServiceRequest", order, CODE, in_place=True)["occurrenceDateTime"] == "2026-12-01"
    assert "occurrenceDateTime" not in new("ServiceRequest", order, timed, in_place=True)
    assert "occurrenceDateTime" not in new("ServiceRequest", order, CODE)


@pytest.mark.crd("resp-55", "resp-57")
@pytest.mark.parametrize(
    ("requester", "is_made"),
    [
        ({"reference": "Practitioner/1"}, True),
        ({"reference": "https://ehr.invalid/fhir/Practitioner/1"}, True),
        ({"display": "Dr. No"}, True),
        ({"reference": "PractitionerRole/1"}, False),
    ],
)
def test_a_drug_is_requested_by_a_practitioner_alone(requester: JsonObject, is_made: bool) -> None:
    """CRD's profile allows no PractitionerRole there."""
    order = service_request(requester=requester)

    assert (created("MedicationRequest", order, DRUG, in_place=False) is not None) is is_made


@pytest.mark.crd("resp-55", "resp-57")
@pytest.mark.parametrize(
    ("name", "value"),
    [("reasonCode", {"text": "no list"}), ("encounter", "Encounter/1"), ("encounter", [{}])],
)
def test_what_has_another_json_type_than_r4_gives_it_is_not_taken(name: str, value: object) -> None:
    """A new order is not made wrong by an old one that is."""
    assert name not in new("ServiceRequest", {**service_request(), name: value}, CODE)
    assert (
        created("ServiceRequest", {**service_request(), "subject": "me"}, CODE, in_place=True)
        is None
    )


@pytest.mark.parametrize("kind", ["NutritionOrder", "VisionPrescription"])
def test_who_and_when_are_taken_from_where_other_orders_keep_them(kind: str) -> None:
    """A diet has an orderer and a patient, a prescription of lenses a prescriber."""
    back = new("ServiceRequest", minimal_orders()[kind], CODE)

    assert list(resource_problems(back)) == []
    assert back["subject"] == {"reference": "Patient/member-1"}


@pytest.mark.crd("resp-55", "resp-57")
@given(
    missing=st.sets(st.sampled_from(sorted(service_request()))),
    kind=st.sampled_from(["ServiceRequest", "DeviceRequest", "MedicationRequest"]),
    in_place=st.booleans(),
)
def test_what_is_created_fits_its_profile_whatever_the_order_lacks(
    missing: set[str], kind: str, in_place: bool
) -> None:
    """Or nothing is created."""
    order = {name: value for name, value in service_request().items() if name not in missing}
    elements = {**CODE, **DRUG, "codeCodeableConcept": {"text": "x"}}
    back = created(kind, order, elements, in_place=in_place)

    assert back is None or list(resource_problems(back)) == []
