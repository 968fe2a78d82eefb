"""A checker of the resources that hooks ask about, by the profiles of CRD 2.2.1.

Their mandatory elements, required codes, targets of references, counts and invariants, written from
crd-server.md 4.1 and 4.3; base FHIR R4 is what the models of fhir.resources accept.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from order_profiles import MANDATORY, values_at
from pydantic import ValidationError

from cds_service.fhir.resource import canonical

JsonObject = dict[str, Any]

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PAYLOAD_CONTENT = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-CommunicationRequest.payload.content"
)
_PEOPLE = ("Practitioner", "PractitionerRole")
_REQUEST_STATUS = "draft active on-hold revoked completed entered-in-error unknown"
_REQUEST_INTENT = (
    "proposal plan directive order original-order reflex-order filler-order instance-order option"
)
# Required bindings: the codes that the element at a path may have.
CODES: Mapping[str, Mapping[str, str]] = {
    "ServiceRequest": {"status": _REQUEST_STATUS, "intent": _REQUEST_INTENT},
    "DeviceRequest": {"status": _REQUEST_STATUS, "intent": _REQUEST_INTENT},
    "MedicationRequest": {
        "status": "active on-hold cancelled completed entered-in-error stopped draft unknown",
        "intent": (
            "proposal plan order original-order reflex-order filler-order instance-order option"
        ),
    },
    "NutritionOrder": {"status": _REQUEST_STATUS, "intent": _REQUEST_INTENT},
    "VisionPrescription": {
        "status": "active cancelled draft entered-in-error",
        "lensSpecification.eye": "right left",
        "lensSpecification.prism.base": "up down in out",
    },
    "CommunicationRequest": {"status": _REQUEST_STATUS},
    "Appointment": {
        "status": (
            "proposed pending booked arrived fulfilled cancelled noshow entered-in-error "
            "checked-in waitlist"
        ),
        "participant.status": "accepted declined tentative needs-action",
    },
    "Encounter": {
        "status": (
            "planned arrived triaged in-progress onleave finished cancelled entered-in-error "
            "unknown"
        )
    },
}
# To what the references at a path may lead.
TARGETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ServiceRequest": {
        "subject": ("Patient",),
        "requester": _PEOPLE,
        "basedOn": ("ServiceRequest", "MedicationRequest"),
        "locationReference": ("Location",),
    },
    "DeviceRequest": {"subject": ("Patient",), "requester": _PEOPLE, "performer": _PEOPLE},
    "MedicationRequest": {
        "subject": ("Patient",),
        "requester": ("Practitioner",),
        "priorPrescription": ("MedicationRequest",),
    },
    "NutritionOrder": {"patient": ("Patient",), "orderer": _PEOPLE},
    "VisionPrescription": {"patient": ("Patient",), "prescriber": _PEOPLE},
    "CommunicationRequest": {"subject": ("Patient",), "requester": _PEOPLE},
    "Appointment": {"basedOn": ("ServiceRequest",)},
    "Encounter": {"subject": ("Patient",), "location.location": ("Location",)},
}
# How often an element may be there where the profile allows less of it than base FHIR.
_AT_MOST: Mapping[str, Mapping[str, int]] = {
    "ServiceRequest": {"locationReference": 1},
    "MedicationRequest": {"doNotPerform": 0},
    "CommunicationRequest": {"doNotPerform": 0, "basedOn": 1},
    "Appointment": {"requestedPeriod": 1},
}


def profile_violations(resource: JsonObject) -> list[str]:
    """Everything that keeps a resource from its CRD profile; coverage information aside."""
    kind = resource["resourceType"]
    return [
        *_base_violations(resource),
        *(f"no {name}" for name in MANDATORY[kind].split() if not values_at(resource, name)),
        *_code_violations(resource),
        *_target_violations(resource),
        *_local_violations(resource),
        *(
            f"{name} more than {most} times"
            for name, most in _AT_MOST.get(kind, {}).items()
            if len(values_at(resource, name)) > most
        ),
        *_INVARIANTS.get(kind, _no_invariants)(resource),
    ]


def _base_violations(resource: JsonObject) -> Iterator[str]:
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        yield from (f"FHIR: {fault['loc']}: {fault['msg']}" for fault in error.errors())


def _code_violations(resource: JsonObject) -> Iterator[str]:
    for path, codes in CODES[resource["resourceType"]].items():
        for value in values_at(resource, path):
            if value not in codes.split():
                yield f"{path} is {value}"


def _target_violations(resource: JsonObject) -> Iterator[str]:
    for path, kinds in TARGETS[resource["resourceType"]].items():
        for value in values_at(resource, path):
            literal = value.get("reference", "")
            # An appointment's order may be of another type by an extension (CRD 2.2.1).
            if literal.split("/")[-2:-1] not in [[kind] for kind in kinds] and not (
                path == "basedOn" and "extension" in value
            ):
                yield f"{path} leads to {value}"


def _local_violations(resource: JsonObject) -> Iterator[str]:
    """ref-1: what a resource refers to inside itself is there."""
    contained = {inner["id"] for inner in resource.get("contained", ())}
    for literal in re.findall(r'"reference":"#([^"]*)"', canonical(resource).decode()):
        if literal and literal not in contained:
            yield f"ref-1: #{literal} is not contained"


def _no_invariants(_: JsonObject) -> Iterator[str]:
    yield from ()


def _nutrition_order(order: JsonObject) -> Iterator[str]:
    if not {"oralDiet", "supplement", "enteralFormula"} & set(order):
        yield "nor-1: neither diet nor supplement nor formula"


def _vision_prescription(order: JsonObject) -> Iterator[str]:
    for lens in order.get("lensSpecification", ()):
        yield from (f"a lens without {name}" for name in ("product", "eye") if name not in lens)


def _communication_request(order: JsonObject) -> Iterator[str]:
    for payload in order.get("payload", ()):
        urls = [extension["url"] for extension in payload.get("extension", ())]
        if urls.count(PAYLOAD_CONTENT) != 1:
            yield "a payload whose content is not coded once"


def _appointment(appointment: JsonObject) -> Iterator[str]:
    periods = appointment.get("requestedPeriod", [{}])
    for name, key in (("start", "crd-apt1"), ("end", "crd-apt2")):
        if name not in appointment and not any(name in period for period in periods):
            yield f"{key}: no {name}"
    actors = [(_kind_of_actor(part), part.get("type", [])) for part in appointment["participant"]]
    if [kind for kind, _ in actors].count("Patient") != 1:
        yield "not one Patient takes part"
    performs = {"system": PARTICIPATION, "code": "PPRF"}
    if not any(coding == performs for _, types in actors for coding in _codings(types)):
        yield "no primary performer takes part"


def _kind_of_actor(participant: JsonObject) -> str:
    literal: str = participant.get("actor", {}).get("reference", "")
    return literal.split("/")[-2] if "/" in literal else ""


def _codings(concepts: list[JsonObject]) -> list[JsonObject]:
    return [coding for concept in concepts for coding in concept.get("coding", ())]


_INVARIANTS = {
    "NutritionOrder": _nutrition_order,
    "VisionPrescription": _vision_prescription,
    "CommunicationRequest": _communication_request,
    "Appointment": _appointment,
}
