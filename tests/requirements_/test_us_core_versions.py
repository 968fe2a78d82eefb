"""CRD page Conformance Expectations: data of each US Core version, for every hook and order."""

import pytest
from complete_resources import ASKED, KINDS, REQUESTS, index_of, rule_for
from every_hook import VERSIONS, annotations, ask, call
from fhir.resources.R4B import get_fhir_model_class
from small_library import applicability, insurance_plan
from us_core import PROFILES, US_CORE, us_core_chart, us_core_member, us_core_orders
from us_core import VERSIONS as US_CORE_VERSIONS

from cds_service.policy.run.index import PolicyIndex

# What the versions write each in its way, as rules read it: who, on which plan, and what for.
OF_THE_MEMBER = ("%age = 76", "%patient.address.where(state = 'WI').exists()", "%plan.exists()")
OF_THE_ILLNESS = "%indications.where(code = 'C22.0').exists()"
WITHOUT_REASONS = ("NutritionOrder", "VisionPrescription")


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """A rule for each kind of order, which refuses once it has read all of that."""
    plan_id = {"system": "https://coverage-policies.invalid/fhir/NamingSystem/plan-id"}
    plan = insurance_plan("ppo", "512", identifier=[{**plan_id, "value": "P-1"}])
    rules = []
    for kind in REQUESTS:
        read = OF_THE_MEMBER if kind in WITHOUT_REASONS else (*OF_THE_MEMBER, OF_THE_ILLNESS)
        rules.append(rule_for(kind, condition=list(map(applicability, read))))
    return index_of(rules, plan)


@pytest.mark.crd("conf-2")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("us_core", US_CORE_VERSIONS)
@pytest.mark.parametrize(("hook", "kind"), ASKED)
def test_data_of_each_us_core_version_lead_to_the_same_determination(
    index: PolicyIndex, hook: str, kind: str, us_core: str, version: str
) -> None:
    """Everything that the rule asks for is found, whatever shape the version gives it."""
    request = call(
        hook,
        us_core_orders(us_core)[kind],
        version=version,
        member=us_core_member(us_core),
        sent=us_core_chart(us_core),
    )
    response = ask(request, index=index)
    if (kind, version) == ("VisionPrescription", "2.0"):  # shown on a card alone
        assert [card["indicator"] for card in response["cards"]] == ["warning"]
        return
    (parts,) = annotations(response)

    assert parts["covered"] == ["not-covered"]
    assert [reason["text"] for reason in parts["reason"]] == ["because"]


@pytest.mark.parametrize("us_core", US_CORE_VERSIONS)
def test_the_data_are_what_they_are_said_to_be(us_core: str) -> None:
    """FHIR resources, each of which claims the profile that the version has for its type."""
    orders = us_core_orders(us_core)
    resources = [*orders.values(), *us_core_member(us_core), *us_core_chart(us_core)]

    assert tuple(orders) == KINDS
    assert {resource["resourceType"] for resource in resources} > set(PROFILES[us_core])
    for resource in resources:
        kind = resource["resourceType"]
        profile = PROFILES[us_core].get(kind)
        expected = [f"{US_CORE}/us-core-{profile}|{us_core}"] if profile else []
        assert resource.get("meta", {}).get("profile", []) == expected
        get_fhir_model_class(kind).model_validate(resource)


def test_the_versions_differ_in_every_profiled_resource() -> None:
    """Else the same data would be tried three times."""
    shapes = []
    for us_core in US_CORE_VERSIONS:
        orders = us_core_orders(us_core).values()
        resources = [*orders, *us_core_member(us_core), *us_core_chart(us_core)]
        shapes.append({part["resourceType"]: sorted(part) for part in resources})
    differing = {kind for kind in shapes[0] if len({str(shape[kind]) for shape in shapes}) > 1}

    assert {
        "Coverage",
        "Condition",
        "Encounter",
        "MedicationRequest",
        "ServiceRequest",
    } <= differing
    assert {"Practitioner", "PractitionerRole", "Location", "Device", "Medication"} <= differing
