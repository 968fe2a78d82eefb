"""An example call, made up: an order that a policy of the built-in library speaks of."""

from collections.abc import Iterable, Mapping

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import JsonObject

POLICY, POLICY_VERSION = "icare-wi-pa-1266-20241008", "2024.10.8"
VALUE_SET, PAYER = "icare-wi-pa-1266-ire-procedures", "icare"
CODE_SYSTEM = "card-override-reason"
_EHR = "https://ehr.example.invalid/fhir"
_ORDER: JsonObject = {
    "resourceType": "ServiceRequest",
    "id": "order-1",
    "status": "draft",
    "intent": "order",
    "code": {"coding": [{"system": CPT, "code": "0600T"}]},
    "subject": {"reference": "Patient/member-1"},
    "occurrenceDateTime": "2026-12-01",
    "authoredOn": "2026-11-20",
    "requester": {"reference": "Practitioner/signer"},
}
_COVERAGE: JsonObject = {
    "resourceType": "Coverage",
    "id": "coverage-1",
    "status": "active",
    "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "111"}]},
    "beneficiary": {"reference": "Patient/member-1"},
    "payor": [
        {"identifier": {"system": f"{CANONICAL_BASE}/NamingSystem/payer-id", "value": "icare"}}
    ],
}
ORDER_SIGN: JsonObject = {
    "hook": "order-sign",
    "hookInstance": "0d7ddc5e-8a24-4e25-9d3e-7ba30c7ad5c2",
    "fhirServer": _EHR,
    "context": {
        "userId": "Practitioner/signer",
        "patientId": "member-1",
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"fullUrl": f"{_EHR}/ServiceRequest/order-1", "resource": _ORDER}],
        },
    },
    "prefetch": {
        "patient": {"resourceType": "Patient", "id": "member-1", "birthDate": "1950-01-01"},
        "coverage": {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": _COVERAGE}],
        },
    },
    "extension": {"davinci-crd.requestedVersion": "2.2"},
}
# What to ask of a resource of each type that has operations.
ASKED: Mapping[str, JsonObject] = {
    "ValueSet": {
        "identity": VALUE_SET,
        "url": f"{CANONICAL_BASE}/ValueSet/{VALUE_SET}",
        "code": "0600T",
        "system": CPT,
        "filter": "060",
    },
    "CodeSystem": {
        "identity": CODE_SYSTEM,
        "url": f"{CANONICAL_BASE}/CodeSystem/{CODE_SYSTEM}",
        "code": "will-appeal",
        "system": f"{CANONICAL_BASE}/CodeSystem/{CODE_SYSTEM}",
    },
    "PlanDefinition": {
        "identity": POLICY,
        "url": f"{CANONICAL_BASE}/PlanDefinition/icare-wi-pa-1266",
    },
}
FEEDBACK: JsonObject = {
    "feedback": [
        {
            "card": "5b1e1f6a-5d0b-4f43-9f0f-3b6c1c0d7c11",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-27T14:30:00Z",
            "overrideReason": {"reason": {"code": "will-appeal"}},
        }
    ]
}
_URIS = ("url", "system")


def example_of(kind: str, name: str) -> str:
    """The value of a parameter that asks about the resource of a type; empty if it has none."""
    return str(ASKED[kind].get(name, ""))


def example_parameters(kind: str, names: Iterable[str]) -> JsonObject:
    """The Parameters resource that asks the same, of what has an example."""
    asked = {name: example_of(kind, name) for name in names}
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, "valueUri" if name in _URIS else "valueString": value}
            for name, value in asked.items()
            if value
        ],
    }
