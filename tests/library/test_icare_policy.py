"""iCare WI.PA-1266 as encoded: every count as printed; facts.csv has each fact."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhirpathpy import evaluate
from fhirpathpy.models import models

from cds_service.crd.request.hooks import HOOKS

LIBRARY = Path(__file__).parents[2] / "fhir_library"
BASE = "https://coverage-policies.invalid/fhir"
CPT = "http://www.ama-assn.org/go/cpt"
CORE = "http://hl7.org/fhir/StructureDefinition/"

COMMENTS = f"PlanDefinition.extension.where(url = '{CORE}cqf-artifactComment')"
OUTER = "PlanDefinition.action"
RULE = f"{OUTER}.action"
DETERMINATION = f"{RULE}.extension.where(url = '{BASE}/StructureDefinition/coverage-determination')"
SHARED = (
    f"{OUTER}.extension.where(url = '{BASE}/StructureDefinition/coverage-shared-details').extension"
)


def commented(kind: str) -> str:
    """The texts of the comments of one type."""
    of_kind = f"extension.where(url = 'type' and value = '{kind}').exists()"
    return f"{COMMENTS}.where({of_kind}).extension.where(url = 'text').value"


def related(kind: str, label: str = "") -> str:
    """The related artifacts of one type, or the one with this label."""
    labelled = f" and label = '{label}'" if label else ""
    return f"PlanDefinition.relatedArtifact.where(type = '{kind}'{labelled})"


@pytest.fixture(scope="module")
def artifacts() -> dict[str, Any]:
    """The resources of iCare's folder by resource type: there is one of each."""
    read = [
        json.loads(path.read_bytes()) for path in sorted((LIBRARY / "icare").rglob("[A-Z]*-*.json"))
    ]
    return {resource["resourceType"]: resource for resource in read}


@pytest.fixture(scope="module")
def policy(artifacts: dict[str, Any]) -> Any:
    """The PlanDefinition."""
    return artifacts["PlanDefinition"]


@pytest.fixture(scope="module")
def cases() -> Any:
    """The policy's own test cases."""
    return json.loads((LIBRARY / "icare/wi-pa-1266/cases.json").read_bytes())


def read_shared() -> list[dict[str, Any]]:
    """The resources that all policies share."""
    return [json.loads(path.read_bytes()) for path in sorted((LIBRARY / "shared").glob("*.json"))]


def look_up(artifacts: dict[str, Any], path: str) -> list[Any]:
    """What a FHIRPath expression finds in the resource it begins with."""
    return list(evaluate(artifacts[path.partition(".")[0]], path, None, models["r4"]))


def codings(found: list[Any]) -> list[tuple[str, str, str]]:
    """System, version and code of each coding."""
    return [(coding["system"], coding["version"], coding["code"]) for coding in found]


def objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a value, at any depth."""
    if isinstance(value, dict):
        yield value
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        yield from objects_in(part)


def test_the_project_publishes_and_the_payer_is_the_author(artifacts: dict[str, Any]) -> None:
    """The encoding is ours, the document Independent Care Health Plan's."""
    published = {found["publisher"] for found in artifacts.values() if "publisher" in found}

    assert published == {"CRD service project"}
    assert look_up(artifacts, "PlanDefinition.author.name") == [
        "Independent Care Health Plan (iCare)"
    ]


def test_exactly_two_codes_are_listed(artifacts: dict[str, Any]) -> None:
    """The document lists the CPT Category III codes 0600T and 0601T, and no other code."""
    listed = look_up(artifacts, "ValueSet.compose.include.concept.code")

    assert listed == ["0600T", "0601T"]


def test_the_expansion_holds_what_compose_lists(artifacts: dict[str, Any]) -> None:
    """Servers without terminology read the expansion, others compose: both say the same."""
    codes = artifacts["ValueSet"]
    composed = [
        (part["system"], concept["code"])
        for part in codes["compose"]["include"]
        for concept in part["concept"]
    ]
    expanded = [(coding["system"], coding["code"]) for coding in codes["expansion"]["contains"]]

    assert (expanded, codes["expansion"]["total"]) == (composed, 2)


def test_the_focus_names_the_codes_the_rule_filters_on(artifacts: dict[str, Any]) -> None:
    """The policy's focus and the rule's filter are one list of codes."""
    focus = look_up(artifacts, "PlanDefinition.useContext.where(code.code = 'focus').value.coding")
    include = artifacts["ValueSet"]["compose"]["include"]

    filtered = [
        (part["system"], part["version"], concept["code"])
        for part in include
        for concept in part["concept"]
    ]

    assert codings(focus) == filtered


def test_no_code_of_another_owner_carries_a_display(artifacts: dict[str, Any], cases: Any) -> None:
    """CPT descriptors belong to the AMA: only codings of our own have a display."""
    shown = [part for part in objects_in([artifacts, cases]) if {"system", "display"} <= set(part)]

    assert [part for part in shown if not part["system"].startswith(BASE)] == []


def test_every_listed_code_has_a_label_in_our_own_words(artifacts: dict[str, Any]) -> None:
    """Readers see a label for each code, in an extension and not in `display`."""
    concepts = look_up(artifacts, "ValueSet.compose.include.concept")
    urls = [part["url"] for concept in concepts for part in concept["extension"]]

    assert urls == [f"{CORE}valueset-concept-comments"] * 2
    assert all(set(concept) == {"code", "extension"} for concept in concepts)


@pytest.mark.parametrize("kind", ["PlanDefinition", "ValueSet"])
def test_the_ama_notice_goes_with_the_codes(kind: str, artifacts: dict[str, Any]) -> None:
    """Whatever carries CPT codes carries the notice of the American Medical Association."""
    assert "American Medical Association. All rights reserved." in artifacts[kind]["copyright"]


def test_seventeen_references_are_cited_in_order(artifacts: dict[str, Any]) -> None:
    """The document lists references 1 to 17."""
    labels = look_up(artifacts, f"{related('citation')}.label")

    assert labels == [str(number) for number in range(1, 18)]


@pytest.mark.parametrize(
    ("source", "labels"),
    [
        ("ECRI Institute", ["1", "2", "3", "4"]),
        ("Hayes, Inc.", ["5", "6", "7"]),
        ("National Comprehensive Cancer Network", ["8", "9", "10"]),
        ("UpToDate, Inc.", ["11", "12", "13", "14", "15"]),
        ("US Food & Drug Administration", ["16", "17"]),
    ],
)
def test_the_references_come_from_five_sources(
    source: str, labels: list[str], artifacts: dict[str, Any]
) -> None:
    """Four from ECRI, three each from Hayes and the NCCN, five from UpToDate, two from the FDA."""
    cited = [
        citation
        for citation in look_up(artifacts, related("citation"))
        if citation["citation"].startswith(source)
    ]

    assert [citation["label"] for citation in cited] == labels


def test_no_related_artifact_has_a_url(policy: Any) -> None:
    """Other servers link each `url` on every card, so addresses stand in the citations."""
    assert [artifact for artifact in policy["relatedArtifact"] if "url" in artifact] == []


def test_the_related_documents_are_those_of_cms_and_no_policy(artifacts: dict[str, Any]) -> None:
    """The document relates no other policy; it refers to three sources of CMS."""
    documents = look_up(artifacts, related("documentation"))

    assert [document["display"].split(": ")[0] for document in documents] == [
        "CMS, Medicare Coverage Database",
        "CMS, Online Manual System (IOMs)",
        "CMS, Transmittals",
    ]
    assert [document for document in documents if "label" in document] == []


def test_the_two_devices_point_to_their_fda_summaries(artifacts: dict[str, Any]) -> None:
    """The document names two devices: NanoKnife, reference 17, and Aliya, reference 16."""
    devices = {
        justification["display"].partition(":")[0]: justification["label"]
        for justification in look_up(artifacts, related("justification"))
        if justification.get("display", "").endswith(": FDA status")
    }

    assert devices == {"NanoKnife": "17", "Aliya": "16"}


def test_every_justification_rests_on_listed_references_or_the_regulation(
    artifacts: dict[str, Any],
) -> None:
    """A justification's label names references the document lists, or 42 CFR 411.15."""
    known = {*look_up(artifacts, f"{related('citation')}.label"), "42 CFR 411.15"}
    labels = look_up(artifacts, f"{related('justification')}.label")

    assert {number for label in labels for number in label.split(", ")} <= known


def test_the_history_has_one_row(artifacts: dict[str, Any]) -> None:
    """The Change Summary has one row; of the comments only history rows are dated."""
    rows = look_up(artifacts, f"{COMMENTS}.extension.where(url = 'authoredOn').value")

    assert [str(row) for row in rows] == ["2024-09-24"]


def test_every_review_comment_says_what_kind_it_is(artifacts: dict[str, Any]) -> None:
    """What the source gets wrong and what we derived or assumed is told apart from what it says."""
    review = look_up(artifacts, commented("review"))

    assert review
    assert [text for text in review if not re.match("(Discrepancy|Derived|Assumed): ", text)] == []


def test_one_rule_answers_and_it_asks_for_no_diagnosis(artifacts: dict[str, Any]) -> None:
    """The policy speaks of any indication: nothing but the code and the date is asked."""
    (rule,) = look_up(artifacts, RULE)
    (order_input,) = rule["input"]

    (canonical,) = look_up(artifacts, f"{RULE}.input.codeFilter.valueSet")
    tests_codes = f"%codes.where(memberOf('{canonical}')).exists()"

    assert look_up(artifacts, f"{RULE}.condition.expression.expression") == [tests_codes]
    assert look_up(artifacts, f"{OUTER}.condition.expression.expression") == [tests_codes]
    assert [code_filter["path"] for code_filter in order_input["codeFilter"]] == ["code"]


def test_not_covered_comes_without_prior_authorization(artifacts: dict[str, Any]) -> None:
    """CRD crd-ci-q2: where nothing is covered there is nothing to authorize."""
    parts = [part["url"] for part in look_up(artifacts, f"{DETERMINATION}.extension")]

    assert "pa-needed" not in parts


def test_the_code_set_advice_starts_in_2025(artifacts: dict[str, Any]) -> None:
    """The list follows the 2024 code set: later dates of service get the advice to check."""
    when = look_up(artifacts, f"{SHARED}.extension.where(url = 'when').value.expression")
    any_cpt = f"{BASE}/ValueSet/any-cpt|1.0.0"

    assert when == [f"%codes.where(memberOf('{any_cpt}')).exists() and %dos >= @2025-01-01"]


def test_the_card_summary_is_short_and_plain(artifacts: dict[str, Any]) -> None:
    """A card's summary is one line of at most 120 characters without markup."""
    (title,) = look_up(artifacts, f"{RULE}.title")

    assert len(title) <= 120
    assert not re.search(r"[*_`<>\[\]\n]", title)


def test_all_six_crd_hooks_trigger_the_policy_by_name_only(policy: Any) -> None:
    """FHIR R4: a named event is agreed beforehand and carries nothing but its name."""
    assert policy["action"][0]["trigger"] == [
        {"type": "named-event", "name": name} for name in HOOKS
    ]


def test_every_pinned_canonical_leads_to_a_file(artifacts: dict[str, Any]) -> None:
    """What the policy depends on is in its folder or shared, in that version."""
    held = {
        f"{artifact['url']}|{artifact['version']}"
        for artifact in [*artifacts.values(), *read_shared()]
        if "url" in artifact
    }
    pinned = [
        *look_up(artifacts, f"{related('depends-on')}.resource"),
        *look_up(artifacts, f"{RULE}.input.codeFilter.valueSet"),
    ]

    assert pinned
    assert set(pinned) <= held


def test_every_reference_leads_to_a_file(artifacts: dict[str, Any]) -> None:
    """The plan and its owner are in the payer's folder."""
    held = {f"{artifact['resourceType']}/{artifact['id']}" for artifact in artifacts.values()}
    referenced = {part["reference"] for part in objects_in(artifacts) if "reference" in part}

    assert referenced == {"InsurancePlan/icare-medicare-advantage", "Organization/icare"}
    assert referenced <= held


@pytest.mark.parametrize("kind", ["Organization", "InsurancePlan", "PlanDefinition", "ValueSet"])
def test_the_resource_is_valid_and_survives_the_model(kind: str, artifacts: dict[str, Any]) -> None:
    """fhir.resources accepts each artifact and gives it back unchanged."""
    model = get_fhir_model_class(kind).model_validate(artifacts[kind])

    assert json.loads(model.model_dump_json()) == artifacts[kind]


def test_nothing_in_the_folder_is_empty(artifacts: dict[str, Any]) -> None:
    """FHIR JSON has no null, no empty string, no empty array and no empty object."""
    values = [value for part in objects_in(artifacts) for value in part.values()]

    assert [value for value in values if value in (None, "", [], {})] == []


def test_the_files_are_named_for_what_they_hold() -> None:
    """A file's name is the resource's type and id."""
    for path in (LIBRARY / "icare").rglob("[A-Z]*-*.json"):
        resource = json.loads(path.read_bytes())

        assert path.name == f"{resource['resourceType']}-{resource['id']}.json"


def test_the_cases_speak_of_this_policy_and_its_rule(cases: Any, policy: Any) -> None:
    """Cases name the policy's version, a member they describe, and its one rule or none."""
    assert cases["policy"] == f"{policy['url']}|{policy['version']}"
    assert {case["member"] for case in cases["cases"]} == set(cases["members"])
    assert {case["expect"]["rule"] for case in cases["cases"]} == {"ire-any-indication", None}


def test_the_cases_are_many_and_each_has_its_own_sentence(cases: Any) -> None:
    """At least 25 cases, with every answer the policy can lead to."""
    names = [case["name"] for case in cases["cases"]]
    answers = {case["expect"]["covered"] for case in cases["cases"]}

    assert len(names) >= 25
    assert len(set(names)) == len(names)
    assert answers == {"not-covered", "conditional", "indeterminate"}


def test_a_silent_policy_is_never_read_as_an_answer(cases: Any) -> None:
    """Where no rule speaks, indeterminate; conditional comes with the information needed."""
    for case in cases["cases"]:
        expect = case["expect"]

        assert (expect["rule"] is None) == (expect["covered"] == "indeterminate")
        assert ("info-needed" in expect) == (expect["covered"] == "conditional")
