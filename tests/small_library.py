"""Small libraries of invented payers and policies, and copies of the built-in one to damage."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cds_service.crd.codes import CANONICAL_BASE, COVERAGE_DETERMINATION, PAYER_ID
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import decode, encode
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"
SOPT = "https://nahdo.org/sopt"


def organization(name: str = "acme", /, **elements: Any) -> JsonObject:
    """A payer with an identifier of ours."""
    return {
        "resourceType": "Organization",
        "id": name,
        "identifier": [{"system": PAYER_ID, "value": name}],
        "name": name.title(),
        **elements,
    }


def insurance_plan(name: str, /, *types: str, owner: str = "acme", **elements: Any) -> JsonObject:
    """A plan of a payer, found by Source of Payment types if it has any."""
    codings = [{"system": SOPT, "code": code} for code in types]
    typed = {"type": [{"coding": codings}]} if codings else {}
    return {
        "resourceType": "InsurancePlan",
        "id": name,
        "identifier": [{"system": f"{CANONICAL_BASE}/NamingSystem/plan-id", "value": name}],
        "status": "active",
        "name": name.title(),
        **typed,
        "ownedBy": {"reference": f"Organization/{owner}"},
        **elements,
    }


def part(url: str, code: str) -> JsonObject:
    """A coded part of a determination."""
    return {"url": url, "valueCode": code}


def reason(words: str = "because") -> JsonObject:
    """The reason part of a determination."""
    return {"url": "reason", "valueCodeableConcept": {"text": words}}


def instruction(words: str, **more: JsonObject) -> JsonObject:
    """A detail part that says what to do; `when` may hold an expression."""
    code = {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/crd-coverage-detail",
                "code": "instructions",
            }
        ]
    }
    inside: list[JsonObject] = [
        part("category", "cat-other"),
        {"url": "code", "valueCodeableConcept": code},
        {"url": "value", "valueString": words},
    ]
    return {
        "url": "detail",
        "extension": [*inside, *({"url": name, **value} for name, value in more.items())],
    }


NOT_COVERED = (part("covered", "not-covered"), reason())
COVERED_WITHOUT_AUTHORIZATION = (part("covered", "covered"), part("pa-needed", "no-auth"))
AUTHORIZATION_NEEDED = (part("covered", "covered"), part("pa-needed", "auth-needed"))


def applicability(expression: str) -> JsonObject:
    """A condition that is described by its own expression."""
    return {
        "kind": "applicability",
        "expression": {
            "description": expression,
            "language": "text/fhirpath",
            "expression": expression,
        },
    }


def rule(
    name: str = "rule-1",
    *,
    codes: Iterable[str] = ("0001T",),
    conditions: Iterable[str] = ("%order.exists()",),
    determination: Iterable[JsonObject] = NOT_COVERED,
    kind: str = "ServiceRequest",
    **elements: Any,
) -> JsonObject:
    """One rule; without codes it is asked of every order of its type."""
    listed = [{"system": CPT, "code": code} for code in codes]
    filtered = {"codeFilter": [{"path": "code", "code": listed}]} if listed else {}
    return {
        "id": name,
        "title": f"Title of {name}",
        "extension": [{"url": COVERAGE_DETERMINATION, "extension": list(determination)}],
        "condition": [applicability(expression) for expression in conditions],
        "input": [{"type": kind, **filtered}],
        **elements,
    }


def policy(
    *rules: JsonObject,
    name: str = "acme-1",
    payer: str = "acme",
    url: str = "",
    version: str = "1",
    start: str = "2020-01-01",
    hooks: Iterable[str] = ("order-sign",),
    lines: Iterable[str] = (),
    **elements: Any,
) -> JsonObject:
    """One version of a policy; `lines` are references to the plans that it is limited to."""
    program = {"code": {"system": USAGE, "code": "program"}}
    its_payer = {"coding": [{"system": PAYER_ID, "code": payer}]}
    its_lines = [{**program, "valueReference": {"reference": line}} for line in lines]
    return {
        "resourceType": "PlanDefinition",
        "id": name,
        "url": url or f"{CANONICAL_BASE}/PlanDefinition/{name}",
        "version": version,
        "title": f"Policy {name}",
        "status": "active",
        "useContext": [{**program, "valueCodeableConcept": its_payer}, *its_lines],
        "effectivePeriod": {"start": start},
        "action": [
            {
                "trigger": [{"type": "named-event", "name": hook} for hook in hooks],
                "action": list(rules or (rule(),)),
            }
        ],
        **elements,
    }


def write_library(directory: Path, *resources: JsonObject) -> Path:
    """A library directory of these resources, each in the file it belongs in."""
    directory.mkdir(parents=True, exist_ok=True)
    for resource in resources:
        (directory / f"{resource['resourceType']}-{resource['id']}.json").write_bytes(
            encode(resource)
        )
    return directory


def compile_directories(*directories: Path) -> PolicyIndex:
    """The index over these directories, the later ones overlaying the earlier."""
    return compile_library(read_library(directories), base_url="https://crd.example.invalid")


def small_index(directory: Path, *resources: JsonObject) -> PolicyIndex:
    """The index over these resources and the payer `acme`."""
    return compile_directories(write_library(directory, organization(), *resources))


def copy_of_builtin(directory: Path) -> Path:
    """The built-in library, to change at will."""
    return Path(shutil.copytree(builtin_library(), directory / "library"))


def change(file: Path, plant: Callable[[JsonObject], object]) -> Path:
    """The same file with something changed in its resource."""
    resource = decode(file.read_bytes())
    plant(resource)
    file.write_bytes(encode(resource))
    return file
