"""CRD 2.2.1's profiles of what hooks ask about: what they require, what they mark must-support.

Written from the profiles (crd-server.md 4.1 and 4.3, with those of US Core 7.0.0 they build on) and
from nothing in `cds_service`. Base FHIR R4 is what the models of fhir.resources accept.
"""

from collections.abc import Mapping
from typing import Any

JsonObject = dict[str, Any]

# What may come back with coverage information: by resp-47, and by the logical model besides.
OF_RESP_47 = (
    "Appointment",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
)
OF_THE_MODEL = (*OF_RESP_47, "CommunicationRequest", "Encounter")
# Elements whose name has their type at its end.
_CHOICES = ("code", "dose", "medication", "occurrence", "quantity", "rate", "reported")
# Elements that must be there; of a choice, any of its types.
MANDATORY: Mapping[str, str] = {
    "ServiceRequest": "status intent code subject authoredOn requester",
    "DeviceRequest": "status intent code subject authoredOn requester",
    "MedicationRequest": "status intent medication subject authoredOn requester",
    "NutritionOrder": "status intent patient dateTime orderer",
    "VisionPrescription": "status created patient dateWritten prescriber lensSpecification",
    "CommunicationRequest": "basedOn status subject payload authoredOn requester",
    "Appointment": "status participant",
    "Encounter": "status class type subject",
}
# Of the member: what Coverage and Patient need, with a member number (us-core-15).
OF_THE_MEMBER: Mapping[str, str] = {
    "Coverage": "status beneficiary relationship payor identifier",
    "Patient": "identifier name gender",
    "Organization": "identifier active name",
}
# What else is marked must-support, `contained` and extensions apart; of a choice its stem.
MUST_SUPPORT: Mapping[str, str] = {
    "ServiceRequest": (
        "identifier basedOn category doNotPerform quantity encounter occurrence performerType "
        "performer locationCode locationReference reasonCode reasonReference"
    ),
    "DeviceRequest": (
        "identifier basedOn parameter occurrence performer reasonCode reasonReference"
    ),
    "MedicationRequest": (
        "identifier category reported encounter performer reasonCode reasonReference "
        "dosageInstruction.text dosageInstruction.timing dosageInstruction.doseAndRate.dose "
        "dispenseRequest.numberOfRepeatsAllowed dispenseRequest.quantity dispenseRequest.performer "
        "substitution priorPrescription"
    ),
    "NutritionOrder": (
        "identifier encounter allergyIntolerance foodPreferenceModifier excludeFoodModifier "
        "oralDiet.type oralDiet.schedule oralDiet.nutrient.modifier oralDiet.texture.modifier "
        "oralDiet.texture.foodType supplement.type supplement.schedule supplement.quantity "
        "enteralFormula.baseFormulaType enteralFormula.additiveType enteralFormula.caloricDensity "
        "enteralFormula.routeofAdministration enteralFormula.administration.schedule "
        "enteralFormula.administration.quantity enteralFormula.administration.rate"
    ),
    "VisionPrescription": (
        "identifier encounter lensSpecification.product lensSpecification.eye "
        "lensSpecification.sphere lensSpecification.cylinder lensSpecification.axis "
        "lensSpecification.prism.amount lensSpecification.prism.base lensSpecification.add "
        "lensSpecification.power lensSpecification.backCurve lensSpecification.diameter "
        "lensSpecification.duration"
    ),
    "CommunicationRequest": ("identifier occurrence recipient sender reasonCode reasonReference"),
    "Appointment": (
        "start end requestedPeriod participant.actor participant.status basedOn identifier "
        "serviceCategory serviceType specialty appointmentType reasonReference"
    ),
    "Encounter": (
        "identifier serviceType appointment length period reasonCode reasonReference "
        "diagnosis.condition participant.type participant.period participant.individual "
        "location.location location.status location.period hospitalization.dischargeDisposition "
        "serviceProvider"
    ),
    "Coverage": (
        "status beneficiary relationship payor identifier subscriberId type period class "
        "policyHolder subscriber dependent order network"
    ),
    "Patient": (
        "identifier name gender birthDate telecom.system telecom.value telecom.use "
        "communication.language address.line address.city address.state address.postalCode "
        "address.country"
    ),
}


def values_at(resource: JsonObject, path: str) -> list[Any]:
    """The values at a path through objects and lists; of a choice, the value of any type."""
    found: list[Any] = [resource]
    for name in path.split("."):
        inner = [holder[own] for holder in found for own in names_of(holder, name)]
        listed = [value if isinstance(value, list) else [value] for value in inner]
        found = [value for values in listed for value in values]
    return found


def names_of(holder: JsonObject, name: str) -> list[str]:
    """Under which names an element is in its holder: its own, or that of a choice with a type."""
    return [own for own in holder if own == name or (name in _CHOICES and _is_typed(own, name))]


def _is_typed(own: str, stem: str) -> bool:
    return own.startswith(stem) and own[len(stem) : len(stem) + 1].isupper()
