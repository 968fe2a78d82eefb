"""Proposals in a policy: what they may say, and every fault found when the library is compiled."""

from pathlib import Path
from typing import Any

import pytest
from proposal_library import (
    DEFINITIONS,
    EVERY_KIND,
    action_type,
    addition,
    app,
    canonical,
    correction,
    definition,
    dynamic,
    form,
    proposal,
    proposing,
    replacement,
    update,
)
from small_library import applicability, policy, rule, small_index

from cds_service.crd.codes import CARD_TYPES, Topic
from cds_service.crd.decision.proposal import ProposalKind
from cds_service.crd.request.configuration import ALWAYS_EMITTED
from cds_service.errors import ArtifactError
from cds_service.fhir.resource import JsonObject
from cds_service.policy.run.index import PolicyIndex

CREATE = action_type("create")
CQL = {"language": "text/cql", "expression": "x"}


def compiled(tmp_path: Path, *proposals: JsonObject, **of_policy: Any) -> PolicyIndex:
    """The index over one policy of one rule that proposes these."""
    return small_index(tmp_path / "library", *DEFINITIONS, proposing(*proposals, **of_policy))


def test_each_shape_is_a_kind(tmp_path: Path) -> None:
    """What a proposal is shows in its actions and definitions, and its topic is the author's."""
    index = compiled(tmp_path, *EVERY_KIND.values())
    (only,) = index.rules

    assert [(template.kind, template.topic) for template in only.proposals] == [
        (ProposalKind.ALTERNATE, Topic.THERAPY_ALTERNATIVES_REQ),
        (ProposalKind.ALTERNATE, Topic.THERAPY_ALTERNATIVES_OPT),
        (ProposalKind.ADDITIONAL, Topic.CLINICAL_REMINDER),
        (ProposalKind.FORM, Topic.APPROPRIATE_USE),
        (ProposalKind.COVERAGE, Topic.INSURANCE),
        (ProposalKind.APP, Topic.COST),
    ]
    assert index.topics == {template.topic for template in only.proposals} | {
        *ALWAYS_EMITTED,
    }


def test_a_definition_is_written_where_its_type_of_order_keeps_it(tmp_path: Path) -> None:
    """A drug and its quantity stand elsewhere than a procedure and its own."""
    below = [update(defined="drug")]
    index = compiled(tmp_path, *below, codes=(), kind="MedicationRequest")
    (template,) = index.rules[0].proposals

    assert set(template.elements) == {
        "medicationCodeableConcept",
        "dosageInstruction",
        "dispenseRequest",
    }
    assert template.elements["dispenseRequest"] == {"quantity": {"value": 28}}


def without(of: JsonObject, *names: str) -> JsonObject:
    """A proposal less some of its elements."""
    return {name: value for name, value in of.items() if name not in names}


def topic(system: str, *codes: str) -> JsonObject:
    """An action's `code` with these codings."""
    return {"code": [{"coding": [{"system": system, "code": code} for code in codes]}]}


REMOVAL = {"type": action_type("remove")}
CREATION = {"type": CREATE, "definitionCanonical": canonical("ActivityDefinition", "smaller")}
FAULTS: list[tuple[JsonObject, str, str]] = [
    # What every proposal has.
    (without(app(), "id"), ".id", "has a id"),
    (without(app(), "title"), ".title", "in words"),
    (app(title=" "), ".title", "in words"),
    (without(app(), "description"), ".description", "in words"),
    (without(app(), "code"), ".code", "one topic"),
    (app(**topic(CARD_TYPES, "cost", "network")), ".code", "one topic"),
    (app(**topic(CARD_TYPES, "unheard-of")), ".code", "one topic"),
    (app(**topic(CARD_TYPES, "coverage-info")), ".code", "one topic"),
    (app(**topic("https://other.invalid", "cost")), ".code", "one topic"),
    (app(priority="urgent"), ".priority", "would not be heeded"),
    (app(precheckBehavior="yes"), ".precheckBehavior", "would not be heeded"),
    (
        app(condition=[{**applicability("true"), "kind": "start"}]),
        ".condition[0].kind",
        "applicability",
    ),
    (
        app(condition=[{"kind": "applicability", "expression": CQL}]),
        ".condition[0].expression.language",
        "text/fhirpath",
    ),
    (app(condition=[applicability("%order.")]), ".condition[0].expression.expression", ""),
    # Shapes.
    (proposal("p", "cost"), ".type", "updates or creates"),
    (proposal("p", "cost", type=action_type("remove")), ".type", "updates or creates"),
    (
        proposal("p", "cost", type={"coding": [{"system": "https://x.invalid", "code": "create"}]}),
        ".type",
        "updates or creates",
    ),
    # Definitions.
    (without(addition(), "definitionCanonical"), ".definitionCanonical", "not in the library"),
    (
        addition(definitionCanonical=canonical("ActivityDefinition", "test")[:-2]),
        ".definitionCanonical",
        "pin `url|version`",
    ),
    (addition(defined="elsewhere"), ".definitionCanonical", "not in the library"),
    (
        update(definitionCanonical=canonical("Questionnaire", "form")),
        ".definitionCanonical",
        "names a Questionnaire; ActivityDefinition is due",
    ),
    (
        addition(definitionCanonical=canonical("ActivityDefinition", "unversioned")[:-1]),
        ".definitionCanonical",
        "pin `url|version`",
    ),
    (update(defined="retired"), ".definitionCanonical", "must be active"),
    # Updates.
    (without(update(), "definitionCanonical"), "", "changes nothing"),
    (update(defined="empty"), "", "changes nothing"),
    (
        without(update(dynamicValue=[dynamic("note", "%order.note")]), "definitionCanonical"),
        ".dynamicValue[0].path",
        "`note` cannot be proposed; these can: category, code",
    ),
    (
        update(dynamicValue=[dynamic("status", "'active'")]),
        ".dynamicValue[0].path",
        "cannot be proposed",
    ),
    (
        update(dynamicValue=[dynamic("code", "%order.code")]),
        ".dynamicValue[0].path",
        "sets `code` already",
    ),
    (
        update(dynamicValue=[dynamic("category", "%order.category")] * 2),
        ".dynamicValue[1].path",
        "two values",
    ),
    (
        update(dynamicValue=[{**dynamic("category", ""), "expression": CQL}]),
        ".dynamicValue[0].expression.language",
        "text/fhirpath",
    ),
    (
        update(dynamicValue=[dynamic("category", "%unknown")]),
        ".dynamicValue[0].expression.expression",
        "",
    ),
    (update(reason=[{"text": "x"}]), ".reason", "would not be heeded"),
    # Replacements.
    (replacement(action=[REMOVAL]), ".action", "two actions"),
    (replacement(action=[CREATION]), ".action", "two actions"),
    (replacement(action=[REMOVAL, CREATION, CREATION]), ".action", "two actions"),
    (replacement(action=[REMOVAL, REMOVAL]), ".action", "two actions"),
    (
        replacement(action=[REMOVAL, {**CREATION, "type": action_type("update")}]),
        ".action",
        "two actions",
    ),
    (replacement(type=action_type("update")), ".type", "would not be heeded"),
    (
        replacement(action=[{**REMOVAL, "title": "x"}, CREATION]),
        ".action[0].title",
        "would not be heeded",
    ),
    (
        replacement(action=[REMOVAL, {**CREATION, "title": "x"}]),
        ".action[1].title",
        "would not be heeded",
    ),
    (
        replacement(action=[REMOVAL, without(CREATION, "definitionCanonical")]),
        ".action[1].definitionCanonical",
        "not in the library",
    ),
    # Forms.
    (without(form(), "reason"), ".reason", "one reason"),
    (form(reason=[{"coding": [{"code": "x"}]}]), ".reason", "one reason"),
    (form(reason=[{"text": "x"}, {"text": "y"}]), ".reason", "one reason"),
    (form(dynamicValue=[dynamic("code", "%order")]), ".dynamicValue", "would not be heeded"),
    # Coverages.
    (without(correction(), "dynamicValue"), "", "changes nothing"),
    (correction(input=[{"type": "Patient"}]), ".input", "of type Coverage"),
    (correction(input=[{"type": "Coverage", "limit": 1}]), ".input", "no more than an id"),
    (correction(input=[{"type": "Coverage"}] * 2), ".input", "of type Coverage"),
    (
        correction(dynamicValue=[dynamic("beneficiary", "%coverage.beneficiary")]),
        ".dynamicValue[0].path",
        "cannot be proposed",
    ),
    (
        correction(definitionCanonical=canonical("ActivityDefinition", "smaller")),
        ".definitionCanonical",
        "would not be heeded",
    ),
    # Apps.
    (app(definitionUri="http://apps.example.invalid"), ".definitionUri", "https"),
    (app(definitionUri="https://apps.example.invalid/a b"), ".definitionUri", "https"),
    (app(definitionUri='https://apps.example.invalid/"x"'), ".definitionUri", "https"),
    (app(definitionUri="urn:uuid:1"), ".definitionUri", "https"),
    (app(type=action_type("create")), ".type", "fire-event"),
    (
        app(dynamicValue=[dynamic("url", "'x'")]),
        ".dynamicValue[0].path",
        "`url` cannot be proposed; these can: appContext",
    ),
]


@pytest.mark.parametrize(("faulty", "where", "problem"), FAULTS)
def test_a_fault_of_a_proposal_stops_the_start_and_says_where_it_is(
    tmp_path: Path, faulty: JsonObject, where: str, problem: str
) -> None:
    """The path leads to the proposal, and the words name the remedy."""
    directory = tmp_path / "library"
    defined = (
        *DEFINITIONS,
        definition("retired", status="retired", code={"text": "x"}),
        definition("empty"),
        without(definition("unversioned", code={"text": "x"}), "version"),
    )

    with pytest.raises(ArtifactError) as raised:
        small_index(directory, *defined, proposing(faulty))

    assert f"$.action[0].action[0].action[0]{where}:" in str(raised.value)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("defined", "where", "problem"),
    [
        (definition("d", "DeviceRequest", code={"text": "x"}), "$.kind", "the order is a Service"),
        (definition("d", code={"text": "x"}, doNotPerform=True), "$.doNotPerform", "not be heeded"),
        (definition("d", code={"text": "x"}, intent="plan"), "$.intent", "not be heeded"),
        (
            definition("d", productReference={"reference": "Medication/1"}),
            "$.productReference",
            "a ServiceRequest takes code, quantity",
        ),
    ],
)
def test_a_definition_that_would_not_be_heeded_is_a_fault_of_its_own_file(
    tmp_path: Path, defined: JsonObject, where: str, problem: str
) -> None:
    """What no order of that type carries would be lost on the way."""
    with pytest.raises(ArtifactError, match="ActivityDefinition-d") as raised:
        small_index(tmp_path / "library", defined, proposing(update(defined="d")))

    assert f"{where}:" in str(raised.value)
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("defined", "where", "problem"),
    [
        (definition("d", "Task", code={"text": "x"}), "$.kind", "one of ServiceRequest"),
        (definition("d", "MedicationRequest", dosage=[{"text": "x"}]), "$:", "needs `code` or"),
        (
            definition(
                "d", "MedicationRequest", code={"text": "x"}, productCodeableConcept={"text": "y"}
            ),
            "$.productCodeableConcept",
            "written twice",
        ),
    ],
)
def test_an_order_that_could_not_be_created_is_a_fault(
    tmp_path: Path, defined: JsonObject, where: str, problem: str
) -> None:
    """It must say what is ordered, once, in a type that definitions can fill."""
    with pytest.raises(ArtifactError, match=problem) as raised:
        small_index(tmp_path / "library", defined, proposing(addition(defined="d")))

    assert where in str(raised.value)


@pytest.mark.parametrize(
    ("faulty", "of_rule", "problem"),
    [
        (update(), {"kind": "CommunicationRequest"}, "the rule is for a CommunicationRequest"),
        (replacement(), {"kind": "NutritionOrder"}, "the rule is for a NutritionOrder"),
    ],
)
def test_a_type_of_order_that_cannot_be_changed_so_is_a_fault(
    tmp_path: Path, faulty: JsonObject, of_rule: JsonObject, problem: str
) -> None:
    """CRD lists the profiles of alternate requests, and definitions fill three of them."""
    with pytest.raises(ArtifactError, match=problem):
        compiled(tmp_path, faulty, **of_rule)


@pytest.mark.parametrize(
    ("faulty", "hooks"), [(correction(), ["order-sign"]), (form(), ["order-select"])]
)
def test_a_proposal_that_no_hook_of_its_policy_shows_is_a_fault(
    tmp_path: Path, faulty: JsonObject, hooks: list[str]
) -> None:
    """Otherwise its author would wait for it in vain."""
    with pytest.raises(ArtifactError, match="would never be shown"):
        compiled(tmp_path, faulty, hooks=hooks)


@pytest.mark.cds_hooks("suggestion-2")
def test_one_card_recommends_one_alternate(tmp_path: Path) -> None:
    """Of two on different cards each may be recommended; of additional orders any."""
    recommended = {"precheckBehavior": "yes"}
    with pytest.raises(ArtifactError, match=r"action\[1\].precheckBehavior"):
        compiled(tmp_path, update("one", **recommended), update("two", **recommended))

    fine = [
        update(**recommended),
        replacement(**recommended),
        addition("one", **recommended),
        addition("two", **recommended),
    ]
    assert len(compiled(tmp_path / "fine", *fine).rules[0].proposals) == 4


def test_a_policy_of_two_payers_proposes_for_both(tmp_path: Path) -> None:
    """Each has its own rules, and both compile."""
    below = [addition()]
    index = small_index(
        tmp_path / "library",
        *DEFINITIONS,
        policy(rule(action=below), name="one"),
        policy(rule(action=below), name="two"),
    )

    assert [len(found.proposals) for found in index.rules] == [1, 1]
