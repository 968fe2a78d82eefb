"""Anthem SURG.00126 as encoded: its shape; facts.csv has each fact of the document."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.crd.request.hooks import HOOKS

BASE = "https://coverage-policies.invalid/fhir"
CPT = "http://www.ama-assn.org/go/cpt"
PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
SOPT = "https://nahdo.org/sopt"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PINNED_SET = f"{BASE}/ValueSet/anthem-surg-00126-ire-procedures|2024.4.1"
COMMENT = "http://hl7.org/fhir/StructureDefinition/cqf-artifactComment"
DEFINITION_TERM = "http://hl7.org/fhir/StructureDefinition/cqf-definitionTerm"
DETERMINATION = f"{BASE}/StructureDefinition/coverage-determination"

CA_RULE, LISTED_RULE = "ca-hmo-do-not-decide", "ire-listed-code"
SPECIFIED_RULE, UNSPECIFIED_RULE = "unlisted-93799-specified", "unlisted-93799-unspecified"
PROGRAM_RULE, PLAN_RULE = "medicare-or-medicaid", "plan-not-known"
RULE_IDS = (CA_RULE, LISTED_RULE, SPECIFIED_RULE, UNSPECIFIED_RULE, PROGRAM_RULE, PLAN_RULE)
NOT_COVERED_RULES = (LISTED_RULE, SPECIFIED_RULE)

CPT_CODES = ("0600T", "0601T")
PCS_CODES = (
    *("02583ZF", "0F500ZF", "0F503ZF", "0F504ZF", "0F510ZF", "0F513ZF", "0F514ZF"),
    *("0F520ZF", "0F523ZF", "0F524ZF", "0F5G0ZF", "0F5G3ZF", "0F5G4ZF"),
)
CODE_93799 = {"system": CPT, "version": "2024", "code": "93799"}
WORDS = f"'{BASE}/ValueSet/anthem-surg-00126-words|2024.4.1'"
PFA = (
    "%words.mentions('pulsed field ablation' | 'pulse field ablation'"
    " | 'pulsed electric field ablation' | 'pulsed electrical field ablation'"
    " | 'pulsed field catheter ablation' | 'pulsed field PVI'"
    f" | 'pulsed field pulmonary vein isolation' | 'PFA', {WORDS})"
)
IRE = f"%words.mentions('irreversible electroporation' | 'IRE', {WORDS})"
VEINS = (
    "%words.mentions('pulmonary vein isolation' | 'pulmonary vein' | 'pulmonary veins' | 'PVI'"
    f" | 'PV isolation' | 'PVs' | 'pulm vein' | 'pulm veins', {WORDS})"
)
NAMED = f"{PFA}.exists() or ({IRE}.exists() and {VEINS}.exists())"
IN_CALIFORNIA_HMO = "%plan.where(id = 'anthem-california-commercial-hmo').exists()"
IN_ANOTHER_PLAN = "%plan.where(id != 'anthem-california-commercial-hmo').exists()"
IN_NO_OTHER_PLAN = "%plan.where(id != 'anthem-california-commercial-hmo').empty()"
KNOWN_SYSTEMS = (
    "'https://nahdo.org/sopt' | 'urn:oid:2.16.840.1.113883.3.221.5'"
    " | 'http://terminology.hl7.org/CodeSystem/v3-ActCode'"
)
PROGRAM = (
    f"%coverage.type.coding.where(system in ({KNOWN_SYSTEMS}))"
    f".where(memberOf('{BASE}/ValueSet/medicare-or-medicaid|1.0.0'))"
)
NO_PROGRAM = f"{PROGRAM}.empty()"
UNLISTED_SET = PINNED_SET.replace("ire-procedures", "unlisted-procedure")
ALL_SET = PINNED_SET.replace("ire-procedures", "all-procedures")
FILTERED_SET = {
    CA_RULE: ALL_SET,
    LISTED_RULE: PINNED_SET,
    SPECIFIED_RULE: UNLISTED_SET,
    UNSPECIFIED_RULE: UNLISTED_SET,
    PROGRAM_RULE: ALL_SET,
    PLAN_RULE: ALL_SET,
}
LISTED = f"%codes.where(memberOf('{PINNED_SET}')).exists()"
NOT_LISTED = f"%codes.where(memberOf('{PINNED_SET}')).empty()"
CONDITIONS = {
    CA_RULE: [IN_CALIFORNIA_HMO, f"{LISTED} or {NAMED}", NO_PROGRAM],
    LISTED_RULE: [IN_ANOTHER_PLAN, NO_PROGRAM],
    SPECIFIED_RULE: [NOT_LISTED, NAMED, IN_ANOTHER_PLAN, NO_PROGRAM],
    UNSPECIFIED_RULE: [NOT_LISTED, f"({NAMED}).not()"],
    PROGRAM_RULE: [f"{LISTED} or {NAMED}", f"{PROGRAM}.exists()"],
    PLAN_RULE: ["%plan.empty()", f"{LISTED} or {NAMED}", NO_PROGRAM],
}
HISTORY = (
    *(
        "2024-04-01",
        "2023-05-11",
        "2022-05-12",
        "2021-05-13",
        "2020-05-14",
        "2019-06-06",
        "2018-07-26",
    ),
    *(
        "2017-08-03",
        "2016-08-04",
        "2015-08-06",
        "2014-08-14",
        "2013-08-08",
        "2012-08-09",
        "2011-08-18",
    ),
)
CITATION_LABELS = (*(f"P{n}" for n in range(1, 69)), *(f"G{n}" for n in range(1, 5)))

# citation labels of the study lines, in the order of the document
STUDY_LABELS = (
    *("P61", "P62", "P66", "P51", "P41", "P17", "P7", "P65", "P42", "P10", "P68, P21", "P58"),
    *("P22", "P14", "P3, P15, P48", "P32, P50, P26"),
)

DISCREPANCIES: tuple[tuple[str, ...], ...] = (
    ("P61", "34", "remaining 30", "66.7%"),
    ("P66", "laparoscopic too"),
    ("P41", "45%", "40%", "34 of 50", "51", "18 of 34", "8 people", "12 cases"),
    ("P17", "36.8%", "7 of 19", "18", "96 RFA lesions"),
    ("P7", "2.5%", "20%", "of 40 people"),
    ("P42", "of 33", "of 41"),
    ("P22", "18.1%"),
    ("P26", "P49", "Reddy 2020", "cavotricuspid isthmus"),
    ("P65", "localized and locally advanced"),
    ("Djokic", "2018", "Lyons", "2020"),
    ("P8", "P64", "kidney"),
    ("Blazeviski", "Bujis", "COLDIRE-2", "COLDFIRE-I"),
    ("Breclj", "Gorski", "Ronza FM2", "Vogel JA1", "ET AL"),
    ("page break", "P7"),
    ("P2, P18, P19, P27, P31, P36, P44, P47, P56, P63 and P67", "P4, P38, P49, P52 and P53"),
    ("FDA, 2006", "warning letter of 2011", "K102329"),
    ("K0183385", "K183385"),
    ("NanoKnife Oncobionic System", "two entries"),
    ("CG-MED-64", "heart"),
    ("2023-05-11", "precedes", "2024-04-01"),
    ("0F500ZF-0F504ZF", "0F501ZF", "0F502ZF"),
)


@cache
def read_library() -> dict[str, Any]:
    """The JSON of every Anthem file, by file name."""
    folder = Path(__file__).parents[2] / "fhir_library" / "anthem"
    return {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def read_shared() -> list[dict[str, Any]]:
    """The resources that all policies share."""
    folder = Path(__file__).parents[2] / "fhir_library" / "shared"
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def get_policy() -> dict[str, Any]:
    policy: dict[str, Any] = read_library()["PlanDefinition-anthem-surg-00126-20240401.json"]
    return policy


def get_value_set() -> dict[str, Any]:
    value_set: dict[str, Any] = read_library()["ValueSet-anthem-surg-00126-ire-procedures.json"]
    return value_set


def get_insurance_plan(name: str) -> dict[str, Any]:
    plan: dict[str, Any] = read_library()[f"InsurancePlan-{name}.json"]
    return plan


def get_resources() -> list[dict[str, Any]]:
    return [content for name, content in read_library().items() if name != "cases.json"]


def get_cases() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = read_library()["cases.json"]["cases"]
    return cases


def get_rules() -> dict[str, dict[str, Any]]:
    return {rule["id"]: rule for rule in get_policy()["action"][0]["action"]}


def find_related(kind: str) -> list[dict[str, Any]]:
    return [artifact for artifact in get_policy()["relatedArtifact"] if artifact["type"] == kind]


def find_comments(kind: str) -> list[dict[str, str]]:
    """The comments of one kind, each as its text and date."""
    comments = [
        {
            part["url"]: next(part[key] for key in part if key != "url")
            for part in extension["extension"]
        }
        for extension in get_policy()["extension"]
        if extension["url"] == COMMENT
    ]
    return [comment for comment in comments if comment["type"] == kind]


def find_parts(rule_id: str, name: str) -> list[dict[str, Any]]:
    """The parts of that name in the determination of the rule."""
    (determination,) = get_rules()[rule_id]["extension"]
    assert determination["url"] == DETERMINATION
    return [part for part in determination["extension"] if part["url"] == name]


def find_details(rule_id: str) -> list[dict[str, Any]]:
    return [
        {part["url"]: part for part in detail["extension"]}
        for detail in find_parts(rule_id, "detail")
    ]


def find_shared_details() -> list[dict[str, Any]]:
    """The details that every rule's answer carries."""
    (shared,) = get_policy()["action"][0]["extension"]
    return [{part["url"]: part for part in detail["extension"]} for detail in shared["extension"]]


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in the node."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from walk(child)


def read_texts(comments: list[dict[str, str]]) -> str:
    return "\n".join(comment["text"] for comment in comments)


def show(node: Any) -> str:
    return json.dumps(node, ensure_ascii=False)


def show_sorted(node: Any) -> str:
    return json.dumps(node, sort_keys=True)


def list_codes(case: dict[str, Any]) -> list[str]:
    return [coding["code"] for coding in case["order"]["code"].get("coding", [])]


def test_the_library_holds_a_payer_with_two_plans_a_policy_and_what_it_needs() -> None:
    """Each resource stands in its own file, named by type and id."""
    names = {f"{resource['resourceType']}-{resource['id']}.json" for resource in get_resources()}

    assert names | {"cases.json"} == set(read_library())
    assert Counter(resource["resourceType"] for resource in get_resources()) == {
        "Organization": 1,
        "InsurancePlan": 2,
        "NamingSystem": 1,
        "PlanDefinition": 1,
        "ValueSet": 4,
    }


@pytest.mark.parametrize("index", range(9))
def test_every_resource_round_trips_through_the_r4b_models(index: int) -> None:
    """What the models read and write again is what stands in the file."""
    resource = get_resources()[index]
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)

    assert json.loads(model.model_dump_json()) == resource


def test_no_resource_has_empty_values_or_meta() -> None:
    """No null, empty string, list or object; no meta, which is a server's to write."""
    for resource in get_resources():
        assert "meta" not in resource
        for node in walk(resource):
            assert not [key for key, value in node.items() if value in (None, "", [], {})]


def test_every_string_is_trimmed() -> None:
    """No string of a resource begins or ends with white space."""
    for resource in get_resources():
        for node in walk(resource):
            assert not [
                value
                for value in node.values()
                if isinstance(value, str) and value != value.strip()
            ]


def test_the_payer_is_anthem() -> None:
    """The Organization is called Anthem, has no alias, and is known by its payer id."""
    payer = read_library()["Organization-anthem.json"]

    assert (payer["name"], payer["active"], "alias" in payer) == ("Anthem", True, False)
    assert payer["identifier"] == [{"system": f"{BASE}/NamingSystem/payer-id", "value": "anthem"}]


@pytest.mark.parametrize("name", ["anthem-commercial", "anthem-california-commercial-hmo"])
def test_each_plan_belongs_to_anthem_and_is_known_by_its_plan_id(name: str) -> None:
    """The plan identifier is the id; Anthem owns and administers the plan."""
    plan = get_insurance_plan(name)

    assert plan["identifier"] == [{"system": f"{BASE}/NamingSystem/plan-id", "value": name}]
    assert plan["ownedBy"] == plan["administeredBy"] == {"reference": "Organization/anthem"}


@pytest.mark.parametrize(
    ("name", "sopt", "act"),
    [
        (
            "anthem-commercial",
            "511 512 513 514 515 519 521 522 529 611 612 613 619 62 621 622 629",
            "PPO POS",
        ),
        ("anthem-california-commercial-hmo", "511 611", ""),
    ],
)
def test_each_plan_has_the_type_codes_that_tell_it(name: str, sopt: str, act: str) -> None:
    """One CodeableConcept of codes; the word HMO alone tells no commercial plan."""
    (concept,) = get_insurance_plan(name)["type"]

    assert concept == {
        "coding": [
            *({"system": SOPT, "code": code} for code in sopt.split()),
            *({"system": ACT_CODE, "code": code} for code in act.split()),
        ]
    }


def test_only_the_california_plan_has_an_area() -> None:
    """The California plan covers the contained California; the commercial plan states no area."""
    plan = get_insurance_plan("anthem-california-commercial-hmo")

    assert plan["coverageArea"] == [{"reference": "#california"}]
    assert plan["contained"][0]["address"] == {"state": "CA"}
    assert "coverageArea" not in get_insurance_plan("anthem-commercial")


def test_the_policy_names_payer_and_codes_but_no_line_of_business() -> None:
    """One program context has the payer's identifier, one focus context the codes; no plan."""
    program, focus = get_policy()["useContext"]

    assert program["valueCodeableConcept"]["coding"] == [
        {"system": f"{BASE}/NamingSystem/payer-id", "code": "anthem"}
    ]
    assert [context["code"]["code"] for context in (program, focus)] == ["program", "focus"]


def test_the_focus_lists_exactly_the_codes_the_rules_filter_on() -> None:
    """Focus has the value set's codes and 93799, each with its version and without display."""
    contains = get_value_set()["expansion"]["contains"]
    filtered = [{"version": "2024", **coding} for coding in contains] + [CODE_93799]
    focus = get_policy()["useContext"][1]["valueCodeableConcept"]["coding"]

    assert sorted(map(show_sorted, focus)) == sorted(map(show_sorted, filtered))


def test_the_value_set_has_two_cpt_and_thirteen_icd_10_pcs_codes() -> None:
    """Exactly the codes the document lists without a condition; its ranges are not filled."""
    include = {part["system"]: part for part in get_value_set()["compose"]["include"]}

    assert tuple(concept["code"] for concept in include[CPT]["concept"]) == CPT_CODES
    assert tuple(concept["code"] for concept in include[PCS]["concept"]) == PCS_CODES
    assert {part["version"] for part in include.values()} == {"2024"}


def test_the_expansion_is_the_composition() -> None:
    """Compose and expansion hold the same codes in the same order, and the total counts them."""
    composed = [
        {"system": part["system"], "code": concept["code"]}
        for part in get_value_set()["compose"]["include"]
        for concept in part["concept"]
    ]
    expansion = get_value_set()["expansion"]

    assert expansion["contains"] == composed
    assert expansion["total"] == len(composed) == 15


def test_the_expansion_names_the_code_systems_it_used() -> None:
    """Each used-codesystem parameter carries system and version."""
    assert get_value_set()["expansion"]["parameter"] == [
        {"name": "used-codesystem", "valueUri": f"{CPT}|2024"},
        {"name": "used-codesystem", "valueUri": f"{PCS}|2024"},
    ]


def test_every_listed_code_has_a_label_of_our_own() -> None:
    """Each concept of the value set carries one comment."""
    url = "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"
    concepts = [
        concept for part in get_value_set()["compose"]["include"] for concept in part["concept"]
    ]

    assert [[extension["url"] for extension in concept["extension"]] for concept in concepts] == [
        [url]
    ] * 15


def test_no_code_of_another_owner_has_a_display() -> None:
    """CPT descriptors are the AMA's: in a resource only codes of our own carry a display."""
    for resource in get_resources():
        shown = [node for node in walk(resource) if "code" in node and "display" in node]

        assert [node for node in shown if not node.get("system", "").startswith(BASE)] == []


def test_the_displays_in_the_cases_are_our_own_words() -> None:
    """The only displays are what an order might say of 93799 in plain words."""
    displays = {
        node["display"] for case in get_cases() for node in walk(case["order"]) if "display" in node
    }

    assert displays == {
        "PFA of the pulmonary veins",
        "pulsed field ablation",
        "Pulsed field ablation",
        "Irreversible electroporation of the pulmonary veins",
    }


@pytest.mark.parametrize("artifact", ["PlanDefinition", "ValueSet"])
def test_the_ama_notice_stands_wherever_cpt_codes_do(artifact: str) -> None:
    """Copyright of policy and value set names the AMA's rights."""
    notices = [
        found["copyright"]
        for found in get_resources()
        if found["resourceType"] == artifact and f'"{CPT}"' in show(found)
    ]

    assert notices
    assert all("American Medical Association. All rights reserved." in words for words in notices)


def test_the_rules_are_these_six() -> None:
    """The parent action holds six rules, of which at most one speaks."""
    (parent,) = get_policy()["action"]

    assert (parent["id"], parent["selectionBehavior"]) == ("coverage", "at-most-one")
    assert tuple(rule["id"] for rule in parent["action"]) == RULE_IDS


def test_the_triggers_carry_a_name_and_nothing_else() -> None:
    """A named event is fully coordinated: no data, no condition; only the parent has triggers."""
    assert get_policy()["action"][0]["trigger"] == [
        {"type": "named-event", "name": name} for name in HOOKS
    ]
    assert not [rule for rule in get_rules().values() if "trigger" in rule]


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_rule_filters_on_its_codes_alone(rule_id: str) -> None:
    """The one input is the order, with the code filter; diagnosis is never filtered."""
    (order,) = get_rules()[rule_id]["input"]

    assert (order["type"], order["codeFilter"]) == (
        "ServiceRequest",
        [{"path": "code", "valueSet": FILTERED_SET[rule_id]}],
    )


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_rule_reads_nothing_of_the_order_but_its_code(rule_id: str) -> None:
    """CRD's profile of ServiceRequest promises neither its note nor its order detail."""
    assert get_rules()[rule_id]["input"][0]["mustSupport"] == ["code"]


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_rule_has_the_conditions_that_keep_it_apart_from_the_others(rule_id: str) -> None:
    """The first condition tests the codes; the others divide plans and words without overlap."""
    conditions = get_rules()[rule_id]["condition"]
    codes = f"%codes.where(memberOf('{FILTERED_SET[rule_id]}')).exists()"

    assert {(c["kind"], c["expression"]["language"]) for c in conditions} == {
        ("applicability", "text/fhirpath")
    }
    assert [condition["expression"]["expression"] for condition in conditions] == [
        codes,
        *CONDITIONS[rule_id],
    ]


def test_the_outer_action_holds_for_the_codes_of_the_policy_alone() -> None:
    """An engine that cannot evaluate it must end with nothing (design: 4.18)."""
    (outer,) = get_policy()["action"]
    (condition,) = outer["condition"]

    assert condition["expression"]["expression"] == f"%codes.where(memberOf('{ALL_SET}')).exists()"


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_rule_title_fits_on_a_card(rule_id: str) -> None:
    """A title has at most 120 characters and no mark-up."""
    title = get_rules()[rule_id]["title"]

    assert len(title) <= 120
    assert not set("<>*_`") & set(title)


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_rule_has_what_a_reader_needs(rule_id: str) -> None:
    """Description, sentence for clinicians, priority, card type and the section of the document."""
    rule = get_rules()[rule_id]

    assert rule["description"]
    assert rule["textEquivalent"].startswith("If ")
    assert rule["priority"] == "routine"
    assert rule["code"][0]["coding"][0]["code"] == "guideline"
    assert [entry["type"] for entry in rule["documentation"]] == ["documentation"]


@pytest.mark.parametrize(
    ("rule_id", "covered", "info_needed", "reason_code"),
    [
        (CA_RULE, "conditional", ["OTH"], "medical-group-does-not-decide"),
        (LISTED_RULE, "not-covered", [], "investigational-nmn"),
        (SPECIFIED_RULE, "not-covered", [], "investigational-nmn"),
        (UNSPECIFIED_RULE, "conditional", ["detail-code"], "code-needs-detail"),
        (PROGRAM_RULE, "conditional", ["OTH"], "law-and-contract-first"),
        (PLAN_RULE, "conditional", ["OTH"], "plan-decides-who-decides"),
    ],
)
def test_each_rule_determines(
    rule_id: str, covered: str, info_needed: list[str], reason_code: str
) -> None:
    """Covered, the information needed, and one coded reason with text; no authorization."""
    (reason,) = find_parts(rule_id, "reason")
    (coding,) = reason["valueCodeableConcept"]["coding"]

    assert [part["valueCode"] for part in find_parts(rule_id, "covered")] == [covered]
    assert [part["valueCode"] for part in find_parts(rule_id, "info-needed")] == info_needed
    assert (coding["system"], coding["code"]) == (
        f"{BASE}/CodeSystem/coverage-determination-reason",
        reason_code,
    )
    assert not find_parts(rule_id, "pa-needed")


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_each_reason_names_the_policy_and_its_date(rule_id: str) -> None:
    """A reason can be read alone: policy number and publish date are in it."""
    (reason,) = find_parts(rule_id, "reason")

    assert "SURG.00126 (publish date 2024-04-01)" in reason["valueCodeableConcept"]["text"]


@pytest.mark.parametrize("rule_id", [rule for rule in RULE_IDS if rule != UNSPECIFIED_RULE])
def test_the_reasons_use_the_verdict_of_the_position_statement(rule_id: str) -> None:
    """Where the order is for it, the policy's position is stated, whoever decides."""
    (reason,) = find_parts(rule_id, "reason")

    assert (
        "investigational and not medically necessary, whatever the indication"
        in reason["valueCodeableConcept"]["text"]
    )


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_no_rule_says_more_than_the_document(rule_id: str) -> None:
    """Neither advice to the clinician, nor `covered` as a headline, nor `advisory`."""
    words = show(get_rules()[rule_id])

    assert not [
        word
        for word in ("advisory", "Review the", "Not covered", "does not cover")
        if word in words
    ]


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_every_detail_is_an_instruction_with_a_category(rule_id: str) -> None:
    """Each detail has category, code and value, and at most a condition besides."""
    for detail in find_details(rule_id):
        assert detail["category"]["valueCode"] in ("cat-decisional", "cat-other")
        assert detail["code"]["valueCodeableConcept"]["coding"][0]["code"] == "instructions"
        assert (
            {"category", "code", "value"} <= detail.keys() <= {"category", "code", "value", "when"}
        )


@pytest.mark.parametrize("rule_id", [UNSPECIFIED_RULE, PLAN_RULE])
def test_a_member_who_may_be_a_californian_is_told_of_the_fax(rule_id: str) -> None:
    """The instruction has both fax numbers and the phone, and is worded as an `if`."""
    (instruction,) = [
        detail["value"]["valueString"]
        for detail in find_details(rule_id)
        if "818-234-2767" in detail["value"]["valueString"]
    ]

    assert instruction.startswith("If ")
    assert "California" in instruction
    assert not [n for n in ("818-234-3824", "1-800-365-0609") if n not in instruction]


def test_only_the_unspecified_93799_has_a_detail_of_its_own_that_depends() -> None:
    """It tells the fax only to who may be in the California plan, and in no public program."""
    whens = {
        rule_id: [
            detail["when"]["valueExpression"]["expression"]
            for detail in find_details(rule_id)
            if "when" in detail
        ]
        for rule_id in RULE_IDS
    }

    assert {rule_id: found for rule_id, found in whens.items() if found} == {
        UNSPECIFIED_RULE: [f"{IN_NO_OTHER_PLAN} and {NO_PROGRAM}"]
    }


def test_every_answer_says_that_law_and_contract_come_first() -> None:
    """The first of the shared details, without a condition; and that listing says nothing."""
    first, *_ = find_shared_details()

    assert "when" not in first
    assert "Federal and state law" in first["value"]["valueString"]
    assert "says nothing of coverage or payment" in first["value"]["valueString"]


@pytest.mark.parametrize(
    ("code_set", "day"), [("any-cpt", "2025-01-01"), ("any-icd-10-pcs", "2024-10-01")]
)
def test_each_code_set_has_its_own_last_day(code_set: str, day: str) -> None:
    """CPT goes by calendar year, ICD-10-PCS by federal fiscal year."""
    whens = [
        detail["when"]["valueExpression"]["expression"]
        for detail in find_shared_details()
        if "when" in detail
    ]

    assert (
        f"%codes.where(memberOf('{BASE}/ValueSet/{code_set}|1.0.0')).exists() and %dos >= @{day}"
        in whens
    )


def test_the_93799_answer_says_which_words_it_relied_on() -> None:
    """One detail is an expression over the same words as the condition."""
    (found,) = [d["value"] for d in find_details(SPECIFIED_RULE) if "valueExpression" in d["value"]]

    assert found["valueExpression"]["expression"] == (
        "'The determination relies on these words of the order: ' & "
        f"iif({PFA}.exists(), {PFA}, {IRE} | {VEINS}).join(', ')"
    )


def test_the_unspecified_93799_answer_says_what_to_write() -> None:
    """The text of the code has to name plainly what the policy lists 93799 for."""
    instruction, *_ = [detail["value"]["valueString"] for detail in find_details(UNSPECIFIED_RULE)]

    assert "say so plainly in the text of its code" in instruction


def test_who_is_in_the_californian_plan_has_a_contact_with_two_faxes_and_a_phone() -> None:
    """Anthem Blue Cross Grievance and Appeals, as the footer of the document gives it."""
    assert [part["valueContactDetail"] for part in find_parts(CA_RULE, "contact")] == [
        {
            "name": "Anthem Blue Cross Grievance and Appeals",
            "telecom": [
                {"system": "fax", "value": "818-234-2767"},
                {"system": "fax", "value": "818-234-3824"},
                {"system": "phone", "value": "1-800-365-0609"},
            ],
        }
    ]


@pytest.mark.parametrize("rule_id", [rule for rule in RULE_IDS if rule != CA_RULE])
def test_the_other_rules_have_no_contact(rule_id: str) -> None:
    """The footer's numbers are for commercial HMO members in California."""
    assert find_parts(rule_id, "contact") == []


def test_there_are_72_citations() -> None:
    """68 publications, P1 to P68, and 4 of agencies and societies, G1 to G4, in order."""
    assert tuple(citation["label"] for citation in find_related("citation")) == CITATION_LABELS
    assert all(citation["citation"] for citation in find_related("citation"))


@pytest.mark.parametrize(
    ("label", "printed"),
    [
        ("P4", "Ronza FM2"),
        ("P7", "Blazeviski"),
        ("P14", "Breclj"),
        ("P25", "Gorski"),
        ("P41", "COLDIRE-2"),
        ("P49", "ET AL"),
        ("P63", "Vogel JA1"),
        ("G4", "K0183385"),
    ],
)
def test_a_citation_keeps_the_spelling_of_the_document(label: str, printed: str) -> None:
    """Misspellings stand as printed; the review comments name them."""
    (citation,) = [found for found in find_related("citation") if found["label"] == label]

    assert printed in citation["citation"]
    assert printed in read_texts(find_comments("review"))


def test_no_related_artifact_has_a_url() -> None:
    """Addresses stand in the citation text: a url would become a link on every card."""
    documentation = [entry for rule in get_rules().values() for entry in rule["documentation"]]

    assert not [
        entry for entry in [*get_policy()["relatedArtifact"], *documentation] if "url" in entry
    ]


def test_there_are_three_related_documents() -> None:
    """Three other policies of the publisher, labelled with their numbers."""
    assert [found["label"] for found in find_related("documentation")] == [
        "CG-MED-64",
        "CG-SURG-61",
        "CG-SURG-78",
    ]


def test_the_source_is_named_by_its_hash_and_not_included() -> None:
    """One derived-from with a SHA-1 of the text that was read, and no text."""
    (source,) = find_related("derived-from")

    assert "SURG.00126" in source["display"]
    assert source["document"].keys() == {"contentType", "hash", "title"}


def test_every_pinned_canonical_resolves_to_a_file() -> None:
    """Each canonical has a version and is that of a resource in this library."""
    held = {f"{r['url']}|{r['version']}" for r in [*get_resources(), *read_shared()] if "url" in r}
    used = {found["resource"] for found in find_related("depends-on")}
    filtered = {node["valueSet"] for node in walk(get_policy()) if "valueSet" in node}

    assert PINNED_SET in filtered
    assert filtered <= used <= held


def test_the_history_has_fourteen_rows_and_only_they_are_dated() -> None:
    """Fourteen documentation comments carry a date, newest first; no other comment does."""
    comments = [
        comment
        for kind in ("documentation", "review", "guidance")
        for comment in find_comments(kind)
    ]
    dated = [comment for comment in comments if "authoredOn" in comment]

    assert tuple(comment["authoredOn"] for comment in dated) == HISTORY
    assert {comment["type"] for comment in dated} == {"documentation"}


def test_the_history_keeps_the_status_of_each_row() -> None:
    """One row without a status, ten reviews, two revisions, one new policy."""
    rows = [
        comment["text"] for comment in find_comments("documentation") if "authoredOn" in comment
    ]
    kinds = Counter(row.split()[0].rstrip(".") for row in rows)

    assert kinds == {"No": 1, "Reviewed": 10, "Revised": 2, "New": 1}


@pytest.mark.parametrize(
    "device", ["NanoKnife", "Oncobionic System", "NanoKnife Oncobionic System"]
)
def test_the_devices_the_document_names_can_be_found(device: str) -> None:
    """The two index terms, and the name that runs them together."""
    assert device in show(get_policy())


def test_every_review_comment_says_what_kind_it_is() -> None:
    """A review comment begins with Discrepancy, Derived or Assumed."""
    kinds = {comment["text"].split(":")[0] for comment in find_comments("review")}

    assert kinds == {"Discrepancy", "Derived", "Assumed"}


@pytest.mark.parametrize("parts", DISCREPANCIES, ids=lambda parts: parts[0])
def test_a_discrepancy_of_the_source_is_recorded(parts: tuple[str, ...]) -> None:
    """One review comment names the discrepancy; the encoded figure stays as printed."""
    texts = [comment["text"] for comment in find_comments("review")]
    found = [text for text in texts if all(part in text for part in parts)]

    assert len(found) == 1
    assert found[0].startswith("Discrepancy: ")


def test_the_project_publishes_and_the_payer_is_the_author() -> None:
    """The document names no author; a review comment says that Anthem is assumed."""
    published = [found for found in get_resources() if "publisher" in found]

    assert {found["publisher"] for found in published} == {"CRD service project"}
    assert get_policy()["author"] == [{"name": "Anthem"}]
    assert "Assumed: the author of the document is Anthem" in read_texts(find_comments("review"))


def test_there_is_one_justification_for_each_study_line() -> None:
    """The first sixteen justifications are the study lines, in the order of the document."""
    labels = [found.get("label") for found in find_related("justification")]

    assert tuple(labels[:16]) == STUDY_LABELS


def test_every_justification_label_is_a_citation_label() -> None:
    """A justification points at citations there are; two FDA items are not among them."""
    labels = [found.get("label", "") for found in find_related("justification")]
    cited = {label for joined in labels if joined for label in joined.split(", ")}

    assert cited <= set(CITATION_LABELS)
    assert labels.count("") == 2


def test_the_cited_and_the_uncited_references_add_up() -> None:
    """All references are cited in a justification but the sixteen the Rationale never cites."""
    joined = ", ".join(found.get("label", "") for found in find_related("justification"))
    uncited = set(CITATION_LABELS) - set(joined.split(", "))

    assert uncited == {
        f"P{number}" for number in (2, 4, 18, 19, 27, 31, 36, 38, 44, 47, 49, 52, 53, 56, 63, 67)
    }


def test_the_cases_belong_to_this_policy_and_have_sentences_for_names() -> None:
    """Canonical and version are the policy's; at least 40 cases, no name twice."""
    policy, names = get_policy(), [case["name"] for case in get_cases()]

    assert read_library()["cases.json"]["policy"] == f"{policy['url']}|{policy['version']}"
    assert len(names) == len(set(names)) >= 40


def test_every_case_names_a_member_and_every_member_has_a_case() -> None:
    """Members are Anthem's, each with a coverage and a patient."""
    members = read_library()["cases.json"]["members"]
    payers = {member["coverage"]["payor"][0]["identifier"]["value"] for member in members.values()}

    assert {case["member"] for case in get_cases()} == set(members)
    assert payers == {"anthem"}


def test_every_expectation_is_one_a_rule_can_give() -> None:
    """No rule means indeterminate; a rule means what its determination says."""
    for case in get_cases():
        expect = case["expect"]
        rule = expect["rule"]
        covered = find_parts(rule, "covered")[0]["valueCode"] if rule else "indeterminate"
        needed = [part["valueCode"] for part in find_parts(rule, "info-needed")] if rule else []

        assert (expect["covered"], expect.get("info-needed", [])) == (covered, needed)


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_every_rule_has_cases(rule_id: str) -> None:
    """Each rule answers at least six cases."""
    assert sum(case["expect"]["rule"] == rule_id for case in get_cases()) >= 6


def test_at_least_twenty_cases_get_no_answer() -> None:
    """What the policy does not list is tried as well."""
    assert sum(case["expect"]["rule"] is None for case in get_cases()) >= 20


@pytest.mark.parametrize("code", [*CPT_CODES, *PCS_CODES, "93799"])
def test_every_code_is_tried_inside_and_outside_california(code: str) -> None:
    """Each code has a case under the California rule and one under another rule."""
    rules = {case["expect"]["rule"] for case in get_cases() if list_codes(case) == [code]}

    assert CA_RULE in rules
    assert rules & {LISTED_RULE, UNSPECIFIED_RULE}
