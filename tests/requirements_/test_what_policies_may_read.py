"""CRD page Conformance Expectations: policies may read what profiles promise, and no more."""

from typing import Any, cast

import pytest
from complete_resources import REQUESTS, index_of
from fhir.resources.R4B import get_fhir_model_class
from order_profiles import MANDATORY, MUST_SUPPORT
from small_library import rule

from cds_service.errors import ArtifactError

# In every resource of FHIR; `contained` and extensions are the guide's own matter.
OF_ALL_RESOURCES = {"resourceType", "contained", "extension"}
INSIDE = {
    "MedicationRequest": ("dispenseRequest.validityPeriod", "dosageInstruction.patientInstruction"),
    "NutritionOrder": ("oralDiet.instruction", "supplement.productName"),
    "VisionPrescription": ("lensSpecification.note", "lensSpecification.brand"),
}


def beyond(kind: str) -> list[str]:
    """Every element of a resource that its profile neither requires nor marks must-support."""
    promised = f"{MANDATORY.get(kind, '')} {MUST_SUPPORT[kind]}".split()
    names = {path.split(".")[0] for path in promised}
    return [*sorted(elements_of(kind) - names - OF_ALL_RESOURCES), *INSIDE.get(kind, ())]


def elements_of(kind: str) -> set[str]:
    """The elements of a resource type in base FHIR; of a choice its stem."""
    model = get_fhir_model_class(kind)
    fields: list[dict[str, Any]] = [
        {"name": field.alias, **cast(dict[str, Any], field.json_schema_extra or {})}
        for field in model.model_fields.values()
        if field.alias in model.elements_sequence()
    ]
    return {field.get("one_of_many") or field["name"] for field in fields}


@pytest.mark.crd("conf-8")
@pytest.mark.parametrize("kind", [*REQUESTS, "Coverage", "Patient"])
def test_no_policy_may_read_what_no_profile_promises(kind: str) -> None:
    """A library with a rule that does is not served: neither of the order nor of the member."""
    variable = "%order" if kind in REQUESTS else f"%{kind.lower()}"
    paths = beyond(kind)
    assert len(paths) > 4
    for path in paths:
        condition = [f"{variable}.{path}.exists()"]
        reading = rule(conditions=condition, kind=kind if kind in REQUESTS else "ServiceRequest")

        with pytest.raises(ArtifactError, match="conf-8"):
            index_of([reading])


@pytest.mark.crd("conf-8")
@pytest.mark.parametrize("kind", REQUESTS)
def test_no_policy_may_call_such_an_element_needed(kind: str) -> None:
    """An input that names one as what it must have is refused likewise."""
    for path in beyond(kind):
        asking = rule(kind=kind)
        asking["input"][0]["mustSupport"] = [path]

        with pytest.raises(ArtifactError, match="conf-8"):
            index_of([asking])


@pytest.mark.crd("conf-7")
def test_no_policy_may_ask_for_a_resource_without_a_profile() -> None:
    """A library with a rule that does is not served."""
    for kind in ("Basic", "Claim", "ExplanationOfBenefit", "Provenance", "Account"):
        asked = rule(conditions=["%other.exists()"])
        asked["input"].append({"id": "other", "type": kind})

        with pytest.raises(ArtifactError, match="is not gathered here"):
            index_of([asked])
