"""Libraries of any size: generated payers and policies over invented codes, as FHIR JSON files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.crd.codes import (
    CANONICAL_BASE,
    COVERAGE_DETAIL,
    COVERAGE_DETERMINATION,
    PAYER_ID,
    REASONS,
)

JsonObject = dict[str, Any]

BUILT_IN = 2  # policies that come with the service
CODES = "https://codes.example.invalid/procedures"
CODES_A_POLICY = 8
_PAYERS = 50
_VERSION = "2026.1.1"
_MOST_CITATIONS = 20
_OWN_WORDS_EVERY = 4  # one policy in so many has a condition and a detail of its own
_USAGE_CONTEXT = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_COMMENT = "http://hl7.org/fhir/StructureDefinition/cqf-artifactComment"
_CONCEPT_COMMENT = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"
_EVIDENCE = (
    "The evidence does not suffice to call the procedure standard treatment: the studies at hand "
    "are few, small and uncontrolled, their outcomes are not comparable, and no guideline in wide "
    "use recommends it for this indication."
)
_HOOKS = "order-sign order-select order-dispatch appointment-book".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedLibrary:
    """A directory of generated policies; `policies` counts the built-in ones too."""

    directory: Path
    policies: int
    files: int
    size: int


def write_library(directory: Path, policies: int) -> GeneratedLibrary:
    """A library that makes `policies` of them together with the built-in ones."""
    generated = max(0, policies - BUILT_IN)
    artifacts = [artifact for number in range(generated) for artifact in _policy(number)]
    if artifacts:
        artifacts += [artifact for number in range(_PAYERS) for artifact in _payer(number)]
    size = sum(_write(directory, artifact) for artifact in artifacts)
    return GeneratedLibrary(
        directory=directory, policies=generated + BUILT_IN, files=len(artifacts), size=size
    )


def payer_of(number: int) -> str:
    """The payer of a generated policy."""
    return f"payer-{number % _PAYERS:02d}"


def codes_of(number: int) -> list[str]:
    """The codes a generated policy lists: its own, and one of the payer's next policy."""
    ours = range(number * CODES_A_POLICY, (number + 1) * CODES_A_POLICY)
    shared = (number + _PAYERS) * CODES_A_POLICY
    return [f"P{code:06d}" for code in (*ours, shared)]


def _write(directory: Path, artifact: JsonObject) -> int:
    folder: Path = directory / artifact.pop("folder")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{artifact['resourceType']}-{artifact['id']}.json"
    file.write_text(json.dumps(artifact, indent=2) + "\n", encoding="utf-8")
    return file.stat().st_size


def _payer(number: int) -> tuple[JsonObject, JsonObject]:
    payer, plan = payer_of(number), f"{payer_of(number)}-plan"
    organization = {
        "resourceType": "Organization",
        "id": payer,
        "folder": payer,
        "identifier": [{"system": PAYER_ID, "value": payer}],
        "active": True,
        "type": [_concept("http://terminology.hl7.org/CodeSystem/organization-type", "pay")],
        "name": f"Payer {number}",
    }
    insurance_plan = {
        "resourceType": "InsurancePlan",
        "id": plan,
        "folder": payer,
        "identifier": [{"system": f"{CANONICAL_BASE}/NamingSystem/plan-id", "value": plan}],
        "status": "active",
        "type": [_concept("https://nahdo.org/sopt", "512")],
        "name": f"Payer {number} Commercial",
        "ownedBy": {"reference": f"Organization/{payer}"},
        "administeredBy": {"reference": f"Organization/{payer}"},
    }
    return organization, insurance_plan


def _policy(number: int) -> tuple[JsonObject, JsonObject]:
    payer, name = payer_of(number), f"{payer_of(number)}-policy-{number:05d}"
    folder = f"{payer}/policy-{number:05d}"
    return _plan_definition(number, name, payer, folder), _value_set(number, name, folder)


def _value_set(number: int, name: str, folder: str) -> JsonObject:
    concepts = [
        {
            "extension": [{"url": _CONCEPT_COMMENT, "valueString": f"Invented procedure {code}"}],
            "code": code,
        }
        for code in codes_of(number)
    ]
    return {
        "resourceType": "ValueSet",
        "id": f"{name}-codes",
        "folder": folder,
        "url": f"{CANONICAL_BASE}/ValueSet/{name}-codes",
        "version": _VERSION,
        "name": f"Policy{number:05d}Codes",
        "title": f"Codes that policy {number} lists",
        "status": "active",
        "experimental": True,
        "date": "2026-01-01",
        "description": "Invented codes for measuring.",
        "compose": {"include": [{"system": CODES, "version": "2026", "concept": concepts}]},
        "expansion": {
            "identifier": f"urn:uuid:00000000-0000-5000-8000-{number:012d}",
            "timestamp": "2026-01-01T00:00:00Z",
            "total": len(concepts),
            "contains": [{"system": CODES, "code": code} for code in codes_of(number)],
        },
    }


def _plan_definition(number: int, name: str, payer: str, folder: str) -> JsonObject:
    return {
        "resourceType": "PlanDefinition",
        "id": name,
        "folder": folder,
        "extension": [_comment(f"Statement {row}: {_EVIDENCE}") for row in range(number % 5 or 1)],
        "url": f"{CANONICAL_BASE}/PlanDefinition/{name}",
        "identifier": [
            {"system": f"{CANONICAL_BASE}/NamingSystem/policy-number", "value": f"POL.{number:05d}"}
        ],
        "version": _VERSION,
        "name": f"Policy{number:05d}",
        "title": f"Invented procedure {number}",
        "type": _concept("http://terminology.hl7.org/CodeSystem/plan-definition-type", "eca-rule"),
        "status": "active",
        "experimental": True,
        "date": "2026-01-01",
        "publisher": f"Payer {number % _PAYERS}",
        "description": f"Invented procedure {number}, for measuring. {_EVIDENCE}",
        "useContext": [
            _context("program", [{"system": PAYER_ID, "code": payer}]),
            _context(
                "focus",
                [{"system": CODES, "version": "2026", "code": code} for code in codes_of(number)],
            ),
        ],
        "effectivePeriod": {"start": "2026-01-01"},
        "topic": [{"text": f"Invented procedure {number}"}, {"text": f"Device {number}"}],
        "relatedArtifact": _related(number, name),
        "action": [
            {
                "id": "coverage",
                "trigger": [{"type": "named-event", "name": hook} for hook in _HOOKS],
                "selectionBehavior": "at-most-one",
                "action": [_rule(number, name)],
            }
        ],
    }


def _related(number: int, name: str) -> list[JsonObject]:
    citations = [
        {
            "type": "citation",
            "label": str(row),
            "citation": f"An invented study of procedure {number}, part {row}. 2025.",
        }
        for row in range(number % _MOST_CITATIONS)
    ]
    return [
        *citations,
        {"type": "depends-on", "resource": f"{CANONICAL_BASE}/ValueSet/{name}-codes|{_VERSION}"},
    ]


def _rule(number: int, name: str) -> JsonObject:
    own = number % _OWN_WORDS_EVERY == 0
    reason = _concept(REASONS, "not-reasonable-necessary") | {
        "text": f"POL.{number:05d}: {_EVIDENCE}"
    }
    determination = [
        {"url": "covered", "valueCode": "not-covered"},
        {"url": "reason", "valueCodeableConcept": reason},
        *([_detail(number)] if own else []),
    ]
    return {
        "id": "listed-code",
        "extension": [{"url": COVERAGE_DETERMINATION, "extension": determination}],
        "title": f"Payer {number % _PAYERS} does not cover invented procedure {number}",
        "description": f"Invented procedure {number} is not covered.",
        "textEquivalent": "If the order has a listed code, then it is not covered.",
        "documentation": [
            {"type": "documentation", "label": "Limitations", "display": f"POL.{number:05d}"}
        ],
        "condition": [
            _condition("The order has a listed code", "%order.exists()"),
            *([_own(number)] if own else []),
        ],
        "input": [
            {
                "id": "order",
                "type": "ServiceRequest",
                "codeFilter": [
                    {
                        "path": "code",
                        "valueSet": f"{CANONICAL_BASE}/ValueSet/{name}-codes|{_VERSION}",
                    }
                ],
            }
        ],
    }


def _own(number: int) -> JsonObject:
    expression = f"%words.mentions('study {number}' | 'trial {number}').empty()"
    return _condition(f"The order does not name study {number}", expression)


def _condition(description: str, expression: str) -> JsonObject:
    return {"kind": "applicability", "expression": _expression(description, expression)}


def _detail(number: int) -> JsonObject:
    coding = _concept(COVERAGE_DETAIL, "instructions")
    when = _expression(
        "The order says where", f"%order.locationCode.coding.where(code = 'site-{number}').exists()"
    )
    inside = [
        {"url": "category", "valueCode": "cat-other"},
        {"url": "code", "valueCodeableConcept": coding},
        {"url": "value", "valueString": f"Ask for the site's agreement under policy {number}."},
        {"url": "when", "valueExpression": when},
    ]
    return {"url": "detail", "extension": inside}


def _expression(description: str, expression: str) -> JsonObject:
    return {"description": description, "language": "text/fhirpath", "expression": expression}


def _comment(words: str) -> JsonObject:
    parts = [{"url": "type", "valueCode": "documentation"}, {"url": "text", "valueMarkdown": words}]
    return {"url": _COMMENT, "extension": parts}


def _context(code: str, codings: list[JsonObject]) -> JsonObject:
    return {
        "code": {"system": _USAGE_CONTEXT, "code": code},
        "valueCodeableConcept": {"coding": codings},
    }


def _concept(system: str, code: str) -> JsonObject:
    return {"coding": [{"system": system, "code": code}]}
