"""Warming up: a call of each hook before any clinician's."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from cds_service.crd.request.hooks import Hook
from cds_service.errors import HookError
from cds_service.fhir.coding import Coding
from cds_service.fhir.resource import JsonObject, encode
from cds_service.pipeline import Pipeline

_WARMED = 16  # rules whose codes are in the first call


def warm_up(pipelines: Iterable[Pipeline]) -> None:
    """Evaluate a call of each hook, so that no clinician's is the first; nothing is recorded.

    Without a Coverage, it is about some codes of every payer: all that a call can do is done once.
    """
    for pipeline in pipelines:
        codings = [coding for rule in pipeline.index.rules[:_WARMED] for coding in rule.codings[:1]]
        with suppress(HookError):
            replace(pipeline, ehr=None).evaluate(encode(_first_call(pipeline.hook, codings)))


def _first_call(hook: Hook, codings: Iterable[Coding]) -> JsonObject:
    """A request that any hook reads something of."""
    code = {"coding": [coding.to_json() for coding in codings], "text": "a first order"}
    order = {"resourceType": "ServiceRequest", "id": "1", "code": code}
    return {
        "hook": hook.name,
        "hookInstance": str(uuid4()),
        "fhirServer": "http://127.0.0.1/fhir",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "1",
            "encounterId": "1",
            "draftOrders": order,
            "selections": ["ServiceRequest/1"],
            "dispatchedOrders": ["ServiceRequest/1"],
            "appointments": {"resourceType": "Appointment", "id": "1"},
        },
        "prefetch": {"patient": None, "coverage": None, "serviceRequests": order},
    }
