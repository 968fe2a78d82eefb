"""A small library whose policies propose: one proposal of each kind, and what they refer to."""

from collections.abc import Iterable, Mapping
from typing import Any

from small_library import applicability, policy, rule

from cds_service.crd.codes import CANONICAL_BASE, CARD_TYPES, CRD_TEMP
from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]

ACTION_TYPES = "http://terminology.hl7.org/CodeSystem/action-type"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PLAIN_DRUG = {"coding": [{"system": RXNORM, "code": "1000001"}], "text": "The plain drug"}
SMALLER = {"coding": [{"system": CPT, "code": "0002T"}], "text": "The smaller procedure"}
APP = "https://apps.example.invalid/launch?tool=dose"
ALL_HOOKS = (
    "order-sign",
    "order-select",
    "order-dispatch",
    "appointment-book",
    "encounter-start",
    "encounter-discharge",
)


def action_type(code: str) -> JsonObject:
    """The type of an action."""
    return {"coding": [{"system": ACTION_TYPES, "code": code}]}


def dynamic(path: str, expression: str) -> JsonObject:
    """A `dynamicValue`."""
    return {"path": path, "expression": {"language": "text/fhirpath", "expression": expression}}


def canonical(kind: str, name: str) -> str:
    """The pinned canonical of a definition of these libraries."""
    return f"{CANONICAL_BASE}/{kind}/{name}|1"


def definition(name: str, kind: str = "ServiceRequest", **elements: Any) -> JsonObject:
    """An ActivityDefinition for orders of one kind."""
    return {
        "resourceType": "ActivityDefinition",
        "id": name,
        "url": f"{CANONICAL_BASE}/ActivityDefinition/{name}",
        "version": "1",
        "status": "active",
        "kind": kind,
        **elements,
    }


def questionnaire(name: str = "form") -> JsonObject:
    """A form with one question."""
    return {
        "resourceType": "Questionnaire",
        "id": name,
        "url": f"{CANONICAL_BASE}/Questionnaire/{name}",
        "version": "1",
        "status": "active",
        "item": [{"linkId": "1", "text": "Was the other treatment tried?", "type": "boolean"}],
    }


DEFINITIONS = (
    definition(
        "smaller",
        code=SMALLER,
        quantity={"value": 1},
        timingDateTime="2026-12-24",
    ),
    definition("test", code={"coding": [{"system": CPT, "code": "0003T"}], "text": "A test"}),
    definition(
        "drug",
        "MedicationRequest",
        productCodeableConcept=PLAIN_DRUG,
        dosage=[{"text": "one tablet a day"}],
        quantity={"value": 28},
    ),
    definition("device", "DeviceRequest", code={"text": "The plain device"}),
    questionnaire(),
)


def proposal(name: str, topic: str, *conditions: str, **elements: Any) -> JsonObject:
    """A proposal under a rule, less what its kind has."""
    conditional = {"condition": list(map(applicability, conditions))} if conditions else {}
    return {
        "id": name,
        "title": f"Do {name}",
        "description": f"In the order, do {name} by hand.",
        "code": [{"coding": [{"system": CARD_TYPES, "code": topic}]}],
        **conditional,
        **elements,
    }


def update(name: str = "update", defined: str = "smaller", **elements: Any) -> JsonObject:
    """An alternate request that changes the order."""
    changed = {
        "type": action_type("update"),
        "definitionCanonical": canonical("ActivityDefinition", defined),
    }
    return {**proposal(name, "therapy-alternatives-req"), **changed, **elements}


def replacement(name: str = "replacement", defined: str = "smaller", **elements: Any) -> JsonObject:
    """An alternate request that takes the order's place."""
    creation = {
        "type": action_type("create"),
        "definitionCanonical": canonical("ActivityDefinition", defined),
    }
    pair = {"action": [{"type": action_type("remove")}, creation]}
    return {**proposal(name, "therapy-alternatives-opt"), **pair, **elements}


def addition(name: str = "addition", defined: str = "test", **elements: Any) -> JsonObject:
    """An additional order."""
    created = {
        "type": action_type("create"),
        "definitionCanonical": canonical("ActivityDefinition", defined),
    }
    return {**proposal(name, "clinical-reminder"), **created, **elements}


def form(name: str = "fill-in", **elements: Any) -> JsonObject:
    """A form to complete."""
    kept = {"system": CRD_TEMP, "code": "all-claims-include"}
    created = {
        "type": action_type("create"),
        "definitionCanonical": canonical("Questionnaire", "form"),
        "reason": [{"coding": [kept], "text": "To be kept with the claims"}],
    }
    return {**proposal(name, "appropriate-use"), **created, **elements}


def correction(name: str = "correction", **elements: Any) -> JsonObject:
    """A corrected Coverage."""
    changed = {
        "type": action_type("update"),
        "input": [{"type": "Coverage"}],
        "dynamicValue": [dynamic("subscriberId", "'S-1'")],
    }
    return {**proposal(name, "insurance"), **changed, **elements}


def app(name: str = "app", **elements: Any) -> JsonObject:
    """A SMART app."""
    return {**proposal(name, "cost"), "definitionUri": APP, **elements}


# One of each kind, for ServiceRequests.
EVERY_KIND: Mapping[str, JsonObject] = {
    "update": update(),
    "replacement": replacement(),
    "addition": addition(),
    "form": form(),
    "correction": correction(),
    "app": app(dynamicValue=[dynamic("appContext", "'tool-1'")]),
}
# The response type of each, by the name of its model.
RESPONSE_TYPE_OF: Mapping[str, str] = {
    "update": "alternateRequest",
    "replacement": "alternateRequest",
    "addition": "additionalOrders",
    "form": "formCompletion",
    "correction": "adjustCoverage",
    "app": "launchSMART",
}

# The response type of each kind by the topic of its card, which no other kind has.
PROPOSED: Mapping[str, str] = {
    found["code"][0]["coding"][0]["code"]: RESPONSE_TYPE_OF[name]
    for name, found in EVERY_KIND.items()
}


def proposing(
    *proposals: JsonObject, hooks: Iterable[str] = ALL_HOOKS, **of_rule: Any
) -> JsonObject:
    """A policy of one rule that proposes these."""
    below = {"action": list(proposals)} if proposals else {}
    return policy(rule(**{**of_rule, **below}), hooks=hooks)
