"""Elements that the resources of a call are made of."""

from typing import Any

from hook_requests import JsonObject

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
CRD = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
SNOMED = "http://snomed.info/sct"
NPI = "http://hl7.org/fhir/sid/us-npi"
EHR = "http://127.0.0.1:9/fhir"  # loopback, where nobody listens: nothing is to be asked


def concept(system: str, code: str, display: str = "") -> JsonObject:
    """A CodeableConcept of one coding, its display as text."""
    coding = {"system": system, "code": code}
    return (
        {"coding": [{**coding, "display": display}], "text": display}
        if display
        else {"coding": [coding]}
    )


def reference(kind: str, identity: str) -> JsonObject:
    """A Reference with a display."""
    return {"reference": f"{kind}/{identity}", "display": f"{kind} {identity}"}


def meta(profile: str) -> JsonObject:
    """The meta of a resource of a profile."""
    return {"versionId": "3", "lastUpdated": "2026-11-19T08:15:30.250-06:00", "profile": [profile]}


def narrative(words: str) -> JsonObject:
    """A short narrative."""
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>',
    }


def telecom(use: str) -> list[Any]:
    """A phone and an email of this use."""
    return [
        {"system": "phone", "value": "555-555-0100", "use": use},
        {"system": "email", "value": f"{use}@example.invalid", "use": use},
    ]


def address(use: str) -> JsonObject:
    """An address of this use."""
    lines = ["1 Example Street", "Suite 4"]
    place = {
        "city": "Example City",
        "district": "Example",
        "state": "WI",
        "postalCode": "53000",
        "country": "US",
    }
    return {"use": use, "type": "both", "line": lines, **place, "period": {"start": "2020-01-01"}}


def us_core(name: str, code: str, display: str) -> JsonObject:
    """One of US Core's extensions for race and ethnicity."""
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code, "display": display}
    parts = [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": display}]
    return {"url": f"{US_CORE}/us-core-{name}", "extension": parts}
