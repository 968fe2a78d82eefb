"""Elements that CRD's profiles neither require nor mark must-support, full of words and old dates.

Base FHIR has them, so an EHR may send them; a payer must decide as if they were not there.
"""

import copy
from collections.abc import Mapping
from typing import Any

from every_hook import PULSED_FIELD

JsonObject = dict[str, Any]

LONG_AGO = "2019-06-01"  # before any policy here was in force
# Words and a diagnosis at once.
ILLNESS = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C22.0"}
WORDS = {"coding": [ILLNESS], "text": PULSED_FIELD}
NOTE = [{"text": PULSED_FIELD}]
ELSEWHERE = [{"reference": "Basic/unheard-of"}]
OTHER_COVERAGE = [{"reference": "Coverage/another"}]
OF_ALL = {
    "language": "en",
    "text": {
        "status": "additional",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{PULSED_FIELD}</div>',
    },
}
_OF_REQUESTS = {"note": NOTE, "priority": "stat", "groupIdentifier": {"value": PULSED_FIELD}}
BEYOND: Mapping[str, JsonObject] = {
    "ServiceRequest": {
        "note": NOTE,
        "priority": "stat",
        "orderDetail": [WORDS],
        "asNeededCodeableConcept": WORDS,
        "bodySite": [WORDS],
        "patientInstruction": PULSED_FIELD,
        "specimen": ELSEWHERE,
        "supportingInfo": ELSEWHERE,
        "relevantHistory": [{"reference": "Provenance/unheard-of"}],
        "insurance": OTHER_COVERAGE,
        "replaces": [{"reference": "ServiceRequest/replaced"}],
        "requisition": {"value": PULSED_FIELD},
        "instantiatesUri": ["https://ehr.example.invalid/protocol"],
    },
    "DeviceRequest": {
        **_OF_REQUESTS,
        "performerType": WORDS,
        "supportingInfo": ELSEWHERE,
        "insurance": OTHER_COVERAGE,
    },
    "MedicationRequest": {
        **_OF_REQUESTS,
        "courseOfTherapyType": WORDS,
        "supportingInformation": ELSEWHERE,
        "insurance": OTHER_COVERAGE,
        "dispenseRequest": {"validityPeriod": {"start": LONG_AGO, "end": LONG_AGO}},
    },
    "NutritionOrder": {"note": NOTE, "oralDiet": {"instruction": PULSED_FIELD}},
    "VisionPrescription": {},
    "CommunicationRequest": {**_OF_REQUESTS, "category": [WORDS], "medium": [WORDS]},
    "Appointment": {
        "comment": PULSED_FIELD,
        "description": PULSED_FIELD,
        "patientInstruction": PULSED_FIELD,
        "reasonCode": [WORDS],
        "created": LONG_AGO,
        "priority": 1,
        "minutesDuration": 60,
        "supportingInformation": ELSEWHERE,
    },
    "Encounter": {
        "priority": WORDS,
        "statusHistory": [{"status": "planned", "period": {"start": LONG_AGO}}],
        "classHistory": [{"class": {"code": "IMP"}, "period": {"start": LONG_AGO}}],
        "episodeOfCare": [{"reference": "EpisodeOfCare/unheard-of"}],
        "hospitalization": {"specialCourtesy": [WORDS]},
    },
    "Coverage": {
        "subrogation": False,
        "contract": [{"reference": "Contract/unheard-of"}],
        "costToBeneficiary": [{"type": WORDS, "valueQuantity": {"value": 100, "unit": "%"}}],
    },
    "Patient": {
        "maritalStatus": WORDS,
        "contact": [{"address": {"state": "CA"}}],
        "generalPractitioner": [{"reference": "Organization/another"}],
        "managingOrganization": {"reference": "Organization/another"},
    },
    "Organization": {"alias": ["Somebody else"], "type": [WORDS]},
}
_LENS = {"note": NOTE, "brand": PULSED_FIELD, "color": PULSED_FIELD}
# Resources of types that no profile is about, beside what the call is about.
UNHEARD_OF: JsonObject = {
    "resourceType": "Basic",
    "id": "unheard-of",
    "code": WORDS,
    "subject": {"reference": "Patient/member-1"},
}


def with_more(resource: JsonObject) -> JsonObject:
    """A copy of a resource with all that is beyond its profile."""
    more = copy.deepcopy(resource)
    for name, value in {**OF_ALL, **BEYOND[resource["resourceType"]]}.items():
        more[name] = {**more[name], **value} if name in more else value
    for lens in more.get("lensSpecification", ()):
        lens.update(_LENS)
    return more
