"""A library of ValueSets and CodeSystems that are written in all the ways there are, over HTTP."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from fake_web import fake_web
from flask.testing import FlaskClient
from small_library import organization, policy, rule, write_library

from cds_service.fhir.coding import CPT, ICD_10_CM
from cds_service.policy.library.artifacts import Library, read_library
from cds_service.policy.library.snapshot import digest
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.rest.operations.routes import create_operations

JsonObject = dict[str, Any]

BASE = "https://terms.example.invalid"
ANIMALS = f"{BASE}/CodeSystem/animals"
TODAY = date(2026, 11, 27)
_COMMENTS = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"


def canonical(kind: str, name: str, version: str = "1", **elements: Any) -> JsonObject:
    """A resource with id, url and version."""
    return {
        "resourceType": kind,
        "id": f"{name}-{version}" if version != "1" else name,
        "url": f"{BASE}/{kind}/{name}",
        "version": version,
        "name": name.title().replace("-", ""),
        "status": "active",
        **elements,
    }


def value_set(name: str, *includes: JsonObject, **elements: Any) -> JsonObject:
    """A ValueSet that includes all these."""
    return canonical("ValueSet", name, compose={"include": list(includes)}, **elements)


def codes_of(system: str, *codes: str, version: str = "") -> JsonObject:
    """An include that lists codes."""
    pinned = {"version": version} if version else {}
    return {"system": system, **pinned, "concept": [{"code": code} for code in codes]}


def by_filter(system: str, operator: str, value: str) -> JsonObject:
    """An include that takes codes by a filter."""
    return {
        "system": system,
        "filter": [{"property": "concept", "op": operator, "value": value}],
    }


def animals() -> JsonObject:
    """A code system that is here whole, with all that one can state of a code."""
    cat: JsonObject = {
        "code": "cat",
        "display": "Domestic cat",
        "definition": "One that purrs.",
        "designation": [
            {"language": "de", "value": "Hauskatze"},
            {"value": "Felis catus", "use": {"code": "latin"}},
        ],
        "property": [{"code": "legs", "valueInteger": 4}],
    }
    mammal = {"code": "mammal", "display": "Mammal", "concept": [cat, {"code": "dog"}]}
    return canonical(
        "CodeSystem",
        "animals",
        title="Animals",
        content="complete",
        caseSensitive=True,
        property=[{"code": "legs", "type": "integer"}],
        concept=[mammal, {"code": "trout", "display": "Trout"}],
    )


def coded_resources() -> tuple[JsonObject, ...]:
    """ValueSets by lists, filters, whole systems, other ValueSets; and in two versions."""
    remarked: JsonObject = codes_of(CPT, "0001T", "0002T", version="2024")
    words = [{"url": _COMMENTS, "valueString": "ablation of tumors"}]
    remarked["concept"][0]["extension"] = words
    remarked["concept"][1]["display"] = "Shown by the set"
    return (
        animals(),
        canonical("CodeSystem", "hidden", content="not-present"),
        canonical("CodeSystem", "some", content="fragment", concept=[{"code": "a"}]),
        value_set("listed", remarked, copyright="Somebody's notice", text=_narrative()),
        value_set("mammals", by_filter(ANIMALS, "is-a", "mammal")),
        value_set("both", {"valueSet": [f"{BASE}/ValueSet/listed|1"]}, codes_of(ANIMALS, "trout")),
        value_set(
            "taking",
            {"valueSet": [f"{BASE}/ValueSet/listed|1"]},
            expansion={
                "timestamp": "2026-11-27",
                "contains": [{"system": CPT, "code": code} for code in ("0001T", "0002T")],
            },
        ),
        value_set("any-cpt", {"system": CPT}),
        value_set("all-animals", {"system": ANIMALS}),
        value_set("flutter", by_filter(ICD_10_CM, "regex", "I48\\..*"), codes_of(CPT, "0003T")),
        value_set("unresolved", by_filter(f"{BASE}/CodeSystem/none", "is-a", "x")),
        canonical("ValueSet", "aged", "1.9", date="2024", compose=_composed("old")),
        canonical("ValueSet", "aged", "1.10", date="2024", compose=_composed("new")),
        policy(rule(codes=["0001T"]), name="acme-1"),
        organization(),
    )


def _narrative() -> JsonObject:
    return {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">all</div>'}


def _composed(code: str) -> JsonObject:
    return {"include": [codes_of(f"{BASE}/CodeSystem/ages", code)]}


def coded_library(directory: Path) -> Library:
    """The library of all these."""
    return read_library([write_library(directory, *coded_resources())])


def client_of_operations(library: Library) -> FlaskClient:
    """A client of the operations on a library, today."""
    shown = OperationsLibrary(library, digest(library))
    return fake_web({}, [create_operations(lambda: shown, lambda: TODAY)]).test_client()


def parameters_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The primitive values of a Parameters resource by name."""
    assert answer["resourceType"] == "Parameters"
    return {
        parameter["name"]: value
        for parameter in answer["parameter"]
        for key, value in parameter.items()
        if key.startswith("value")
    }
