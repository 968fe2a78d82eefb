"""One visit as EHRs write it by US Core 3.1.1, 6.1.0 and 7.0.0: chart, member and orders.

Where a version has no profile (Coverage and ServiceRequest in 3.1.1; devices, diets, glasses,
messages and appointments in all) a resource is as CRD's profile or base FHIR has it. The versions
differ in which elements they promise, in how a diagnosis and a drug are held, in who takes part in
a visit, and in extensions. Written from the profiles of HL7/US-Core; all content is invented.
"""

from collections.abc import Mapping
from typing import Any

from complete_resources import coding_of, complete_member, complete_orders

JsonObject = dict[str, Any]

VERSIONS = ("3.1.1", "6.1.0", "7.0.0")
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
OMB = "urn:oid:2.16.840.1.113883.6.238"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
MEDICATION = {"reference": "Medication/drug-1"}
DEVICE = {"reference": "Device/device-1"}
CONDITION = {"reference": "Condition/diagnosis-1"}
# The profile that each version has for a resource type; none where the type is missing.
_OLD_PROFILES = {
    "Patient": "patient",
    "Organization": "organization",
    "Practitioner": "practitioner",
    "PractitionerRole": "practitionerrole",
    "Location": "location",
    "Encounter": "encounter",
    "Condition": "condition",
    "Device": "implantable-device",
    "Medication": "medication",
    "MedicationRequest": "medicationrequest",
}
_NEW_PROFILES = {
    **_OLD_PROFILES,
    "Condition": "condition-encounter-diagnosis",
    "Coverage": "coverage",
    "ServiceRequest": "servicerequest",
}
PROFILES: Mapping[str, Mapping[str, str]] = {
    "3.1.1": _OLD_PROFILES,
    "6.1.0": _NEW_PROFILES,
    "7.0.0": _NEW_PROFILES,
}
# Elements of the complete resources that a version's profile, or base FHIR in its place, does not
# promise.
_NOT_PROMISED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "3.1.1": {
        "Coverage": ("identifier", "relationship", "class", "policyHolder", "dependent", "network"),
        "ServiceRequest": ("category", "encounter", "reasonCode", "performerType", "locationCode"),
        "MedicationRequest": ("category", "dispenseRequest", "substitution", "reasonCode"),
        "Encounter": ("reasonReference", "serviceType", "length", "serviceProvider"),
        "DeviceRequest": ("extension", "reasonCode", "occurrencePeriod"),
    },
    "6.1.0": {
        "Coverage": ("subscriberId",),
        "ServiceRequest": ("encounter", "reasonReference"),
        "MedicationRequest": ("reasonReference",),
        "Encounter": ("reasonCode",),
    },
    "7.0.0": {
        "Coverage": ("subscriberId", "type"),
        "ServiceRequest": ("reasonCode",),
        "MedicationRequest": ("reportedBoolean", "reasonCode"),
        "Encounter": ("reasonCode",),
    },
}


def us_core_orders(version: str) -> dict[str, JsonObject]:
    """An order of each kind as a client of this version writes it."""
    orders = {kind: _shaped(order, version) for kind, order in complete_orders().items()}
    drug = orders["MedicationRequest"]
    if version != "7.0.0":
        drug.pop("medicationCodeableConcept")
        drug["medicationReference"] = MEDICATION
    if version == "3.1.1":
        drug["contained"] = [{**_medication(version), "id": "drug-1"}]
        drug["medicationReference"] = {"reference": "#drug-1"}
        drug["dosageInstruction"] = [{"text": "one tablet a day"}]
    if version == "6.1.0":
        del drug["reportedBoolean"]
        drug["reportedReference"] = {"reference": "Practitioner/signer"}
        orders["Encounter"]["participant"][0]["individual"]["reference"] = "PractitionerRole/role-1"
    if version == "7.0.0":
        orders["Encounter"]["meta"]["lastUpdated"] = "2026-11-20T11:59:00Z"
    device = orders["DeviceRequest"]
    del device["codeCodeableConcept"]
    device["codeReference"] = DEVICE
    return orders


def us_core_member(version: str) -> list[JsonObject]:
    """Patient, Coverage and payer."""
    member = {kind: _shaped(part, version) for kind, part in complete_member().items()}
    patient = member["Patient"]
    patient["extension"] = [
        _text_extension("race", "2131-1", "Other Race"),
        _text_extension("ethnicity", "2186-5", "Not Hispanic or Latino"),
        {"url": f"{US_CORE}/us-core-birthsex", "valueCode": "F"},
    ]
    if version == "3.1.1":
        patient["name"][0]["period"] = {"start": "1950-01-01"}
        patient["address"][0]["period"] = {"start": "2000-01-01"}
        patient["address"][0].pop("country")
    else:
        sex = {"url": f"{US_CORE}/us-core-sex", "valueCode": "248152002"}
        patient["extension"].append(sex)
        del patient["communication"]
    return list(member.values())


def us_core_chart(version: str) -> list[JsonObject]:
    """What the orders refer to: diagnosis, drug, device, people and places."""
    named: JsonObject = {"identifier": _npi("1234567893"), "name": [{"family": "Doctor"}]}
    reached = {"telecom": [{"system": "phone", "value": "555-0102"}]}
    role: JsonObject = {
        "practitioner": {"reference": "Practitioner/signer"},
        "organization": {"reference": "Organization/clinic"},
    }
    clinic: JsonObject = {"identifier": _npi("1234567893"), "active": True, "name": "The clinic"}
    place: JsonObject = {"status": "active", "name": "The ward", "address": {"state": "WI"}}
    if version != "3.1.1":
        named, role = {**named, **reached}, {**role, **reached}
    if version == "7.0.0":
        place = {**place, "identifier": _npi("1234567893"), "type": [{"text": "Ward"}]}
    resources = [
        _condition(version),
        _medication(version),
        _device(version),
        {"resourceType": "Practitioner", "id": "signer", **named},
        {"resourceType": "PractitionerRole", "id": "role-1", **role},
        {"resourceType": "Organization", "id": "clinic", **clinic},
        {"resourceType": "Location", "id": "place-1", **place},
    ]
    return [_shaped(resource, version) for resource in resources]


def _shaped(resource: JsonObject, version: str) -> JsonObject:
    """A resource with the profile it claims, if the version has one, and what that promises."""
    kind = resource["resourceType"]
    left_out = _NOT_PROMISED[version].get(kind, ())
    kept = {name: value for name, value in resource.items() if name not in left_out}
    profile = PROFILES[version].get(kind)
    claimed = {"meta": {"profile": [f"{US_CORE}/us-core-{profile}|{version}"]}} if profile else {}
    return {"resourceType": kind, "id": resource["id"], **claimed, **kept}


def _condition(version: str) -> JsonObject:
    """The diagnosis: one profile for all in 3.1.1, one for those of encounters later."""
    newer = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
                "valueDateTime": "2026-10-30",
            }
        ],
        "encounter": {"reference": "Encounter/visit-1"},
        "recordedDate": "2026-10-30",
    }
    return {
        "resourceType": "Condition",
        "id": "diagnosis-1",
        **({} if version == "3.1.1" else newer),
        "clinicalStatus": _status("condition-clinical", "active"),
        "verificationStatus": _status("condition-ver-status", "confirmed"),
        "category": [{"coding": [{"system": CONDITION_CATEGORY, "code": "encounter-diagnosis"}]}],
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C22.0"}]},
        "subject": {"reference": "Patient/member-1"},
    }


def _medication(version: str) -> JsonObject:
    status = {} if version == "3.1.1" else {"status": "active"}
    coded = {"coding": [coding_of("MedicationRequest")]}
    return {"resourceType": "Medication", "id": "drug-1", "code": coded, **status}


def _device(version: str) -> JsonObject:
    """An implantable device; from 6.1.0 on with its distinct identifier."""
    newer = {} if version == "3.1.1" else {"distinctIdentifier": "A99971312345600"}
    return {
        "resourceType": "Device",
        "id": "device-1",
        **newer,
        "udiCarrier": [{"deviceIdentifier": "09504000059118", "carrierHRF": "(01)0950400005911"}],
        "lotNumber": "L-1",
        "type": {"coding": [coding_of("DeviceRequest")]},
        "patient": {"reference": "Patient/member-1"},
    }


def _status(system: str, code: str) -> JsonObject:
    coding = {"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}
    return {"coding": [coding]}


def _npi(value: str) -> list[JsonObject]:
    return [{"system": "http://hl7.org/fhir/sid/us-npi", "value": value}]


def _text_extension(name: str, code: str, words: str) -> JsonObject:
    category = {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code}}
    stated = {"url": "text", "valueString": words}
    return {"url": f"{US_CORE}/us-core-{name}", "extension": [category, stated]}
