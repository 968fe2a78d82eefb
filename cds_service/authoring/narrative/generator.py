"""The narrative of an artifact, generated from nothing but its resource: always the same."""

from collections.abc import Callable, Mapping
from xml.etree.ElementTree import Element

from cds_service.authoring.narrative.definitions import (
    narrate_library,
    narrate_questionnaire,
    narrate_structure_definition,
)
from cds_service.authoring.narrative.payers import narrate_insurance_plan, narrate_organization
from cds_service.authoring.narrative.policies import (
    narrate_activity_definition,
    narrate_plan_definition,
)
from cds_service.authoring.narrative.terminology import (
    narrate_code_system,
    narrate_naming_system,
    narrate_value_set,
)
from cds_service.authoring.narrative.xhtml import division
from cds_service.fhir.resource import JsonObject, first, resource_type, text

_NARRATORS: Mapping[str, Callable[[JsonObject], list[Element]]] = {
    "ActivityDefinition": narrate_activity_definition,
    "CodeSystem": narrate_code_system,
    "InsurancePlan": narrate_insurance_plan,
    "Library": narrate_library,
    "NamingSystem": narrate_naming_system,
    "Organization": narrate_organization,
    "PlanDefinition": narrate_plan_definition,
    "Questionnaire": narrate_questionnaire,
    "StructureDefinition": narrate_structure_definition,
    "ValueSet": narrate_value_set,
}


def generate_narrative(resource: JsonObject) -> JsonObject | None:
    """The `text` that the artifact should have (R4 Narrative, status `generated`).

    None for a type without a narrative here, and for an artifact whose narrative a person wrote:
    one of another status.
    """
    narrator = _NARRATORS.get(resource_type(resource))
    status = text(first(resource.get("text")).get("status"))
    if narrator is None or status not in ("", "generated"):
        return None
    return {"status": "generated", "div": division(narrator(resource))}
