"""What CRD's profiles promise: the elements that they require or mark must-support (CRD 2.2.1).

A server must not depend on any other element (CRD conf-8, a SHALL NOT), so no rule may read one.
An element stands for all inside it, unless the profile marks only some of those.
"""

from collections.abc import Mapping

from cds_service.crd.request.order_kinds import Path


def _paths(written: str) -> frozenset[Path]:
    return frozenset(tuple(path.split(".")) for path in written.split())


PROMISED: Mapping[str, frozenset[Path]] = {
    "ServiceRequest": _paths(
        "identifier basedOn status intent category doNotPerform code quantity subject encounter "
        "occurrence authoredOn requester performerType performer locationCode locationReference "
        "reasonCode reasonReference"
    ),
    "DeviceRequest": _paths(
        "identifier basedOn status intent code parameter subject occurrence authoredOn requester "
        "performer reasonCode reasonReference"
    ),
    "MedicationRequest": _paths(
        "identifier status intent category medication reported subject encounter authoredOn "
        "requester performer reasonCode reasonReference dosageInstruction.text "
        "dosageInstruction.timing dosageInstruction.doseAndRate.dose dispenseRequest.performer "
        "dispenseRequest.numberOfRepeatsAllowed dispenseRequest.quantity substitution "
        "priorPrescription"
    ),
    "NutritionOrder": _paths(
        "identifier status intent patient encounter dateTime orderer allergyIntolerance "
        "foodPreferenceModifier excludeFoodModifier oralDiet.type oralDiet.schedule "
        "oralDiet.nutrient.modifier oralDiet.texture.modifier oralDiet.texture.foodType "
        "supplement.type supplement.schedule supplement.quantity enteralFormula.baseFormulaType "
        "enteralFormula.additiveType enteralFormula.caloricDensity "
        "enteralFormula.routeofAdministration enteralFormula.administration.schedule "
        "enteralFormula.administration.quantity enteralFormula.administration.rate"
    ),
    "VisionPrescription": _paths(
        "identifier status created patient encounter dateWritten prescriber "
        "lensSpecification.product lensSpecification.eye lensSpecification.sphere "
        "lensSpecification.cylinder lensSpecification.axis lensSpecification.prism.amount "
        "lensSpecification.prism.base lensSpecification.add lensSpecification.power "
        "lensSpecification.backCurve lensSpecification.diameter lensSpecification.duration"
    ),
    "CommunicationRequest": _paths(
        "identifier basedOn status subject payload occurrence authoredOn requester recipient "
        "sender reasonCode reasonReference"
    ),
    "Appointment": _paths(
        "identifier basedOn status start end requestedPeriod participant.actor participant.status "
        "participant.type serviceCategory serviceType specialty appointmentType reasonReference"
    ),
    "Encounter": _paths(
        "identifier status class type serviceType subject appointment length period reasonCode "
        "reasonReference diagnosis.condition participant.type participant.period "
        "participant.individual location.location location.status location.period "
        "hospitalization.dischargeDisposition serviceProvider"
    ),
    "Coverage": _paths(
        "identifier status beneficiary relationship payor subscriberId type period class "
        "policyHolder subscriber dependent order network"
    ),
    "Patient": _paths("identifier name gender birthDate telecom address communication.language"),
}


def is_promised(kind: str, path: Path) -> bool:
    """Whether a profile promises an element, or something inside it or around it."""
    promised = PROMISED.get(kind)
    return promised is None or any(
        path[: len(known)] == known or known[: len(path)] == path for known in promised
    )


def promised_paths(kind: str) -> str:
    """The elements that may be read, as a list in words."""
    return ", ".join(sorted(".".join(path) for path in PROMISED[kind]))
