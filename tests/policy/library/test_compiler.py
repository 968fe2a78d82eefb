"""Compiling: whatever is broken in a library stops the start and is named, file and JSON path."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from small_library import (
    change,
    compile_directories,
    copy_of_builtin,
    insurance_plan,
    organization,
    policy,
    rule,
    small_index,
    write_library,
)

from cds_service.crd.codes import PAYER_ID
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library

JsonObject = dict[str, Any]

ICARE, ICARE_PLAN = (
    "icare/Organization-icare.json",
    "icare/InsurancePlan-icare-medicare-advantage.json",
)
POLICY = "icare/wi-pa-1266/PlanDefinition-icare-wi-pa-1266-20241008.json"
VALUE_SET = "icare/wi-pa-1266/ValueSet-icare-wi-pa-1266-ire-procedures.json"
ANTHEM_POLICY = "anthem/surg-00126/PlanDefinition-anthem-surg-00126-20240401.json"
RULE = "$.action[0].action[0]"
FHIRPATH = {"language": "text/fhirpath"}


class Fault(NamedTuple):
    """What is planted where, and how the error must name it."""

    name: str
    file: str
    plant: Callable[[JsonObject], object]
    where: str
    determination: str


def the_rule(one: JsonObject) -> JsonObject:
    found: JsonObject = one["action"][0]["action"][0]
    return found


def said(one: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = the_rule(one)["extension"][0]["extension"]
    return found


def instruction(one: JsonObject) -> list[JsonObject]:
    """The parts of the first detail."""
    found: list[JsonObject] = next(part for part in said(one) if part["url"] == "detail")[
        "extension"
    ]
    return found


def say(*parts: JsonObject) -> Callable[[JsonObject], object]:
    """The rule says this and nothing else."""
    return lambda one: the_rule(one)["extension"][0].update(extension=list(parts))


def ask(expression: Any, **elements: Any) -> Callable[[JsonObject], object]:
    """The rule's condition is this expression."""
    return lambda one: the_rule(one)["condition"][0]["expression"].update(
        expression=expression, **elements
    )


def in_detail(url: str, **value: Any) -> Callable[[JsonObject], object]:
    """The first detail has this part in place of its own."""

    def plant(one: JsonObject) -> None:
        inside = instruction(one)
        inside[:] = [*(part for part in inside if part["url"] != url), {"url": url, **value}]

    return plant


def code(url: str, value: str) -> JsonObject:
    return {"url": url, "valueCode": value}


REASON = {"url": "reason", "valueCodeableConcept": {"text": "because"}}
FORM = {"url": "questionnaire", "valueCanonical": "https://forms.example.invalid/Questionnaire/1"}

CONDITION = f"{RULE}.condition[0]"
EXPRESSION = f"{CONDITION}.expression.expression"
EXTENSION = f"{RULE}.extension"

FAULTS = [
    # The PlanDefinition as a whole.
    Fault("no url", POLICY, lambda one: one.pop("url"), "$.url", "needs"),
    Fault("no version", POLICY, lambda one: one.pop("version"), "$.version", "needs"),
    Fault("no title", POLICY, lambda one: one.pop("title"), "$.title", "needs"),
    Fault(
        "no effective period",
        POLICY,
        lambda one: one.pop("effectivePeriod"),
        "$.effectivePeriod.start",
        "begins",
    ),
    Fault(
        "no effective start",
        POLICY,
        lambda one: one["effectivePeriod"].pop("start"),
        "$.effectivePeriod.start",
        "begins",
    ),
    Fault("no payer", POLICY, lambda one: one.pop("useContext"), "$.useContext", "payer"),
    Fault(
        "unknown payer",
        POLICY,
        lambda one: one["useContext"][0]["valueCodeableConcept"]["coding"][0].update(code="else"),
        "$.useContext",
        "payer",
    ),
    Fault(
        "payer of another system",
        POLICY,
        lambda one: one["useContext"][0]["valueCodeableConcept"]["coding"][0].update(
            system="https://e.invalid"
        ),
        "$.useContext",
        "payer",
    ),
    Fault(
        "another payer's plan",
        POLICY,
        lambda one: one["useContext"][1]["valueReference"].update(
            reference="InsurancePlan/anthem-commercial"
        ),
        "$.useContext",
        "InsurancePlan",
    ),
    Fault(
        "unknown plan",
        POLICY,
        lambda one: one["useContext"][1]["valueReference"].update(
            reference="InsurancePlan/unheard-of"
        ),
        "$.useContext",
        "InsurancePlan",
    ),
    Fault("focus lacks a code", POLICY, lambda one: focus(one).pop(), "$.useContext", "focus"),
    Fault(
        "focus has one more",
        POLICY,
        lambda one: focus(one).append({"system": CPT, "code": "0999T"}),
        "$.useContext",
        "0999T",
    ),
    # Actions and triggers.
    Fault("no action", POLICY, lambda one: one.pop("action"), "$.action.trigger", "hooks"),
    Fault(
        "no trigger",
        POLICY,
        lambda one: one["action"][0].pop("trigger"),
        "$.action.trigger",
        "hooks",
    ),
    Fault(
        "trigger with data",
        POLICY,
        lambda one: one["action"][0]["trigger"][0].update(data=[{"type": "ServiceRequest"}]),
        "$.action.trigger",
        "only a name",
    ),
    Fault(
        "trigger of another type",
        POLICY,
        lambda one: one["action"][0]["trigger"][0].update(type="data-added"),
        "$.action.trigger",
        "named-event",
    ),
    Fault(
        "no rules",
        POLICY,
        lambda one: one["action"][0].pop("action"),
        "$.action",
        "at least one rule",
    ),
    Fault(
        "duplicate rule ids",
        ANTHEM_POLICY,
        lambda one: one["action"][0]["action"][1].update(id="ca-hmo-do-not-decide"),
        "$.action",
        "one id",
    ),
    Fault("rule without id", POLICY, lambda one: the_rule(one).pop("id"), RULE, "id"),
    Fault("rule without title", POLICY, lambda one: the_rule(one).pop("title"), RULE, "title"),
    # What a rule filters on.
    Fault("no input", POLICY, lambda one: the_rule(one).pop("input"), f"{RULE}.input", "order"),
    Fault(
        "no order input",
        POLICY,
        lambda one: the_rule(one)["input"][0].update(id="else"),
        f"{RULE}.input",
        "order",
    ),
    Fault(
        "two order inputs",
        POLICY,
        lambda one: the_rule(one)["input"].append(the_rule(one)["input"][0]),
        f"{RULE}.input",
        "exactly one",
    ),
    Fault(
        "two filters",
        POLICY,
        lambda one: the_rule(one)["input"][0]["codeFilter"].append(
            {"path": "code", "code": [{"system": CPT, "code": "1"}]}
        ),
        f"{RULE}.input.codeFilter",
        "at most one",
    ),
    Fault(
        "empty filter",
        POLICY,
        lambda one: the_rule(one)["input"][0].update(codeFilter=[{"path": "code"}]),
        f"{RULE}.input.codeFilter",
        "no code",
    ),
    Fault(
        "unpinned ValueSet",
        POLICY,
        lambda one: use_value_set(one, lambda url: url.split("|")[0]),
        f"{RULE}.input.codeFilter.valueSet",
        "pin",
    ),
    Fault(
        "unknown ValueSet",
        POLICY,
        lambda one: use_value_set(one, lambda _: "https://e.invalid/v|1"),
        f"{RULE}.input.codeFilter.valueSet",
        "https://e.invalid/v|1",
    ),
    Fault(
        "unknown version of a ValueSet",
        POLICY,
        lambda one: use_value_set(one, lambda url: f"{url}.1"),
        f"{RULE}.input.codeFilter.valueSet",
        "not in the library",
    ),
    # Conditions.
    Fault(
        "no condition",
        POLICY,
        lambda one: the_rule(one).pop("condition"),
        f"{RULE}.condition",
        "at least one",
    ),
    Fault(
        "condition of another kind",
        POLICY,
        lambda one: the_rule(one)["condition"][0].update(kind="start"),
        CONDITION,
        "applicability",
    ),
    Fault(
        "condition in CQL",
        POLICY,
        ask("exists(X)", language="text/cql"),
        CONDITION,
        "text/fhirpath",
    ),
    Fault(
        "condition without expression",
        POLICY,
        lambda one: the_rule(one)["condition"][0].pop("expression"),
        CONDITION,
        "text/fhirpath",
    ),
    Fault(
        "garbage after an expression", POLICY, ask("%order.exists() garbage"), EXPRESSION, "garbage"
    ),
    Fault("unfinished expression", POLICY, ask("%order.exists("), EXPRESSION, "column"),
    Fault("two expressions", POLICY, ask("%order.exists(); true"), EXPRESSION, "column"),
    Fault("unknown variable", POLICY, ask("%orders.exists()"), EXPRESSION, "%orders"),
    Fault("the evaluator's own variable", POLICY, ask("%context.exists()"), EXPRESSION, "%context"),
    Fault(
        "unbounded regular expression",
        POLICY,
        ask("%order.note.text.matches('(a+)+b')"),
        EXPRESSION,
        "matches",
    ),
    Fault(
        "forbidden function", POLICY, ask("%order.code.resolve().exists()"), EXPRESSION, "resolve"
    ),
    Fault("invented function", POLICY, ask("%order.frobnicate()"), EXPRESSION, "frobnicate"),
    Fault(
        "forbidden function inside another",
        POLICY,
        ask("%order.where(code.repeat(coding).exists()).exists()"),
        EXPRESSION,
        "repeat",
    ),
    # Determinations.
    Fault(
        "no determination",
        POLICY,
        lambda one: the_rule(one).pop("extension"),
        EXTENSION,
        "exactly one",
    ),
    Fault(
        "two determinations",
        POLICY,
        lambda one: the_rule(one)["extension"].append(the_rule(one)["extension"][0]),
        EXTENSION,
        "exactly one",
    ),
    Fault("nothing determined", POLICY, say(REASON), EXTENSION, "Covered"),
    Fault("unknown answer", POLICY, say(code("covered", "perhaps")), EXTENSION, "perhaps"),
    Fault(
        "two answers",
        POLICY,
        say(code("covered", "covered"), code("covered", "not-covered")),
        EXTENSION,
        "more than once",
    ),
    Fault(
        "two words on authorization",
        POLICY,
        say(
            code("covered", "covered"),
            code("pa-needed", "no-auth"),
            code("pa-needed", "auth-needed"),
        ),
        EXTENSION,
        "more than once",
    ),
    Fault(
        "`noauth` for `no-auth`",
        POLICY,
        say(code("covered", "covered"), code("pa-needed", "noauth")),
        EXTENSION,
        "noauth",
    ),
    Fault(
        "unknown part",
        POLICY,
        lambda one: said(one).append(code("satisfied", "yes")),
        EXTENSION,
        "satisfied",
    ),
    Fault(
        "a part only run time knows",
        POLICY,
        lambda one: said(one).append({"url": "date", "valueDate": "2026-01-01"}),
        EXTENSION,
        "date",
    ),
    Fault(
        "an authorization number in a policy",
        POLICY,
        say(code("covered", "covered"), {"url": "satisfied-pa-id", "valueString": "1"}),
        EXTENSION,
        "satisfied-pa-id",
    ),
    Fault("q1", POLICY, say(code("covered", "covered"), FORM), EXTENSION, "crd-ci-q1"),
    Fault(
        "q2",
        POLICY,
        say(code("covered", "not-covered"), code("pa-needed", "no-auth")),
        EXTENSION,
        "crd-ci-q2",
    ),
    Fault(
        "q3, nothing asked",
        POLICY,
        say(code("covered", "conditional"), REASON),
        EXTENSION,
        "crd-ci-q3",
    ),
    Fault(
        "q3, nothing depends",
        POLICY,
        say(code("covered", "covered"), code("info-needed", "location")),
        EXTENSION,
        "crd-ci-q3",
    ),
    Fault(
        "q4",
        POLICY,
        say(
            code("covered", "covered"),
            code("doc-needed", "clinical"),
            code("doc-purpose", "withpa"),
            REASON,
        ),
        EXTENSION,
        "withpa",
    ),
    Fault(
        "q5",
        POLICY,
        say(code("covered", "covered"), code("pa-needed", "satisfied")),
        EXTENSION,
        "crd-ci-q5",
    ),
    Fault(
        "q6",
        POLICY,
        say(code("covered", "conditional"), code("info-needed", "OTH")),
        EXTENSION,
        "crd-ci-q6",
    ),
    Fault(
        "q7",
        POLICY,
        say(
            code("covered", "covered"),
            {
                "url": "reason",
                "valueCodeableConcept": {"coding": [{"system": "https://e.invalid", "code": "c"}]},
            },
        ),
        EXTENSION,
        "crd-ci-q7",
    ),
    Fault(
        "q8",
        POLICY,
        say(
            code("covered", "covered"),
            code("doc-needed", "clinical"),
            code("doc-purpose", "withclaim"),
        ),
        EXTENSION,
        "crd-ci-q8",
    ),
    Fault("q9", POLICY, say(code("covered", "indeterminate")), EXTENSION, "crd-ci-q9"),
    Fault(
        "2.0's `both`",
        POLICY,
        say(code("covered", "covered"), code("doc-needed", "both")),
        EXTENSION,
        "both",
    ),
    Fault("detail without code", POLICY, lambda one: instruction(one).pop(1), EXTENSION, "code"),
    Fault("detail without value", POLICY, lambda one: instruction(one).pop(2), EXTENSION, "value"),
    Fault(
        "detail without category",
        POLICY,
        lambda one: instruction(one).pop(0),
        EXTENSION,
        "category",
    ),
    Fault(
        "detail of an unknown category",
        POLICY,
        in_detail("category", valueCode="cat-else"),
        EXTENSION,
        "cat-else",
    ),
    Fault(
        "detail code in words alone",
        POLICY,
        in_detail("code", valueCodeableConcept={"text": "x"}),
        EXTENSION,
        "coding",
    ),
    Fault(
        "bad expression in a detail",
        POLICY,
        in_detail("when", valueExpression={**FHIRPATH, "expression": "%dos >"}),
        EXTENSION,
        "column",
    ),
    Fault(
        "`when` in another language",
        POLICY,
        in_detail("when", valueExpression={"language": "text/cql", "expression": "true"}),
        EXTENSION,
        "text/fhirpath",
    ),
    Fault(
        "`when` that is no expression",
        POLICY,
        in_detail("when", valueBoolean=True),
        EXTENSION,
        "text/fhirpath",
    ),
    # ValueSets, payers and plans.
    Fault(
        "expansion lacks a code",
        VALUE_SET,
        lambda one: one["expansion"]["contains"].pop(),
        "$.expansion",
        "compose",
    ),
    Fault(
        "expansion has one more",
        VALUE_SET,
        lambda one: one["expansion"]["contains"].append({"system": CPT, "code": "0999T"}),
        "$.expansion",
        "compose",
    ),
    Fault(
        "a ValueSet without codes", VALUE_SET, lambda one: one.pop("compose"), "$.compose", "codes"
    ),
    Fault(
        "a whole code system",
        VALUE_SET,
        lambda one: one["compose"]["include"][0].pop("concept"),
        "$.compose.include[0]",
        "one by one",
    ),
    Fault(
        "a filter",
        VALUE_SET,
        lambda one: one["compose"]["include"].append(
            {"system": CPT, "filter": [{"property": "p", "op": "=", "value": "v"}]}
        ),
        "$.compose.include[1]",
        "one by one",
    ),
    Fault(
        "an exclusion",
        VALUE_SET,
        lambda one: one["compose"].update(
            exclude=[{"system": CPT, "concept": [{"code": "0600T"}]}]
        ),
        "$.compose.exclude",
        "one by one",
    ),
    Fault(
        "payer without identifier",
        ICARE,
        lambda one: one.pop("identifier"),
        "$.identifier",
        "identifier",
    ),
    Fault(
        "payer identifier without system",
        ICARE,
        lambda one: one["identifier"][0].pop("system"),
        "$.identifier",
        "system",
    ),
    Fault(
        "plan of nobody", ICARE_PLAN, lambda one: one.pop("ownedBy"), "$.ownedBy", "Organization"
    ),
    Fault(
        "plan of a stranger",
        ICARE_PLAN,
        lambda one: one["ownedBy"].update(reference="Organization/else"),
        "$.ownedBy",
        "Organization",
    ),
]


def focus(one: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = one["useContext"][2]["valueCodeableConcept"]["coding"]
    return found


def use_value_set(one: JsonObject, renamed: Callable[[str], str]) -> None:
    code_filter = the_rule(one)["input"][0]["codeFilter"][0]
    code_filter["valueSet"] = renamed(code_filter["valueSet"])


def refusal(tmp_path: Path, fault: Fault) -> ArtifactError:
    library = copy_of_builtin(tmp_path)
    change(library / fault.file, fault.plant)
    with pytest.raises(ArtifactError) as caught:
        compile_directories(library)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_stops_the_start_and_is_named(tmp_path: Path, fault: Fault) -> None:
    """The error names the file and the JSON path, and says what is wrong there."""
    error = refusal(tmp_path, fault)

    assert str(error.path).endswith(fault.file)
    assert error.where == fault.where
    assert fault.determination in error.problem


def test_enough_faults_are_planted() -> None:
    """At least thirty ways to break a library, each under a name of its own."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30


# What FHIR lets a policy say and this service does not honour: to pass over it would apply the rule too widely.
UNHEEDED = [
    Fault(
        "condition on the parent action",
        POLICY,
        lambda one: one["action"][0].update(
            condition=[{"kind": "applicability", "expression": {**FHIRPATH, "expression": "false"}}]
        ),
        "$.action[0]",
        "condition",
    ),
    Fault(
        "filter on another element",
        POLICY,
        lambda one: the_rule(one)["input"][0]["codeFilter"][0].update(path="reasonCode"),
        RULE,
        "path",
    ),
    Fault(
        "filter on a date",
        POLICY,
        lambda one: the_rule(one)["input"][0].update(
            dateFilter=[{"path": "authoredOn", "valueDateTime": "2030-01-01"}]
        ),
        RULE,
        "dateFilter",
    ),
    Fault(
        "filtered code without system",
        POLICY,
        lambda one: the_rule(one)["input"][0]["codeFilter"][0].update(code=[{"code": "0602T"}]),
        RULE,
        "system",
    ),
    Fault(
        "rules below a rule",
        POLICY,
        lambda one: the_rule(one).update(action=[{"id": "below", "title": "Below"}]),
        RULE,
        "action",
    ),
    Fault(
        "second `when`",
        POLICY,
        lambda one: instruction(one).extend(
            [{"url": "when", "valueExpression": {**FHIRPATH, "expression": "true"}}] * 2
        ),
        EXTENSION,
        "when",
    ),
    Fault(
        "order of no kind we know",
        POLICY,
        lambda one: the_rule(one)["input"][0].update(type="Procedure"),
        RULE,
        "Procedure",
    ),
    Fault(
        "misspelled hook",
        POLICY,
        lambda one: one["action"][0]["trigger"][0].update(name="order-sgin"),
        "$.action",
        "order-sgin",
    ),
    Fault("variable without its sign", POLICY, ask("order.exists()"), EXPRESSION, "order"),
    Fault(
        "period that ends before it begins",
        POLICY,
        lambda one: one["effectivePeriod"].update(end="2020-01-01"),
        "$.effectivePeriod",
        "end",
    ),
]


@pytest.mark.parametrize("fault", UNHEEDED, ids=[fault.name for fault in UNHEEDED])
def test_what_would_not_be_heeded_stops_the_start(tmp_path: Path, fault: Fault) -> None:
    """A limit on a rule that we cannot keep is refused, not passed over."""
    error = refusal(tmp_path, fault)

    assert str(error.path).endswith(fault.file)
    assert error.where.startswith(fault.where)
    assert fault.determination in error.problem


# What a payer can write that no answer could carry: found at start, not at the first order.
UNSAYABLE = [
    Fault(
        "title of nothing visible",
        POLICY,
        lambda one: the_rule(one).update(title="\u200b\u202e"),
        RULE,
        "title",
    ),
    Fault(
        "payer without a name",
        ICARE,
        lambda one: (one.pop("name"), one.pop("alias")),
        "$.name",
        "name",
    ),
    Fault(
        "instructions that are a boolean",
        POLICY,
        in_detail("value", valueBoolean=True),
        EXTENSION,
        "instructions",
    ),
    Fault(
        "instructions that are a number",
        POLICY,
        in_detail("value", valueInteger=5),
        EXTENSION,
        "valueInteger",
    ),
    Fault(
        "value of a type the guide lacks",
        POLICY,
        in_detail("value", valueCode="x"),
        EXTENSION,
        "valueCode",
    ),
    Fault(
        "index term of nothing but a hyphen",
        POLICY,
        lambda one: one.update(topic=[{"text": "-"}]),
        "$.topic",
        "topic",
    ),
]


@pytest.mark.parametrize("fault", UNSAYABLE, ids=[fault.name for fault in UNSAYABLE])
def test_what_no_answer_could_carry_stops_the_start(tmp_path: Path, fault: Fault) -> None:
    """A card or an extension that cannot be built is the library's fault, not the call's."""
    error = refusal(tmp_path, fault)

    assert str(error.path).endswith(fault.file)
    assert error.where.startswith(fault.where)


# Ambiguities between artifacts.


def test_two_payers_with_one_identifier_stop_the_start(tmp_path: Path) -> None:
    """One payer's members would get the other's policies."""
    shared = [{"system": PAYER_ID, "value": "shared"}]
    with pytest.raises(ArtifactError):
        small_index(
            tmp_path, organization("one", identifier=shared), organization("two", identifier=shared)
        )


def test_two_versions_that_begin_on_one_day_stop_the_start(tmp_path: Path) -> None:
    """Each day has exactly one version in force."""
    url = "https://policies.example.invalid/PlanDefinition/p"
    with pytest.raises(ArtifactError):
        small_index(
            tmp_path,
            policy(name="p-1", url=url, version="1"),
            policy(name="p-2", url=url, version="2"),
        )


# What compiles.


def test_the_built_in_library_compiles_to_its_rules() -> None:
    """One iCare rule and four of Anthem, each citing its policy."""
    index = compile_directories(builtin_library())

    assert {
        one.citation.number: sum(rule.policy.id == one.id for rule in index.rules)
        for one in index.policies
    } == {
        "WI.PA-1266": 1,
        "SURG.00126": 4,
    }


@pytest.mark.parametrize("status", ["draft", "retired", "unknown"])
def test_only_active_policies_answer(tmp_path: Path, status: str) -> None:
    """A draft in the library is not in force."""
    assert small_index(tmp_path, policy(status=status)).rules == ()


def test_a_draft_does_not_end_the_version_in_force(tmp_path: Path) -> None:
    """Only what is active succeeds what is active."""
    url = "https://policies.example.invalid/PlanDefinition/p"
    index = small_index(
        tmp_path,
        policy(name="p-1", url=url, version="1", start="2020-01-01"),
        policy(name="p-2", url=url, version="2", start="2024-01-01", status="draft"),
    )

    assert [one.end.year for one in index.policies] == [9999]


def test_codes_and_value_set_of_one_filter_add_up() -> None:
    """The California rule lists both, and 93799 is one of sixteen codes."""
    index = compile_directories(builtin_library())
    (california,) = (one for one in index.rules if one.citation.rule_id == "ca-hmo-do-not-decide")

    assert len(california.by_key) == 16
    assert "93799" in {key.code for key in california.by_key}


def test_a_policy_is_its_payers_by_any_of_the_payers_identifiers(tmp_path: Path) -> None:
    """`useContext` names any identifier of the Organization."""
    naic = {"system": "urn:oid:2.16.840.1.113883.6.300", "value": "95885"}
    ours = organization()["identifier"]
    by_naic = policy()
    by_naic["useContext"][0]["valueCodeableConcept"]["coding"] = [
        {"system": naic["system"], "code": naic["value"]}
    ]
    library = write_library(tmp_path, organization(identifier=[*ours, naic]), by_naic)

    assert [one.payer_id for one in compile_directories(library).policies] == ["acme"]


def test_a_policy_of_two_payers_answers_for_both(tmp_path: Path) -> None:
    """A policy shared by two brands names both, and neither is passed over."""
    shared = policy()
    shared["useContext"][0]["valueCodeableConcept"]["coding"].append(
        {"system": PAYER_ID, "code": "other"}
    )
    index = small_index(tmp_path, organization("other"), shared)

    assert {one.policy.payer_id for one in index.rules} == {"acme", "other"}


def test_lines_of_business_are_the_payers_plans(tmp_path: Path) -> None:
    """Several `program` references are several lines."""
    plans = (
        insurance_plan("acme-a", "11"),
        insurance_plan("acme-b", "12"),
        insurance_plan("acme-c", "13"),
    )
    index = small_index(
        tmp_path, *plans, policy(lines=("InsurancePlan/acme-a", "InsurancePlan/acme-b"))
    )

    assert [[line.id for line in one.lines] for one in index.policies] == [["acme-a", "acme-b"]]


def test_a_rule_without_a_filter_is_asked_of_every_order_of_its_type(tmp_path: Path) -> None:
    """A payer's catch-all (design 4.10)."""
    index = small_index(tmp_path, policy(rule(codes=())))

    assert [
        len(index.candidates("acme", kind, [], "order-sign"))
        for kind in ("ServiceRequest", "DeviceRequest")
    ] == [
        1,
        0,
    ]


def test_topics_without_words_are_no_index_terms(tmp_path: Path) -> None:
    """A topic may be coded alone; it then says nothing an order could say."""
    coded = {"coding": [{"system": "https://topics.example.invalid", "code": "t"}]}
    index = small_index(tmp_path, policy(topic=[coded, {"text": "Invented ablation"}]))

    assert [term for _, term in index.mentioned("acme", ["an invented thing"])] == []


def test_compiling_changes_no_artifact() -> None:
    """The resources stay as they were read, byte for byte."""
    library = read_library([builtin_library()])
    before = {key: encode(one.resource) for key, one in library.by_key.items()}
    compile_library(library, base_url="https://crd.example.invalid")

    assert {key: encode(one.resource) for key, one in library.by_key.items()} == before


@pytest.mark.parametrize("rule_id", ['r"><b>', "r s", "r#s", "ré"])
def test_a_link_is_an_address_whatever_a_rule_is_called(tmp_path: Path, rule_id: str) -> None:
    """FHIR lets an element's id be any string, so it is put into URLs percent-encoded."""
    (compiled,) = small_index(tmp_path, policy(rule(rule_id))).rules
    url = compiled.citation.page_url

    assert re.fullmatch(r"[!#-;=?-~]+", url)
    assert url.count("#") == 1
