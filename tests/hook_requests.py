"""Hook requests to start from: invented people, real shapes."""

from typing import Any

from cds_service.crd.codes import PAYER_ID
from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]

HOOK_INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
MEDICARE_HMO: JsonObject = {"system": "https://nahdo.org/sopt", "code": "111"}
COMMERCIAL_PPO: JsonObject = {"system": "https://nahdo.org/sopt", "code": "512"}
COMMERCIAL_HMO: JsonObject = {"system": "https://nahdo.org/sopt", "code": "511"}


def service_request(code: str = "0600T", *, system: str = CPT, **elements: Any) -> JsonObject:
    """A draft ServiceRequest with one coding."""
    return {
        "resourceType": "ServiceRequest",
        "id": "order-1",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/member-1"},
        "authoredOn": "2026-11-01",
        "requester": {"reference": "Practitioner/signer"},
        **elements,
    }


def coverage(
    payer: str = "icare", plan_type: JsonObject | None = MEDICARE_HMO, **elements: Any
) -> JsonObject:
    """An active Coverage whose payer is given by identifier."""
    typed = {"type": {"coding": [plan_type]}} if plan_type else {}
    return {
        "resourceType": "Coverage",
        "id": "coverage-1",
        "status": "active",
        "beneficiary": {"reference": "Patient/member-1"},
        "relationship": {"coding": [{"code": "self"}]},
        "payor": [{"identifier": {"system": PAYER_ID, "value": payer}}],
        **typed,
        **elements,
    }


def patient(state: str = "WI", **elements: Any) -> JsonObject:
    """The member."""
    return {"resourceType": "Patient", "id": "member-1", "address": [{"state": state}], **elements}


def bundle(*resources: JsonObject) -> JsonObject:
    """A collection Bundle."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }


def order_sign(
    *orders: JsonObject,
    version: str | None = None,
    prefetch: JsonObject | None = None,
    **envelope: Any,
) -> JsonObject:
    """An order-sign request; without a `prefetch`, for an iCare Medicare Advantage member."""
    request: JsonObject = {
        "hook": "order-sign",
        "hookInstance": HOOK_INSTANCE,
        "context": {
            "userId": "Practitioner/signer",
            "patientId": "member-1",
            "draftOrders": bundle(*(orders or (service_request(),))),
        },
        "prefetch": prefetch
        if prefetch is not None
        else {"patient": patient(), "coverage": bundle(coverage())},
        **envelope,
    }
    if version:
        request.setdefault("extension", {})["davinci-crd.requestedVersion"] = version
    return request


def payer_by_reference() -> tuple[JsonObject, JsonObject]:
    """A Coverage that names its payer by reference, and the payer's Organization."""
    identifier = coverage()["payor"][0]["identifier"]
    payer = {"resourceType": "Organization", "id": "payer", "identifier": identifier}
    return coverage(payor=[{"reference": "Organization/payer"}]), payer
