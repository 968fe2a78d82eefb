"""Order-sign calls as a CRD 2.2 client sends them; all people invented."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarking.elements import EHR
from benchmarking.resources import (
    Ordered,
    drafted_order,
    found,
    member,
    member_coverage,
    member_id,
    organization,
    practitioner,
    role,
    theatre,
    visit,
)
from hook_requests import JsonObject, order_sign

from cds_service.fhir.resource import encode

ICARE_CODE = Ordered(
    payer="icare",
    brand="Independent Care Health Plan",
    plan_type="111",
    code="0600T",
    words="Ablation of a liver lesion",
)
NO_POLICY = replace(ICARE_CODE, code="99999", words="A service of no policy")
ANTHEM_WORDS = replace(
    ICARE_CODE,
    payer="anthem",
    brand="Anthem",
    plan_type="512",
    code="93799",
    words="Pulsed field ablation of the veins",
)


def call_bodies(
    count: int, ordered: Ordered = ICARE_CODE, *, orders: int = 1, ehr: str = ""
) -> list[bytes]:
    """As many calls of the same length, each with its own hook instance, orders and member.

    Everything is prefetched, or with the base address of an EHR nothing is.
    """
    return [_body(number, ordered, orders, ehr) for number in range(count)]


def every_resource(count: int, ordered: Ordered = ICARE_CODE) -> Iterator[JsonObject]:
    """What an EHR must have for as many calls that send nothing."""
    for number in range(count):
        for value in _prefetch(number, ordered).values():
            entries = value["entry"] if value and "entry" in value else [{"resource": value}]
            yield from (entry["resource"] for entry in entries if entry["resource"])


def _body(number: int, ordered: Ordered, orders: int, ehr: str) -> bytes:
    drafted = (drafted_order(number * orders + place, ordered, number) for place in range(orders))
    prefetch = {} if ehr else _prefetch(number, ordered)
    call = order_sign(*drafted, version="2.2", prefetch=prefetch)
    return encode(
        {
            **call,
            "hookInstance": f"d1577c69-dfbe-44ad-ba6d-{number:012d}",
            "fhirServer": ehr or EHR,
            "fhirAuthorization": {
                "access_token": f"{'not-a-token-' * 24}{number:04d}",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "patient/Patient.read patient/Coverage.read "
                "user/Practitioner.read user/Organization.read",
                "subject": "crd-service",
                "patient": member_id(number),
            },
            "context": {
                **call["context"],
                "userId": "Practitioner/signer-0001",
                "patientId": member_id(number),
                "encounterId": f"encounter-{number:04d}",
            },
        }
    )


def _prefetch(number: int, ordered: Ordered) -> JsonObject:
    return {
        "patient": member(number),
        "coverage": found(member_coverage(number, ordered)),
        "payers": found(organization("payer-0001", ordered.brand, payer=ordered.payer)),
        "encounter": visit(number),
        "practitioners": found(
            practitioner("signer-0001", "Ito"), practitioner("surgeon-0001", "Osei")
        ),
        "roles": found(role("signer-0001", "clinic-0001"), role("surgeon-0001", "hospital-0001")),
        "organizations": found(
            organization("clinic-0001", "Lakeshore Oncology Clinic"),
            organization("hospital-0001", "Lakeshore Hospital"),
        ),
        "locations": found(theatre()),
        "devices": None,
        "medications": None,
    }
