"""Compiling: whatever is broken in a library stops the start and is named, file and JSON path."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import small_library
from small_library import (
    NOT_COVERED,
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

from cds_service.crd.codes import CANONICAL_BASE, PAYER_ID, SHARED_DETAILS
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
INPUT = f"{RULE}.input[0]"
FHIRPATH = {"language": "text/fhirpath"}


class Fault(NamedTuple):
    """What is planted where, and how the error must name it."""

    name: str
    file: str
    plant: Callable[[JsonObject], object]
    where: str
    words: str


def the_rule(resource: JsonObject) -> JsonObject:
    found: JsonObject = resource["action"][0]["action"][0]
    return found


def determination_parts(resource: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = the_rule(resource)["extension"][0]["extension"]
    return found


def instruction(resource: JsonObject) -> list[JsonObject]:
    """The parts of a detail of the rule, like the one that stands on the outer action."""
    detail = copy.deepcopy(resource["action"][0]["extension"][0]["extension"][0])
    determination_parts(resource).append(detail)
    inside: list[JsonObject] = detail["extension"]
    return inside


def determines(*parts: JsonObject) -> Callable[[JsonObject], object]:
    """The rule's determination has these parts and no others."""
    return lambda resource: the_rule(resource)["extension"][0].update(extension=list(parts))


def ask(expression: Any, **elements: Any) -> Callable[[JsonObject], object]:
    """The rule's condition is this expression."""
    return lambda resource: the_rule(resource)["condition"][0]["expression"].update(
        expression=expression, **elements
    )


def in_detail(url: str, **value: Any) -> Callable[[JsonObject], object]:
    """The first detail has this part in place of its own."""

    def plant(resource: JsonObject) -> None:
        inside = instruction(resource)
        inside[:] = [*(part for part in inside if part["url"] != url), {"url": url, **value}]

    return plant


def code(url: str, value: str) -> JsonObject:
    return {"url": url, "valueCode": value}


REASON = {"url": "reason", "valueCodeableConcept": {"text": "because"}}
WITH_AUTHORIZATION = {"url": "doc-with-authorization", "valueBoolean": True}
FORM = {"url": "questionnaire", "valueCanonical": "https://forms.example.invalid/Questionnaire/1"}

CONDITION = f"{RULE}.condition[0]"
EXPRESSION = f"{CONDITION}.expression.expression"
EXTENSION = f"{RULE}.extension"

FAULTS = [
    # The PlanDefinition as a whole.
    Fault("no url", POLICY, lambda resource: resource.pop("url"), "$.url", "needs"),
    Fault("no version", POLICY, lambda resource: resource.pop("version"), "$.version", "needs"),
    Fault("no title", POLICY, lambda resource: resource.pop("title"), "$.title", "needs"),
    Fault(
        "no effective period",
        POLICY,
        lambda resource: resource.pop("effectivePeriod"),
        "$.effectivePeriod.start",
        "begins",
    ),
    Fault(
        "no effective start",
        POLICY,
        lambda resource: resource.update(effectivePeriod={"end": "2030-01-01"}),
        "$.effectivePeriod.start",
        "begins",
    ),
    Fault("no payer", POLICY, lambda resource: resource.pop("useContext"), "$.useContext", "payer"),
    Fault(
        "unknown payer",
        POLICY,
        lambda resource: resource["useContext"][0]["valueCodeableConcept"]["coding"][0].update(
            code="else"
        ),
        "$.useContext",
        "payer",
    ),
    Fault(
        "payer of another system",
        POLICY,
        lambda resource: resource["useContext"][0]["valueCodeableConcept"]["coding"][0].update(
            system="https://e.invalid"
        ),
        "$.useContext",
        "payer",
    ),
    Fault(
        "another payer's plan",
        POLICY,
        lambda resource: resource["useContext"][1]["valueReference"].update(
            reference="InsurancePlan/anthem-commercial"
        ),
        "$.useContext",
        "InsurancePlan",
    ),
    Fault(
        "unknown plan",
        POLICY,
        lambda resource: resource["useContext"][1]["valueReference"].update(
            reference="InsurancePlan/unheard-of"
        ),
        "$.useContext",
        "InsurancePlan",
    ),
    Fault(
        "focus lacks a code",
        POLICY,
        lambda resource: focus(resource).pop(),
        "$.useContext",
        "focus",
    ),
    Fault(
        "focus has one more",
        POLICY,
        lambda resource: focus(resource).append({"system": CPT, "code": "0999T"}),
        "$.useContext",
        "0999T",
    ),
    # Actions and triggers.
    Fault(
        "no action", POLICY, lambda resource: resource.pop("action"), "$.action.trigger", "hooks"
    ),
    Fault(
        "no trigger",
        POLICY,
        lambda resource: resource["action"][0].pop("trigger"),
        "$.action.trigger",
        "hooks",
    ),
    Fault(
        "trigger with data",
        POLICY,
        lambda resource: resource["action"][0]["trigger"][0].update(
            data=[{"type": "ServiceRequest"}]
        ),
        "$.action.trigger",
        "only a name",
    ),
    Fault(
        "trigger of another type",
        POLICY,
        lambda resource: resource["action"][0]["trigger"][0].update(
            type="data-added", data=[{"type": "ServiceRequest"}]
        ),
        "$.action.trigger",
        "named-event",
    ),
    Fault(
        "no rules",
        POLICY,
        lambda resource: resource["action"][0].pop("action"),
        "$.action",
        "at least one rule",
    ),
    Fault(
        "duplicate rule ids",
        ANTHEM_POLICY,
        lambda resource: resource["action"][0]["action"][1].update(id="ca-hmo-do-not-decide"),
        "$.action[0].action[1].id",
        "`ca-hmo-do-not-decide`",
    ),
    Fault(
        "rule ids that differ in a blank",
        ANTHEM_POLICY,
        lambda resource: resource["action"][0]["action"][1].update(id="ca-hmo-do-not-decide "),
        "$.action[0].action[1].id",
        "white space",
    ),
    Fault("rule without id", POLICY, lambda resource: the_rule(resource).pop("id"), RULE, "id"),
    Fault(
        "rule without title",
        POLICY,
        lambda resource: the_rule(resource).pop("title"),
        RULE,
        "title",
    ),
    # What a rule filters on.
    Fault(
        "no input",
        POLICY,
        lambda resource: the_rule(resource).pop("input"),
        f"{RULE}.input",
        "first input",
    ),
    Fault(
        "a plan to gather besides the order",
        POLICY,
        lambda resource: the_rule(resource)["input"].append({"type": "InsurancePlan"}),
        f"{RULE}.input[1].type",
        "`InsurancePlan` is not gathered here",
    ),
    Fault(
        "two kinds of order",
        POLICY,
        lambda resource: the_rule(resource)["input"].append({"type": "DeviceRequest"}),
        f"{RULE}.input[1].type",
        "`DeviceRequest` is not gathered here",
    ),
    Fault(
        "a plan to gather before the order",
        POLICY,
        lambda resource: the_rule(resource)["input"].insert(0, {"type": "InsurancePlan"}),
        f"{INPUT}.type",
        "no kind of order",
    ),
    Fault(
        "a rule for appointments, which are asked about as services",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(type="Appointment"),
        f"{INPUT}.type",
        "write ServiceRequest",
    ),
    Fault(
        "a rule for encounters, which are asked about as services",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(type="Encounter"),
        f"{INPUT}.type",
        "write ServiceRequest",
    ),
    Fault(
        "two filters",
        POLICY,
        lambda resource: the_rule(resource)["input"][0]["codeFilter"].append(
            {"path": "code", "code": [{"system": CPT, "code": "1"}]}
        ),
        f"{INPUT}.codeFilter",
        "at most one",
    ),
    Fault(
        "empty filter",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(codeFilter=[{"path": "code"}]),
        f"{INPUT}.codeFilter[0]",
        "no code",
    ),
    Fault(
        "unpinned ValueSet",
        POLICY,
        lambda resource: use_value_set(resource, lambda url: url.split("|")[0]),
        f"{INPUT}.codeFilter[0].valueSet",
        "pin",
    ),
    Fault(
        "unknown ValueSet",
        POLICY,
        lambda resource: use_value_set(resource, lambda _: "https://e.invalid/v|1"),
        f"{INPUT}.codeFilter[0].valueSet",
        "https://e.invalid/v|1",
    ),
    Fault(
        "unknown version of a ValueSet",
        POLICY,
        lambda resource: use_value_set(resource, lambda url: f"{url}.1"),
        f"{INPUT}.codeFilter[0].valueSet",
        "not in the library",
    ),
    # Conditions.
    Fault(
        "no condition",
        POLICY,
        lambda resource: the_rule(resource).pop("condition"),
        f"{RULE}.condition",
        "at least one",
    ),
    Fault(
        "condition of another kind",
        POLICY,
        lambda resource: the_rule(resource)["condition"][0].update(kind="start"),
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
        lambda resource: the_rule(resource)["condition"][0].pop("expression"),
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
        "regular expression that no linear engine knows",
        POLICY,
        ask("%order.code.text.matches('(a)\\\\1')"),
        EXPRESSION,
        "no regular expression of RE2",
    ),
    Fault("forbidden function", POLICY, ask("%order.children().exists()"), EXPRESSION, "children"),
    Fault(
        "an element that no profile promises",
        POLICY,
        ask("%order.note.text.mentions('PFA').empty()"),
        EXPRESSION,
        "CRD conf-8",
    ),
    Fault("a misspelt element", POLICY, ask("%order.cod.empty()"), EXPRESSION, "no element `cod`"),
    Fault(
        "an element under its name in JSON",
        POLICY,
        ask("%order.occurrenceDateTime.empty()"),
        EXPRESSION,
        "write `occurrence.ofType(dateTime)`",
    ),
    Fault(
        "a ValueSet that is not in the library",
        POLICY,
        ask("%codes.where(memberOf('https://x.invalid|1')).exists()"),
        EXPRESSION,
        "not in the library",
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
        lambda resource: the_rule(resource).pop("extension"),
        EXTENSION,
        "exactly one",
    ),
    Fault(
        "two determinations",
        POLICY,
        lambda resource: the_rule(resource)["extension"].append(the_rule(resource)["extension"][0]),
        EXTENSION,
        "exactly one",
    ),
    Fault("nothing determined", POLICY, determines(REASON), EXTENSION, "one `covered`"),
    Fault("unknown answer", POLICY, determines(code("covered", "perhaps")), EXTENSION, "perhaps"),
    Fault(
        "two answers",
        POLICY,
        determines(code("covered", "covered"), code("covered", "not-covered")),
        EXTENSION,
        "more than once",
    ),
    Fault(
        "two words on authorization",
        POLICY,
        determines(
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
        determines(code("covered", "covered"), code("pa-needed", "noauth")),
        EXTENSION,
        "noauth",
    ),
    Fault(
        "unknown part",
        POLICY,
        lambda resource: determination_parts(resource).append(code("satisfied", "yes")),
        EXTENSION,
        "satisfied",
    ),
    Fault(
        "a part only run time knows",
        POLICY,
        lambda resource: determination_parts(resource).append(
            {"url": "date", "valueDate": "2026-01-01"}
        ),
        EXTENSION,
        "date",
    ),
    Fault(
        "an authorization number in a policy",
        POLICY,
        determines(code("covered", "covered"), {"url": "satisfied-pa-id", "valueString": "1"}),
        EXTENSION,
        "satisfied-pa-id",
    ),
    Fault("q1", POLICY, determines(code("covered", "covered"), FORM), EXTENSION, "crd-ci-q1"),
    Fault(
        "q2",
        POLICY,
        determines(code("covered", "not-covered"), code("pa-needed", "no-auth")),
        EXTENSION,
        "crd-ci-q2",
    ),
    Fault(
        "q3, nothing asked",
        POLICY,
        determines(code("covered", "conditional"), REASON),
        EXTENSION,
        "crd-ci-q3",
    ),
    Fault(
        "q3, nothing depends",
        POLICY,
        determines(code("covered", "covered"), code("info-needed", "location")),
        EXTENSION,
        "crd-ci-q3",
    ),
    Fault(
        "q4",
        POLICY,
        determines(
            code("covered", "covered"),
            code("doc-needed", "clinical"),
            code("doc-purpose", "withpa"),
            REASON,
        ),
        EXTENSION,
        "withpa",
    ),
    Fault(
        "what to write for `withpa`",
        POLICY,
        determines(code("covered", "covered"), code("doc-purpose", "withpa"), REASON),
        EXTENSION,
        "crd-ci-q4 of CRD 2.1 and 2.2 rejects it; state `doc-purpose` = `OTH`",
    ),
    Fault(
        "documents for an authorization that is not needed",
        POLICY,
        determines(
            code("covered", "covered"), code("doc-purpose", "OTH"), WITH_AUTHORIZATION, REASON
        ),
        EXTENSION,
        "crd-ci-q4",
    ),
    Fault(
        "documents for an authorization with another purpose",
        POLICY,
        determines(
            code("covered", "covered"),
            code("pa-needed", "auth-needed"),
            code("doc-purpose", "withclaim"),
            WITH_AUTHORIZATION,
            REASON,
        ),
        EXTENSION,
        "stands beside `doc-purpose` = `OTH`",
    ),
    Fault(
        "an authorization that is given",
        POLICY,
        determines(code("covered", "covered"), code("pa-needed", "satisfied")),
        EXTENSION,
        "`satisfied` is not a policy's to state: it comes from the authorizations on file",
    ),
    *(
        Fault(
            f"{name} in a policy",
            POLICY,
            determines(code("covered", "covered"), {"url": name, **value}),
            EXTENSION,
            f"`{name}` is not a policy's to state: {why}",
        )
        for name, value, why in (
            ("billingCode", {"valueCoding": {"code": "0001T"}}, "the service writes the rule's"),
            ("coverage", {"valueReference": {"reference": "Coverage/1"}}, "the service writes the"),
            ("date", {"valueDate": "2026-01-01"}, "the service writes the day"),
            ("coverage-assertion-id", {"valueString": "1"}, "the service gives each"),
            ("satisfied-pa-id", {"valueString": "1"}, "it comes from the authorizations"),
        )
    ),
    Fault(
        "a part of another type",
        POLICY,
        determines(code("covered", "covered"), {"url": "doc-needed", "valueString": "clinical"}),
        EXTENSION,
        "`doc-needed` has a valueCode, not valueString",
    ),
    Fault(
        "a dependency that is no order",
        POLICY,
        determines(
            code("covered", "covered"),
            {"url": "dependency", "valueReference": {"reference": "CarePlan/1"}},
        ),
        EXTENSION,
        "an order or an appointment",
    ),
    Fault(
        "a dependency that cannot be compiled",
        POLICY,
        determines(
            code("covered", "covered"),
            {"url": "dependency", "valueExpression": {**FHIRPATH, "expression": "%order.basedOn("}},
        ),
        EXTENSION,
        "",
    ),
    Fault(
        "a vague expiry date",
        POLICY,
        determines(code("covered", "covered"), {"url": "expiry-date", "valueDate": "2026-10"}),
        EXTENSION,
        "`expiry-date` is a day",
    ),
    Fault(
        "a contact that leads nowhere",
        POLICY,
        determines(
            code("covered", "covered"),
            {"url": "contact", "valueContactDetail": {"telecom": [{"system": "fax"}]}},
        ),
        EXTENSION,
        "a `contact` has a name",
    ),
    Fault(
        "a part of a detail that is not one",
        POLICY,
        in_detail("unless", valueString="x"),
        EXTENSION,
        "`unless`",
    ),
    Fault(
        "q6",
        POLICY,
        determines(code("covered", "conditional"), code("info-needed", "OTH")),
        EXTENSION,
        "crd-ci-q6",
    ),
    Fault(
        "q7",
        POLICY,
        determines(
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
        determines(
            code("covered", "covered"),
            code("doc-needed", "clinical"),
            code("doc-purpose", "withclaim"),
        ),
        EXTENSION,
        "crd-ci-q8",
    ),
    Fault("q9", POLICY, determines(code("covered", "indeterminate")), EXTENSION, "crd-ci-q9"),
    Fault(
        "2.0's `both`",
        POLICY,
        determines(code("covered", "covered"), code("doc-needed", "both")),
        EXTENSION,
        "both",
    ),
    Fault(
        "detail without code",
        POLICY,
        lambda resource: instruction(resource).pop(1),
        EXTENSION,
        "code",
    ),
    Fault(
        "detail without value",
        POLICY,
        lambda resource: instruction(resource).pop(2),
        EXTENSION,
        "value",
    ),
    Fault(
        "detail without category",
        POLICY,
        lambda resource: instruction(resource).pop(0),
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
        lambda resource: resource["expansion"]["contains"].pop(),
        "$.expansion",
        "compose",
    ),
    Fault(
        "expansion has one more",
        VALUE_SET,
        lambda resource: resource["expansion"]["contains"].append({"system": CPT, "code": "0999T"}),
        "$.expansion",
        "compose",
    ),
    Fault(
        "a ValueSet without codes",
        VALUE_SET,
        lambda resource: resource.pop("compose"),
        "$.compose",
        "codes",
    ),
    Fault(
        "a filter",
        VALUE_SET,
        lambda resource: resource["compose"]["include"].append(
            {"system": CPT, "filter": [{"property": "p", "op": "=", "value": "v"}]}
        ),
        "$.compose.include[1].filter[0]",
        "a filter is on",
    ),
    Fault(
        "an exclusion",
        VALUE_SET,
        lambda resource: resource["compose"].update(
            exclude=[{"system": CPT, "concept": [{"code": "0600T"}]}]
        ),
        "$.expansion",
        "other codes",
    ),
    Fault(
        "payer without identifier",
        ICARE,
        lambda resource: resource.pop("identifier"),
        "$.identifier",
        "identifier",
    ),
    Fault(
        "payer identifier without system",
        ICARE,
        lambda resource: resource["identifier"][0].pop("system"),
        "$.identifier",
        "system",
    ),
    Fault(
        "plan of nobody",
        ICARE_PLAN,
        lambda resource: resource.pop("ownedBy"),
        "$.ownedBy",
        "Organization",
    ),
    Fault(
        "plan of a stranger",
        ICARE_PLAN,
        lambda resource: resource["ownedBy"].update(reference="Organization/else"),
        "$.ownedBy",
        "Organization",
    ),
]


def focus(resource: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = resource["useContext"][2]["valueCodeableConcept"]["coding"]
    return found


def use_value_set(resource: JsonObject, renamed: Callable[[str], str]) -> None:
    code_filter = the_rule(resource)["input"][0]["codeFilter"][0]
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
    assert fault.words in error.problem


def test_enough_faults_are_planted() -> None:
    """At least thirty ways to break a library, each under a name of its own."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30


# What FHIR lets a policy say and this service does not honour. To pass over it would apply the rule
# too widely.
UNHEEDED = [
    Fault(
        "condition on the parent action in another language",
        POLICY,
        lambda resource: resource["action"][0]["condition"][0]["expression"].update(
            language="text/cql"
        ),
        "$.action[0].condition[0]",
        "text/fhirpath",
    ),
    Fault(
        "filter on another element",
        POLICY,
        lambda resource: the_rule(resource)["input"][0]["codeFilter"][0].update(path="reasonCode"),
        RULE,
        "path",
    ),
    Fault(
        "filter on a profile",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(profile=["https://e.invalid/p"]),
        RULE,
        "profile",
    ),
    Fault(
        "filter on a date",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(
            dateFilter=[{"path": "authoredOn", "valueDateTime": "2030-01-01"}]
        ),
        RULE,
        "dateFilter",
    ),
    Fault(
        "filtered code without system",
        POLICY,
        lambda resource: the_rule(resource)["input"][0]["codeFilter"][0].update(
            code=[{"code": "0602T"}]
        ),
        RULE,
        "system",
    ),
    Fault(
        "rules below a rule",
        POLICY,
        lambda resource: the_rule(resource).update(action=[{"id": "below", "title": "Below"}]),
        RULE,
        "action",
    ),
    Fault(
        "second `when`",
        POLICY,
        lambda resource: instruction(resource).extend(
            [{"url": "when", "valueExpression": {**FHIRPATH, "expression": "true"}}] * 2
        ),
        EXTENSION,
        "when",
    ),
    Fault(
        "order of no kind we know",
        POLICY,
        lambda resource: the_rule(resource)["input"][0].update(type="Procedure"),
        RULE,
        "Procedure",
    ),
    Fault(
        "misspelled hook",
        POLICY,
        lambda resource: resource["action"][0]["trigger"][0].update(name="order-sgin"),
        "$.action",
        "order-sgin",
    ),
    Fault("variable without its sign", POLICY, ask("order.exists()"), EXPRESSION, "order"),
    Fault(
        "period that ends before it begins",
        POLICY,
        lambda resource: resource["effectivePeriod"].update(end="2020-01-01"),
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
    assert fault.words in error.problem


# What a payer can write that no answer could carry: found at start, not at the first order.
UNSAYABLE = [
    Fault(
        "title of nothing visible",
        POLICY,
        lambda resource: the_rule(resource).update(title="\u200b\u202e"),
        RULE,
        "title",
    ),
    Fault(
        "payer without a name",
        ICARE,
        lambda resource: (resource.pop("name"), resource.pop("alias")),
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
        lambda resource: resource.update(topic=[{"text": "-"}]),
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
    """One iCare rule and six of Anthem, each citing its policy."""
    index = compile_directories(builtin_library())

    assert {
        compiled.citation.number: sum(rule.policy.id == compiled.id for rule in index.rules)
        for compiled in index.policies
    } == {
        "WI.PA-1266": 1,
        "SURG.00126": 6,
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

    assert [version.end.year for version in index.policies] == [9999]


def test_codes_and_value_set_of_one_filter_add_up() -> None:
    """The California rule lists both, and 93799 is one of sixteen codes."""
    index = compile_directories(builtin_library())
    by_id = {compiled.citation.rule_id: compiled for compiled in index.rules}
    california = by_id["ca-hmo-do-not-decide"]

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

    assert [compiled.payer_id for compiled in compile_directories(library).policies] == ["acme"]


def test_a_policy_of_two_payers_answers_for_both(tmp_path: Path) -> None:
    """A policy shared by two brands names both, and neither is passed over."""
    shared = policy()
    shared["useContext"][0]["valueCodeableConcept"]["coding"].append(
        {"system": PAYER_ID, "code": "other"}
    )
    index = small_index(tmp_path, organization("other"), shared)

    assert {compiled.policy.payer_id for compiled in index.rules} == {"acme", "other"}


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

    assert [[line.id for line in compiled.lines] for compiled in index.policies] == [
        ["acme-a", "acme-b"]
    ]


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


@pytest.mark.parametrize("ids", [{}, {"id": "order"}])
def test_the_first_input_is_the_orders_with_or_without_its_id(
    tmp_path: Path, ids: dict[str, str]
) -> None:
    """R4 element ids are unique in a file, so not every rule can name its order's input."""
    index = small_index(tmp_path, policy(rule(input=[{**ids, "type": "DeviceRequest"}])))

    assert [compiled.order_type for compiled in index.rules] == ["DeviceRequest"]


def test_a_filter_on_a_whole_code_system_is_refused(tmp_path: Path) -> None:
    """A rule for every order says so by having no filter; a list that was lost must not say it."""
    value_set = {
        "resourceType": "ValueSet",
        "id": "all",
        "url": "https://x.invalid/ValueSet/all",
        "version": "1",
        "status": "active",
        "compose": {"include": [{"system": CPT}]},
    }
    code_filter = {"path": "code", "valueSet": "https://x.invalid/ValueSet/all|1"}
    written = rule(input=[{"type": "ServiceRequest", "codeFilter": [code_filter]}])

    with pytest.raises(ArtifactError, match="whole code system"):
        small_index(tmp_path, value_set, policy(written))


def test_what_stands_on_the_outer_action_every_rule_says(tmp_path: Path) -> None:
    """After its own details, static ones and those that depend on the order."""
    written = policy(
        rule("first", determination=[*NOT_COVERED, small_library.instruction("own")]),
        rule("second", codes=("0002T",)),
    )
    when = {"valueExpression": {**FHIRPATH, "expression": "%plan.exists()"}}
    shared = [
        small_library.instruction("shared"),
        small_library.instruction("sometimes", when=when),
    ]
    written["action"][0]["extension"] = [{"url": SHARED_DETAILS, "extension": shared}]
    first, second = small_index(tmp_path, written).rules

    assert [detail.detail.value for detail in first.details] == ["own", "shared", "sometimes"]
    assert [detail.detail.value for detail in second.details] == ["shared", "sometimes"]


def test_nothing_but_details_is_shared(tmp_path: Path) -> None:
    """What one rule determines is its own."""
    written = policy()
    shared = [{"url": "covered", "valueCode": "covered"}]
    written["action"][0]["extension"] = [{"url": SHARED_DETAILS, "extension": shared}]

    with pytest.raises(ArtifactError, match="nothing but `detail`s"):
        small_index(tmp_path, written)


def test_topics_without_words_are_no_index_terms(tmp_path: Path) -> None:
    """A topic may be coded alone; it then says nothing an order could say."""
    coded = {"coding": [{"system": "https://topics.example.invalid", "code": "t"}]}
    index = small_index(tmp_path, policy(topic=[coded, {"text": "Invented ablation"}]))

    assert [term for _, term in index.mentioned("acme", ["an invented thing"])] == []


def test_compiling_changes_no_artifact() -> None:
    """The resources stay as they were read, byte for byte."""
    library = read_library([builtin_library()])
    before = {key: encode(artifact.resource) for key, artifact in library.by_key.items()}
    compile_library(library, base_url="https://crd.example.invalid")

    assert {key: encode(artifact.resource) for key, artifact in library.by_key.items()} == before


@pytest.mark.parametrize("rule_id", ['r"><b>', "r#s", "ré"])
def test_a_link_is_an_address_whatever_a_rule_is_called(tmp_path: Path, rule_id: str) -> None:
    """FHIR lets an element's id be any string, so it is put into URLs percent-encoded."""
    (compiled,) = small_index(tmp_path, policy(rule(rule_id))).rules
    url = compiled.citation.page_url

    assert re.fullmatch(r"[!#-;=?-~]+", url)
    assert url.count("#") == 1


def test_a_value_set_that_several_rules_need_is_broken_once(tmp_path: Path) -> None:
    """For each rule it is broken in the same way: who gives up on it forgets that he began."""
    url = f"{CANONICAL_BASE}/ValueSet/none"
    value_set = {
        "resourceType": "ValueSet",
        "id": "none",
        "url": url,
        "version": "1",
        "status": "active",
        "compose": {"include": [{"valueSet": ["https://e.invalid/none|1"]}]},
    }
    asked = f"%indications.where(memberOf('{url}|1')).exists()"
    rules = [rule(name, conditions=(asked,)) for name in ("rule-1", "rule-2")]

    with pytest.raises(ArtifactError) as raised:
        small_index(tmp_path, value_set, policy(*rules))

    assert len(raised.value.faults) == 1
    assert raised.value.path == tmp_path / "ValueSet-none.json"
    assert "includes itself" not in raised.value.problem
