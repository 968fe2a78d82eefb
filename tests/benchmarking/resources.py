"""Resources as an EHR has them, complete enough to weigh what real ones weigh; all invented."""

from dataclasses import dataclass

from benchmarking.elements import (
    CRD,
    EHR,
    NPI,
    SNOMED,
    TERMINOLOGY,
    US_CORE,
    address,
    concept,
    meta,
    narrative,
    reference,
    telecom,
    us_core,
)
from hook_requests import JsonObject, bundle, coverage, patient, service_request

from cds_service.crd.codes import PAYER_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What a call orders of which payer; the rest of all calls is the same."""

    payer: str
    brand: str
    plan_type: str
    code: str
    words: str


def member_id(number: int) -> str:
    """The id of a Patient."""
    return f"member-{number:04d}"


def found(*resources: JsonObject) -> JsonObject:
    """A search's answer."""
    entries = [
        {
            "fullUrl": f"{EHR}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    return {**bundle(), "type": "searchset", "total": len(entries), "entry": entries}


def drafted_order(number: int, ordered: Ordered, of: int) -> JsonObject:
    """A ServiceRequest for a member that waits to be signed."""
    drafted = service_request(
        ordered.code,
        id=f"order-{number:04d}",
        meta=meta(f"{CRD}/profile-servicerequest"),
        identifier=[{"system": f"{EHR}/orders", "value": f"2026-{number:06d}"}],
        status="draft",
        category=[concept(SNOMED, "387713003", "Surgical procedure")],
        priority="routine",
        subject=reference("Patient", member_id(of)),
        encounter=reference("Encounter", f"encounter-{of:04d}"),
        occurrencePeriod={"start": "2026-12-04", "end": "2026-12-04"},
        requester=reference("PractitionerRole", "role-signer-0001"),
        performer=[reference("PractitionerRole", "role-surgeon-0001")],
        locationReference=[reference("Location", "theatre-0001")],
        insurance=[reference("Coverage", f"coverage-{of:04d}")],
        reasonCode=[concept("http://hl7.org/fhir/sid/icd-10-cm", "C22.0", "Liver cell carcinoma")],
        bodySite=[concept(SNOMED, "10200004", "Liver structure")],
        quantityQuantity={"value": 1, "unit": "procedure"},
        note=[
            {
                "text": "Lesion of 2.10 cm in segment IV beside the hepatic vein; "
                "discussed with the tumor board."
            }
        ],
        text=narrative("Ablation of a lesion of the liver, ordered for 4 December 2026, routine."),
    )
    return {**drafted, "code": {**drafted["code"], "text": ordered.words}}


def member(number: int) -> JsonObject:
    """The Patient."""
    return patient(
        id=member_id(number),
        meta=meta(f"{CRD}/profile-patient"),
        text=narrative(
            "Ada Example, born 1950-05-05, lives in Example City, Wisconsin; speaks English."
        ),
        extension=[
            us_core("race", "2106-3", "White"),
            us_core("ethnicity", "2186-5", "Not Hispanic or Latino"),
        ],
        identifier=[
            {
                "use": "usual",
                "type": concept(f"{TERMINOLOGY}/v2-0203", name, what),
                "system": system,
                "value": value,
            }
            for name, what, system, value in (
                ("MR", "Medical record number", f"{EHR}/records", f"MR{number:07d}"),
                ("MB", "Member number", "https://payer.example.invalid/members", f"W{number:09d}"),
            )
        ],
        active=True,
        name=[{"use": "official", "family": "Example", "given": ["Ada", "Q."], "prefix": ["Ms."]}],
        telecom=telecom("home"),
        gender="female",
        birthDate="1950-05-05",
        deceasedBoolean=False,
        address=[address("home")],
        maritalStatus=concept(f"{TERMINOLOGY}/v3-MaritalStatus", "M", "Married"),
        communication=[
            {"language": concept("urn:ietf:bcp:47", "en-US", "English"), "preferred": True}
        ],
        generalPractitioner=[reference("Practitioner", "signer-0001")],
        managingOrganization=reference("Organization", "clinic-0001"),
    )


def member_coverage(number: int, ordered: Ordered) -> JsonObject:
    """The member's Coverage."""
    member = f"W{number:09d}"
    classes = [
        _class("group", "GRP-0042"),
        _class("plan", "MA-HMO-7"),
        _class("subplan", "MA-HMO-7-WI"),
    ]
    sent = coverage(
        plan_type={"system": "https://nahdo.org/sopt", "code": ordered.plan_type},
        id=f"coverage-{number:04d}",
        meta=meta(f"{CRD}/profile-coverage"),
        text=narrative("iCare Medicare Advantage, member since 1 January 2026."),
        identifier=[
            {"type": concept(f"{TERMINOLOGY}/v2-0203", "MB", "Member number"), "value": member}
        ],
        policyHolder=reference("Patient", member_id(number)),
        subscriber=reference("Patient", member_id(number)),
        subscriberId=member,
        beneficiary=reference("Patient", member_id(number)),
        dependent="01",
        period={"start": "2026-01-01", "end": "2026-12-31"},
        payor=[reference("Organization", "payer-0001")],
        order=1,
        network="Wisconsin network",
        costToBeneficiary=[
            {
                "type": concept(f"{TERMINOLOGY}/coverage-copay-type", "copaypct"),
                "valueQuantity": {"value": 20.00},
            }
        ],
    )
    return {**sent, "class": classes}


def _class(kind: str, value: str) -> JsonObject:
    return {
        "type": concept(f"{TERMINOLOGY}/coverage-class", kind),
        "value": value,
        "name": f"The {kind} {value}",
    }


def visit(number: int) -> JsonObject:
    """The Encounter."""
    return {
        "resourceType": "Encounter",
        "id": f"encounter-{number:04d}",
        "meta": meta(f"{CRD}/profile-encounter"),
        "text": narrative("Outpatient visit to the oncology clinic on 20 November 2026."),
        "identifier": [{"system": f"{EHR}/visits", "value": f"V{number:08d}"}],
        "status": "in-progress",
        "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [concept(SNOMED, "185349003", "Encounter for check up")],
        "subject": reference("Patient", member_id(number)),
        "participant": [
            {
                "type": [concept(f"{TERMINOLOGY}/v3-ParticipationType", "ATND", "attender")],
                "period": {"start": "2026-11-20T09:00:00-06:00"},
                "individual": reference("Practitioner", "signer-0001"),
            }
        ],
        "period": {"start": "2026-11-20T09:00:00-06:00"},
        "reasonCode": [
            concept("http://hl7.org/fhir/sid/icd-10-cm", "C22.0", "Liver cell carcinoma")
        ],
        "location": [{"location": reference("Location", "theatre-0001"), "status": "planned"}],
        "serviceProvider": reference("Organization", "clinic-0001"),
    }


def practitioner(identity: str, family: str) -> JsonObject:
    """A Practitioner."""
    return {
        "resourceType": "Practitioner",
        "id": identity,
        "meta": meta(f"{CRD}/profile-practitioner"),
        "text": narrative(f"Dr. Sam {family}, physician, licensed in Wisconsin."),
        "identifier": [{"system": NPI, "value": "0000000000"}],
        "active": True,
        "name": [{"use": "official", "family": family, "given": ["Sam"], "prefix": ["Dr."]}],
        "telecom": telecom("work"),
        "address": [address("work")],
        "qualification": [{"code": concept(f"{TERMINOLOGY}/v2-0360", "MD", "Doctor of Medicine")}],
    }


def role(practitioner: str, organization: str) -> JsonObject:
    """A PractitionerRole."""
    return {
        "resourceType": "PractitionerRole",
        "id": f"role-{practitioner}",
        "meta": meta(f"{US_CORE}/us-core-practitionerrole"),
        "active": True,
        "practitioner": reference("Practitioner", practitioner),
        "organization": reference("Organization", organization),
        "code": [concept(SNOMED, "309343006", "Physician")],
        "specialty": [
            concept("http://nucc.org/provider-taxonomy", "207RX0202X", "Medical oncology")
        ],
        "location": [reference("Location", "theatre-0001")],
        "telecom": telecom("work"),
    }


def organization(identity: str, name: str, *, payer: str = "") -> JsonObject:
    """A payer's Organization, or a provider's."""
    known_as = (
        {"system": PAYER_ID, "value": payer} if payer else {"system": NPI, "value": "0000000000"}
    )
    return {
        "resourceType": "Organization",
        "id": identity,
        "meta": meta(f"{CRD}/profile-organization"),
        "text": narrative(f"{name}, Example City, Wisconsin."),
        "identifier": [known_as],
        "active": True,
        "type": [concept(f"{TERMINOLOGY}/organization-type", "pay" if payer else "prov")],
        "name": name,
        "telecom": telecom("work"),
        "address": [address("work")],
    }


def theatre() -> JsonObject:
    """The Location."""
    return {
        "resourceType": "Location",
        "id": "theatre-0001",
        "meta": meta(f"{CRD}/profile-location"),
        "status": "active",
        "name": "Lakeshore Hospital, operating theatre 1",
        "type": [concept(f"{TERMINOLOGY}/v3-RoleCode", "HOSP", "Hospital")],
        "telecom": telecom("work"),
        "address": address("work"),
        "position": {"longitude": -87.9065, "latitude": 43.0389},
        "managingOrganization": reference("Organization", "hospital-0001"),
    }
