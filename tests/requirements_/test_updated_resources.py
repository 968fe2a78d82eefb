"""CRD page Response Types, Coverage Information: the resources that come back with it."""

from collections.abc import Callable, Mapping

import pytest
from complete_resources import (
    REQUESTS,
    WRITTEN,
    complete_orders,
    concept_of,
    index_of,
    least_order,
    member,
    refusing,
)
from coverage_information_rules import URL, order_violations
from every_hook import PRIMARY, JsonObject, ask, call, reference, repetitions, updates
from every_part import EVERY_PART, rule_of
from order_profiles import MANDATORY, OF_RESP_47, OF_THE_MODEL
from profile_checker import profile_violations
from response_models import response_problems
from us_core import us_core_chart, us_core_orders

from cds_service.policy.run.index import PolicyIndex

# The same order in several shapes: full, bare, and as each US Core version has it.
SHAPES: Mapping[str, Callable[[str], JsonObject]] = {
    "complete": lambda kind: complete_orders()[kind],
    "least": least_order,
    "US Core 3.1.1": lambda kind: us_core_orders("3.1.1")[kind],
    "US Core 6.1.0": lambda kind: us_core_orders("6.1.0")[kind],
    "US Core 7.0.0": lambda kind: us_core_orders("7.0.0")[kind],
}
NAMED_BY_RESP_47 = [case for case in WRITTEN if case[1] in OF_RESP_47]
WRITTEN_AT_ONCE = [case for case in WRITTEN if case[0] in PRIMARY]


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """Rules that state every part of coverage information, for each kind of order."""
    return index_of(rule_of(EVERY_PART, kind) for kind in REQUESTS)


def answered(index: PolicyIndex, hook: str, order: JsonObject, version: str) -> JsonObject:
    """The response to a call about one order of the complete member."""
    request = call(hook, order, version=version, member=member(), sent=us_core_chart("7.0.0"))
    return ask(request, index=index)


@pytest.mark.crd("resp-47")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("hook", "kind", "version"), NAMED_BY_RESP_47)
def test_what_complied_with_its_profile_still_does(
    index: PolicyIndex, hook: str, kind: str, version: str, shape: str
) -> None:
    """The order that comes back is as its CRD profile and FHIR want it, new extension and all."""
    order = SHAPES[shape](kind)
    for policies in (index, refusing()):
        (updated,) = updates(answered(policies, hook, order, version))

        assert profile_violations(order) == []
        assert reference(updated) == reference(order)
        assert profile_violations(updated) == []
        assert order_violations(updated, version) == []


@pytest.mark.crd("resp-47")
@pytest.mark.parametrize("version", ["2.0", "2.1", "2.2"])
@pytest.mark.parametrize("kind", ["ServiceRequest", "MedicationRequest", "DeviceRequest"])
def test_of_an_appointment_with_an_order_the_order_is_updated(
    index: PolicyIndex, kind: str, version: str
) -> None:
    """From 2.1 on its profile has no place for coverage information, and that of the order has."""
    order, booked = complete_orders()[kind], complete_orders()["Appointment"]
    named = {"reference": reference(order)}
    url = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
    alternate = {"extension": [{"url": url, "valueReference": named}]}
    booked["basedOn"] = [named if kind == "ServiceRequest" else alternate]
    request = call("appointment-book", booked, version=version, member=member(), sent=[order])
    (updated,) = updates(ask(request, index=index))

    assert (profile_violations(booked), profile_violations(order)) == ([], [])
    assert reference(updated) == reference(booked if version == "2.0" else order)
    assert (profile_violations(updated), order_violations(updated, version)) == ([], [])


@pytest.mark.crd("resp-52")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_every_action_fits_the_model_of_coverage_information(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """An update, without `resourceId`, of a resource of the model, with the extension on it."""
    response = answered(index, hook, complete_orders()[kind], version)
    (action,) = response["systemActions"]
    resource = action["resource"]

    assert (action["type"], "resourceId" in action) == ("update", False)
    assert (resource["resourceType"], resource["resourceType"] in OF_THE_MODEL) == (kind, True)
    assert repetitions(resource)
    assert (profile_violations(resource), order_violations(resource, version)) == ([], [])
    assert response_problems(response, version) == []


@pytest.mark.crd("resp-48")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_an_annotation_is_a_system_action(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """An update that is applied without a user: it is among the `systemActions`, and no card's."""
    order = complete_orders()[kind]
    response = answered(index, hook, order, version)
    stored = [
        (action["type"], reference(action["resource"]), len(repetitions(action["resource"])))
        for action in response["systemActions"]
    ]

    assert stored == [("update", reference(order), 1)]
    assert response["cards"] != []
    assert URL not in str(response["cards"])


@pytest.mark.crd("resp-48")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN_AT_ONCE)
def test_what_no_policy_addresses_is_annotated_likewise(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """That it is undecided is a system action, without a card."""
    order = complete_orders()[kind]
    concept_of(order)["coding"][0]["code"] = "another"
    response = answered(index, hook, order, version)

    assert list(map(reference, updates(response))) == [reference(order)]
    assert response["cards"] == []


@pytest.mark.parametrize("kind", OF_THE_MODEL)
def test_the_checker_misses_nothing_that_is_mandatory(kind: str) -> None:
    """Without any of the elements that a profile requires, a resource does not comply."""
    order = least_order(kind)
    names = [name for name in order if name not in ("resourceType", "id")]
    assert profile_violations(order) == []
    assert len(names) >= len(MANDATORY[kind].split())

    for name in names:
        if kind != "Appointment" or name != "participant":  # the checker reads who takes part
            less = {key: value for key, value in order.items() if key != name}
            assert profile_violations(less) != [], name


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("ServiceRequest", {"status": "booked"}),
        ("ServiceRequest", {"requester": {"reference": "Organization/1"}}),
        ("ServiceRequest", {"locationReference": [{"reference": "Location/1"}] * 2}),
        ("ServiceRequest", {"unheardOf": 1}),
        ("DeviceRequest", {"intent": "wish"}),
        ("MedicationRequest", {"doNotPerform": False}),
        ("MedicationRequest", {"requester": {"reference": "PractitionerRole/1"}}),
        ("NutritionOrder", {"orderer": {"reference": "Device/1"}}),
        ("VisionPrescription", {"lensSpecification": [{"eye": "right"}]}),
        ("CommunicationRequest", {"payload": [{"contentString": "records"}]}),
        ("MedicationRequest", {"encounter": {"reference": "#visit"}}),
        ("Appointment", {"participant": [{"status": "accepted"}]}),
        ("Appointment", {"basedOn": [{"reference": "MedicationRequest/1"}]}),
        ("Encounter", {"status": "draft"}),
    ],
    ids=str,
)
def test_the_checker_objects_to_what_a_profile_forbids(kind: str, changed: JsonObject) -> None:
    """Codes, targets, counts, invariants, and elements that FHIR does not have."""
    assert profile_violations({**complete_orders()[kind], **changed}) != []
