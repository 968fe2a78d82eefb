"""The definitions that all policies share: the determination extension, codes, names, language."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhirpathpy import evaluate
from fhirpathpy.models import models

LIBRARY = Path(__file__).parents[2] / "fhir_library"
BASE = "https://coverage-policies.invalid/fhir"
DETERMINATION = f"{BASE}/StructureDefinition/coverage-determination"
REASONS = f"{BASE}/CodeSystem/coverage-determination-reason"
CRD = "http://hl7.org/fhir/us/davinci-crd/ValueSet"

FILES = (
    "StructureDefinition-coverage-determination.json",
    "CodeSystem-coverage-determination-reason.json",
    "CodeSystem-card-override-reason.json",
    "CodeSystem-words.json",
    "Library-crd-rule-language.json",
    "ValueSet-coverage-determination-doc-purpose.json",
    "StructureDefinition-coverage-shared-details.json",
    "ValueSet-any-cpt.json",
    "ValueSet-any-icd-10-pcs.json",
    "ValueSet-medicare-or-medicaid.json",
)
NAMES = ("NamingSystem-payer-id.json", "NamingSystem-plan-id.json")
# Name, cardinality, types: CRD 2.2.1 coverage-information less what only an answer can have, and
# whether documents go with the authorization, which 2.2.1 cannot state.
PARTS = (
    ("covered", "1..1", ["code"]),
    ("pa-needed", "0..1", ["code"]),
    ("doc-needed", "0..*", ["code"]),
    ("doc-purpose", "0..*", ["code"]),
    ("doc-with-authorization", "0..1", ["boolean"]),
    ("info-needed", "0..*", ["code"]),
    ("reason", "0..*", ["CodeableConcept"]),
    ("dependency", "0..*", ["Reference", "Expression"]),
    ("questionnaire", "0..*", ["canonical"]),
    ("contact", "0..*", ["ContactDetail"]),
    ("expiry-date", "0..1", ["date"]),
)
DETAIL_PARTS = (
    ("category", "1..1", ["code"]),
    ("code", "1..1", ["CodeableConcept"]),
    ("value", "1..1", ["string", "boolean", "Period", "Quantity", "url", "Expression"]),
    ("qualification", "0..1", ["string"]),
    ("when", "0..1", ["Expression"]),
)
BINDINGS = {
    "covered": ("required", "coverageInfo"),
    "pa-needed": ("required", "coveragePaDetail"),
    "doc-needed": ("required", "AdditionalDocumentation"),
    "info-needed": ("required", "informationNeeded"),
    "reason": ("extensible", "coverageAssertionReasons"),
    "detail.extension:category": ("required", "coverageDetailCategories"),
    "detail.extension:code": ("extensible", "coverageDetailNew"),
}

NOT_COVERED = {"url": "covered", "valueCode": "not-covered"}
CONDITIONAL = {"url": "covered", "valueCode": "conditional"}
OTHER = {"url": "info-needed", "valueCode": "OTH"}
BECAUSE = {"url": "reason", "valueCodeableConcept": {"text": "Because."}}
COVERED = {"url": "covered", "valueCode": "covered"}
AUTHORIZATION = {"url": "pa-needed", "valueCode": "auth-needed"}
NO_AUTHORIZATION = {"url": "pa-needed", "valueCode": "no-auth"}
PURPOSE = {"url": "doc-purpose", "valueCode": "OTH"}
WITH_AUTHORIZATION = {"url": "doc-with-authorization", "valueBoolean": True}
CODE_ONLY = {"url": "reason", "valueCodeableConcept": {"coding": [{"code": "technical"}]}}
FORBIDDEN = (
    ("cdt-1", [NOT_COVERED, {"url": "pa-needed", "valueCode": "auth-needed"}]),
    ("cdt-2", [CONDITIONAL, BECAUSE]),
    ("cdt-2", [NOT_COVERED, OTHER, BECAUSE]),
    (
        "cdt-3",
        [
            NOT_COVERED,
            {"url": "questionnaire", "valueCanonical": f"{BASE}/Questionnaire/one|1.0.0"},
        ],
    ),
    ("cdt-4", [CONDITIONAL, OTHER]),
    ("cdt-5", [NOT_COVERED, BECAUSE, CODE_ONLY]),
    ("cdt-6", [NOT_COVERED, BECAUSE, PURPOSE, WITH_AUTHORIZATION]),
    ("cdt-6", [COVERED, AUTHORIZATION, WITH_AUTHORIZATION]),
    ("cdt-6", [COVERED, NO_AUTHORIZATION, BECAUSE, PURPOSE, WITH_AUTHORIZATION]),
    ("cdt-7", [COVERED, PURPOSE]),
    ("cdt-8", [COVERED, {"url": "doc-needed", "valueCode": "indeterminate"}]),
    ("cdt-9", [COVERED, {"url": "pa-needed", "valueCode": "satisfied"}]),
)


@pytest.fixture(scope="module")
def shared() -> dict[str, Any]:
    """The shared resources by file name."""
    return {path.name: json.loads(path.read_bytes()) for path in (LIBRARY / "shared").iterdir()}


@pytest.fixture(scope="module")
def elements(shared: dict[str, Any]) -> dict[str, Any]:
    """The elements of the determination extension by id."""
    return {element["id"]: element for element in shared[FILES[0]]["differential"]["element"]}


@pytest.fixture(scope="module")
def constraints(elements: dict[str, Any]) -> dict[str, str]:
    """The constraints on a determination by key."""
    return {
        constraint["key"]: constraint["expression"]
        for constraint in elements["Extension"]["constraint"]
    }


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Every PlanDefinition of the library by file name."""
    files = sorted(LIBRARY.rglob("PlanDefinition-*.json"))
    return {path.name: json.loads(path.read_bytes()) for path in files}


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value, at any depth."""
    if isinstance(value, dict):
        yield value
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from objects_in(part)


def holds(constraint: str, rule: dict[str, Any]) -> bool:
    """Whether the determination on a rule meets a constraint."""
    policy = {"resourceType": "PlanDefinition", "action": [rule]}
    path = f"PlanDefinition.action.extension.where(url = '{DETERMINATION}').all({constraint})"
    return list(evaluate(policy, path, None, models["r4"])) == [True]


def parts_of(extensions: list[dict[str, Any]]) -> set[str]:
    """The names of the parts of some extensions."""
    return {part["url"] for extension in extensions for part in extension["extension"]}


def cardinality(element: dict[str, Any]) -> str:
    return f"{element['min']}..{element['max']}"


def test_the_shared_folder_holds_definitions_and_names(shared: dict[str, Any]) -> None:
    """Extensions, code systems, value sets, the language of conditions, and two namespaces."""
    assert sorted(shared) == sorted((*FILES, *NAMES))


@pytest.mark.parametrize("name", [*FILES, *NAMES])
def test_the_definition_is_valid_and_survives_the_model(name: str, shared: dict[str, Any]) -> None:
    """fhir.resources accepts each definition and gives it back unchanged."""
    resource = shared[name]
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)

    assert json.loads(model.model_dump_json()) == resource


@pytest.mark.parametrize("name", FILES)
def test_the_definition_can_be_shared_and_published(name: str, shared: dict[str, Any]) -> None:
    """Each definition has what R4 and CRMI ask of a shareable and publishable one."""
    needed = {
        "url",
        "version",
        "name",
        "title",
        "status",
        "experimental",
        "date",
        "publisher",
        "description",
    }

    assert needed - set(shared[name]) == set()


def test_a_determination_stands_on_an_action_of_a_plan_definition(shared: dict[str, Any]) -> None:
    """The extension belongs to PlanDefinition.action and nowhere else."""
    definition = shared[FILES[0]]

    assert definition["context"] == [{"type": "element", "expression": "PlanDefinition.action"}]
    assert (definition["type"], definition["derivation"]) == ("Extension", "constraint")
    assert definition["fhirVersion"] == "4.0.1"


@pytest.mark.parametrize(("name", "count", "types"), PARTS)
def test_a_part_of_a_determination_has_its_cardinality_and_type(
    name: str, count: str, types: list[str], elements: dict[str, Any]
) -> None:
    """The parts are named and typed as in CRD's coverage-information."""
    part = f"Extension.extension:{name}"

    assert cardinality(elements[part]) == count
    assert elements[f"{part}.url"]["fixedUri"] == name
    assert [allowed["code"] for allowed in elements[f"{part}.value[x]"]["type"]] == types


@pytest.mark.parametrize(("name", "count", "types"), DETAIL_PARTS)
def test_a_part_of_a_detail_has_its_cardinality_and_type(
    name: str, count: str, types: list[str], elements: dict[str, Any]
) -> None:
    """A detail is CRD's, and may also be an expression or hang on one."""
    part = f"Extension.extension:detail.extension:{name}"

    assert cardinality(elements[part]) == count
    assert elements[f"{part}.url"]["fixedUri"] == name
    assert [allowed["code"] for allowed in elements[f"{part}.value[x]"]["type"]] == types


def test_no_part_is_listed_beyond_these(elements: dict[str, Any]) -> None:
    """What only an answer to an order has, a date or a coverage, has no place in a policy."""
    named = {element["sliceName"] for element in elements.values() if "sliceName" in element}

    assert named == {"detail", *(name for name, *_ in PARTS), *(name for name, *_ in DETAIL_PARTS)}
    assert elements["Extension.extension"]["slicing"]["rules"] == "closed"


@pytest.mark.parametrize("name", BINDINGS)
def test_a_coded_part_is_bound_to_the_value_set_of_crd(name: str, elements: dict[str, Any]) -> None:
    """Codes come from CRD 2.2.1's value sets, pinned."""
    strength, valueset = BINDINGS[name]
    bound = elements[f"Extension.extension:{name}.value[x]"]["binding"]

    assert bound == {"strength": strength, "valueSet": f"{CRD}/{valueset}|2.2.1"}


def test_the_purpose_of_documents_is_bound_to_a_value_set_without_withpa(
    shared: dict[str, Any], elements: dict[str, Any]
) -> None:
    """crd-ci-q4 as published with 2.1 and 2.2 rejects it; all else that CRD's set holds is here."""
    codes = shared["ValueSet-coverage-determination-doc-purpose.json"]
    bound = elements["Extension.extension:doc-purpose.value[x]"]["binding"]
    listed = [
        concept["code"] for include in codes["compose"]["include"] for concept in include["concept"]
    ]

    assert bound == {"strength": "required", "valueSet": f"{codes['url']}|{codes['version']}"}
    assert listed == ["withclaim", "withorder", "retain-doc", "OTH"]
    assert [contained["code"] for contained in codes["expansion"]["contains"]] == listed


def test_the_constraints_keep_a_determination_sayable(constraints: dict[str, str]) -> None:
    """cdt-1 to cdt-4 are CRD's q2, q3, q1 and q6, cdt-7 and cdt-8 its q8 and q9; the rest are ours.

    cdt-5 asks every reason for a text, cdt-6 is for documents with an authorization, and cdt-9 for
    authorizations that are given.
    """
    assert list(constraints) == [f"cdt-{number}" for number in range(1, 10)]


@pytest.mark.parametrize(("key", "parts"), FORBIDDEN)
def test_the_constraint_forbids_what_crd_forbids(
    key: str, parts: list[dict[str, Any]], constraints: dict[str, str]
) -> None:
    """Each constraint fails for a determination that breaks it, and the others do not."""
    rule = {"extension": [{"url": DETERMINATION, "extension": parts}]}

    assert [other for other, expression in constraints.items() if not holds(expression, rule)] == [
        key
    ]


def test_every_determination_of_the_library_meets_the_constraints(
    policies: dict[str, Any], constraints: dict[str, str]
) -> None:
    """Every rule of every policy says something that CRD lets it say, and says it once."""
    rules = [
        rule
        for policy in policies.values()
        for parent in policy["action"]
        for rule in parent["action"]
    ]

    for rule in rules:
        assert [extension["url"] for extension in rule["extension"]].count(DETERMINATION) == 1
        assert [key for key, expression in constraints.items() if not holds(expression, rule)] == []


def test_every_determination_uses_only_the_parts_defined(policies: dict[str, Any]) -> None:
    """No policy invents a part of a determination or of a detail."""
    determinations = [
        extension for extension in objects_in(policies) if extension.get("url") == DETERMINATION
    ]
    details = [
        part
        for extension in determinations
        for part in extension["extension"]
        if part["url"] == "detail"
    ]

    assert parts_of(determinations) <= {"detail", *(name for name, *_ in PARTS)}
    assert parts_of(details) <= {name for name, *_ in DETAIL_PARTS}


def test_every_reason_code_in_the_library_is_defined(shared: dict[str, Any]) -> None:
    """A reason a policy gives is one of the code system's."""
    defined = {concept["code"] for concept in shared[FILES[1]]["concept"]}
    library = [json.loads(path.read_bytes()) for path in sorted(LIBRARY.rglob("*.json"))]
    used = {part["code"] for part in objects_in(library) if part.get("system") == REASONS}

    assert used
    assert used <= defined


def test_every_reason_of_a_policy_has_a_code_and_a_text(policies: dict[str, Any]) -> None:
    """CRD crd-ci-q7: a reason outside its own list is given in words."""
    given = [extension for extension in objects_in(policies) if extension.get("url") == "reason"]

    assert given
    for reason in given:
        concept = reason["valueCodeableConcept"]
        assert concept["text"]
        assert [coding["system"] for coding in concept["coding"]] == [REASONS]


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (
            FILES[1],
            [
                "not-reasonable-necessary",
                "investigational-nmn",
                "code-needs-detail",
                "medical-group-does-not-decide",
                "no-policy-found",
                "payer-not-identified",
                "plan-not-identified",
                "condition-unknown",
                "order-not-understood",
                "law-and-contract-first",
                "plan-decides-who-decides",
            ],
        ),
        (FILES[2], ["patient-informed", "will-appeal", "other-coverage", "wrong-order", "other"]),
    ],
)
def test_the_code_system_is_complete(name: str, codes: list[str], shared: dict[str, Any]) -> None:
    """Each code system holds all its codes, each with a display and a definition of its own."""
    system = shared[name]
    concepts = system["concept"]

    assert (system["content"], system["caseSensitive"], system["count"]) == (
        "complete",
        True,
        len(codes),
    )
    assert [concept["code"] for concept in concepts] == codes
    assert all(concept["display"] and concept["definition"] for concept in concepts)


def test_override_reasons_are_sentences(shared: dict[str, Any]) -> None:
    """CDS Hooks shows the display of an override reason to the clinician."""
    displays = [concept["display"] for concept in shared[FILES[2]]["concept"]]

    assert [display for display in displays if not display.endswith(".") or len(display) > 80] == []
