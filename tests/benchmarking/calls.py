"""Order-sign calls with a full prefetch, as a CRD 2.2 client sends them; all people invented."""

from dataclasses import dataclass, replace
from typing import Any

from hook_requests import JsonObject, bundle, coverage, order_sign, patient, service_request

from cds_service.crd.codes import PAYER_ID
from cds_service.fhir.resource import encode

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
_CRD = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_SNOMED = "http://snomed.info/sct"
_NPI = "http://hl7.org/fhir/sid/us-npi"
_EHR = "http://127.0.0.1:9/fhir"  # loopback, where nobody listens: nothing is to be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What a call orders of which payer; the rest of all calls is the same."""

    payer: str
    brand: str
    plan_type: str
    code: str
    words: str


ICARE_CODE = Ordered(
    payer="icare",
    brand="Independent Care Health Plan",
    plan_type="111",
    code="0600T",
    words="Ablation of a liver lesion",
)
ANTHEM_CODE = replace(ICARE_CODE, payer="anthem", brand="Anthem", plan_type="512")
ANTHEM_WORDS = replace(ANTHEM_CODE, code="93799", words="Pulsed field ablation of the veins")


def call_bodies(count: int, ordered: Ordered = ICARE_CODE) -> list[bytes]:
    """As many calls of the same length, each with its own hook instance, order and member."""
    return [_body(number, ordered) for number in range(count)]


def _body(number: int, ordered: Ordered) -> bytes:
    call = order_sign(_order(number, ordered), version="2.2", prefetch=_prefetch(number, ordered))
    return encode(
        {
            **call,
            "hookInstance": f"d1577c69-dfbe-44ad-ba6d-{number:012d}",
            "fhirServer": _EHR,
            "fhirAuthorization": {
                "access_token": f"{'not-a-token-' * 24}{number:04d}",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/Patient.read patient/Coverage.read "
                "user/Practitioner.read user/Organization.read",
                "subject": "crd-service",
                "patient": _member(number),
            },
            "context": {
                **call["context"],
                "userId": "Practitioner/signer-0001",
                "patientId": _member(number),
                "encounterId": f"encounter-{number:04d}",
            },
        }
    )


def _member(number: int) -> str:
    return f"member-{number:04d}"


def _prefetch(number: int, ordered: Ordered) -> JsonObject:
    return {
        "patient": _patient(number),
        "coverage": _found(_coverage(number, ordered)),
        "payers": _found(_organization("payer-0001", ordered.brand, payer=ordered.payer)),
        "encounter": _encounter(number),
        "practitioners": _found(
            _practitioner("signer-0001", "Ito"), _practitioner("surgeon-0001", "Osei")
        ),
        "roles": _found(
            _role("signer-0001", "clinic-0001"), _role("surgeon-0001", "hospital-0001")
        ),
        "organizations": _found(
            _organization("clinic-0001", "Lakeshore Oncology Clinic"),
            _organization("hospital-0001", "Lakeshore Hospital"),
        ),
        "locations": _found(_location()),
        "devices": None,
        "medications": None,
    }


def _found(*resources: JsonObject) -> JsonObject:
    """A search's answer."""
    entries = [
        {
            "fullUrl": f"{_EHR}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    return {**bundle(), "type": "searchset", "total": len(entries), "entry": entries}


def _order(number: int, ordered: Ordered) -> JsonObject:
    drafted = service_request(
        ordered.code,
        id=f"order-{number:04d}",
        meta=_meta(f"{_CRD}/profile-servicerequest"),
        identifier=[{"system": f"{_EHR}/orders", "value": f"2026-{number:06d}"}],
        status="draft",
        category=[_concept(_SNOMED, "387713003", "Surgical procedure")],
        priority="routine",
        subject=_reference("Patient", _member(number)),
        encounter=_reference("Encounter", f"encounter-{number:04d}"),
        occurrencePeriod={"start": "2026-12-04", "end": "2026-12-04"},
        requester=_reference("PractitionerRole", "role-signer-0001"),
        performer=[_reference("PractitionerRole", "role-surgeon-0001")],
        locationReference=[_reference("Location", "theatre-0001")],
        insurance=[_reference("Coverage", f"coverage-{number:04d}")],
        reasonCode=[_concept("http://hl7.org/fhir/sid/icd-10-cm", "C22.0", "Liver cell carcinoma")],
        bodySite=[_concept(_SNOMED, "10200004", "Liver structure")],
        quantityQuantity={"value": 1, "unit": "procedure"},
        note=[
            {
                "text": "Lesion of 2.10 cm in segment IV beside the hepatic vein; "
                "discussed with the tumor board."
            }
        ],
        text=_narrative("Ablation of a lesion of the liver, ordered for 4 December 2026, routine."),
    )
    return {**drafted, "code": {**drafted["code"], "text": ordered.words}}


def _patient(number: int) -> JsonObject:
    return patient(
        id=_member(number),
        meta=_meta(f"{_CRD}/profile-patient"),
        text=_narrative(
            "Ada Example, born 1950-05-05, lives in Example City, Wisconsin; speaks English."
        ),
        extension=[
            _us_core("race", "2106-3", "White"),
            _us_core("ethnicity", "2186-5", "Not Hispanic or Latino"),
        ],
        identifier=[
            {
                "use": "usual",
                "type": _concept(f"{_TERMINOLOGY}/v2-0203", name, what),
                "system": system,
                "value": value,
            }
            for name, what, system, value in (
                ("MR", "Medical record number", f"{_EHR}/records", f"MR{number:07d}"),
                ("MB", "Member number", "https://payer.example.invalid/members", f"W{number:09d}"),
            )
        ],
        active=True,
        name=[{"use": "official", "family": "Example", "given": ["Ada", "Q."], "prefix": ["Ms."]}],
        telecom=_telecom("home"),
        gender="female",
        birthDate="1950-05-05",
        deceasedBoolean=False,
        address=[_address("home")],
        maritalStatus=_concept(f"{_TERMINOLOGY}/v3-MaritalStatus", "M", "Married"),
        communication=[
            {"language": _concept("urn:ietf:bcp:47", "en-US", "English"), "preferred": True}
        ],
        generalPractitioner=[_reference("Practitioner", "signer-0001")],
        managingOrganization=_reference("Organization", "clinic-0001"),
    )


def _coverage(number: int, ordered: Ordered) -> JsonObject:
    member = f"W{number:09d}"
    classes = [
        _class("group", "GRP-0042"),
        _class("plan", "MA-HMO-7"),
        _class("subplan", "MA-HMO-7-WI"),
    ]
    sent = coverage(
        plan_type={"system": "https://nahdo.org/sopt", "code": ordered.plan_type},
        id=f"coverage-{number:04d}",
        meta=_meta(f"{_CRD}/profile-coverage"),
        text=_narrative("iCare Medicare Advantage, member since 1 January 2026."),
        identifier=[
            {"type": _concept(f"{_TERMINOLOGY}/v2-0203", "MB", "Member number"), "value": member}
        ],
        policyHolder=_reference("Patient", _member(number)),
        subscriber=_reference("Patient", _member(number)),
        subscriberId=member,
        beneficiary=_reference("Patient", _member(number)),
        dependent="01",
        period={"start": "2026-01-01", "end": "2026-12-31"},
        payor=[_reference("Organization", "payer-0001")],
        order=1,
        network="Wisconsin network",
        costToBeneficiary=[
            {
                "type": _concept(f"{_TERMINOLOGY}/coverage-copay-type", "copaypct"),
                "valueQuantity": {"value": 20.00},
            }
        ],
    )
    return {**sent, "class": classes}


def _class(kind: str, value: str) -> JsonObject:
    return {
        "type": _concept(f"{_TERMINOLOGY}/coverage-class", kind),
        "value": value,
        "name": f"The {kind} {value}",
    }


def _encounter(number: int) -> JsonObject:
    return {
        "resourceType": "Encounter",
        "id": f"encounter-{number:04d}",
        "meta": _meta(f"{_CRD}/profile-encounter"),
        "text": _narrative("Outpatient visit to the oncology clinic on 20 November 2026."),
        "identifier": [{"system": f"{_EHR}/visits", "value": f"V{number:08d}"}],
        "status": "in-progress",
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [_concept(_SNOMED, "185349003", "Encounter for check up")],
        "subject": _reference("Patient", _member(number)),
        "participant": [
            {
                "type": [_concept(f"{_TERMINOLOGY}/v3-ParticipationType", "ATND", "attender")],
                "period": {"start": "2026-11-20T09:00:00-06:00"},
                "individual": _reference("Practitioner", "signer-0001"),
            }
        ],
        "period": {"start": "2026-11-20T09:00:00-06:00"},
        "reasonCode": [
            _concept("http://hl7.org/fhir/sid/icd-10-cm", "C22.0", "Liver cell carcinoma")
        ],
        "location": [{"location": _reference("Location", "theatre-0001"), "status": "planned"}],
        "serviceProvider": _reference("Organization", "clinic-0001"),
    }


def _practitioner(identity: str, family: str) -> JsonObject:
    return {
        "resourceType": "Practitioner",
        "id": identity,
        "meta": _meta(f"{_CRD}/profile-practitioner"),
        "text": _narrative(f"Dr. Sam {family}, physician, licensed in Wisconsin."),
        "identifier": [{"system": _NPI, "value": "0000000000"}],
        "active": True,
        "name": [{"use": "official", "family": family, "given": ["Sam"], "prefix": ["Dr."]}],
        "telecom": _telecom("work"),
        "address": [_address("work")],
        "qualification": [
            {"code": _concept(f"{_TERMINOLOGY}/v2-0360", "MD", "Doctor of Medicine")}
        ],
    }


def _role(practitioner: str, organization: str) -> JsonObject:
    return {
        "resourceType": "PractitionerRole",
        "id": f"role-{practitioner}",
        "meta": _meta(f"{_US_CORE}/us-core-practitionerrole"),
        "active": True,
        "practitioner": _reference("Practitioner", practitioner),
        "organization": _reference("Organization", organization),
        "code": [_concept(_SNOMED, "309343006", "Physician")],
        "specialty": [
            _concept("http://nucc.org/provider-taxonomy", "207RX0202X", "Medical oncology")
        ],
        "location": [_reference("Location", "theatre-0001")],
        "telecom": _telecom("work"),
    }


def _organization(identity: str, name: str, *, payer: str = "") -> JsonObject:
    known_as = (
        {"system": PAYER_ID, "value": payer} if payer else {"system": _NPI, "value": "0000000000"}
    )
    return {
        "resourceType": "Organization",
        "id": identity,
        "meta": _meta(f"{_CRD}/profile-organization"),
        "text": _narrative(f"{name}, Example City, Wisconsin."),
        "identifier": [known_as],
        "active": True,
        "type": [_concept(f"{_TERMINOLOGY}/organization-type", "pay" if payer else "prov")],
        "name": name,
        "telecom": _telecom("work"),
        "address": [_address("work")],
    }


def _location() -> JsonObject:
    return {
        "resourceType": "Location",
        "id": "theatre-0001",
        "meta": _meta(f"{_CRD}/profile-location"),
        "status": "active",
        "name": "Lakeshore Hospital, operating theatre 1",
        "type": [_concept(f"{_TERMINOLOGY}/v3-RoleCode", "HOSP", "Hospital")],
        "telecom": _telecom("work"),
        "address": _address("work"),
        "position": {"longitude": -87.9065, "latitude": 43.0389},
        "managingOrganization": _reference("Organization", "hospital-0001"),
    }


def _concept(system: str, code: str, display: str = "") -> JsonObject:
    coding = {"system": system, "code": code}
    return (
        {"coding": [{**coding, "display": display}], "text": display}
        if display
        else {"coding": [coding]}
    )


def _reference(kind: str, identity: str) -> JsonObject:
    return {"reference": f"{kind}/{identity}", "display": f"{kind} {identity}"}


def _meta(profile: str) -> JsonObject:
    return {"versionId": "3", "lastUpdated": "2026-11-19T08:15:30.250-06:00", "profile": [profile]}


def _narrative(words: str) -> JsonObject:
    return {
        "status": "generated",
        "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>',
    }


def _telecom(use: str) -> list[Any]:
    return [
        {"system": "phone", "value": "555-555-0100", "use": use},
        {"system": "email", "value": f"{use}@example.invalid", "use": use},
    ]


def _address(use: str) -> JsonObject:
    lines = ["1 Example Street", "Suite 4"]
    place = {
        "city": "Example City",
        "district": "Example",
        "state": "WI",
        "postalCode": "53000",
        "country": "US",
    }
    return {"use": use, "type": "both", "line": lines, **place, "period": {"start": "2020-01-01"}}


def _us_core(name: str, code: str, display: str) -> JsonObject:
    coding = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": code, "display": display}
    parts = [{"url": "ombCategory", "valueCoding": coding}, {"url": "text", "valueString": display}]
    return {"url": f"{_US_CORE}/us-core-{name}", "extension": parts}
