"""Policies in the convention of HL7's br-payer: understood whole, or left out with every reason."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from author_guide import GUIDE, read_blocks, snippets
from imports import (
    COVERED,
    HCPCS,
    THEIR_PAYER,
    JsonObject,
    bundle,
    condition,
    context,
    coverage_information,
    foreign_policy,
    static_action,
    take_in,
    their_payer,
)
from small_library import compile_directories

from cds_service.crd.codes import Covered, PaNeeded
from cds_service.exchange.incoming.choosing import Naming
from cds_service.exchange.incoming.importing import Imported
from cds_service.policy.run.rules import Rule

CQL = "text/cql-identifier"
CARD = {
    "id": "warning",
    "title": "Mind the mask",
    "code": [
        {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/cdshooks-card-type",
                    "code": "clinical-reminder",
                }
            ]
        }
    ],
    "trigger": [{"type": "named-event", "name": "order-select"}],
    "condition": [condition("Has Warning", CQL)],
    "dynamicValue": [{"path": "action.title", "expression": {"language": CQL, "expression": "T"}}],
}


def brought(directory: Path, *resources: JsonObject, **options: Any) -> Imported:
    """The import of these into a new directory."""
    sent = bundle(directory / "sent.json", *resources)
    return take_in(sent, directory / "taken", **options)


def rules_of(directory: Path) -> list[Rule]:
    """The rules of what was taken in."""
    return sorted(compile_directories(directory / "taken").rules, key=lambda rule: rule.order_type)


def another(name: str, *actions: JsonObject, **elements: Any) -> JsonObject:
    """Another policy of the same payer for the same codes."""
    url = f"http://riverbend.invalid/fhir/PlanDefinition/{name}"
    return foreign_policy(*actions, **{"id": name, "url": url, **elements})


def whys(imported: Imported) -> dict[str, str]:
    """What was left out, by rule; several reasons in one text."""
    found: dict[str, str] = {}
    for rule, why in imported.left_out:
        found[rule] = f"{found.get(rule, '')}{why}; "
    return found


def test_a_static_policy_is_ours_then(tmp_path: Path) -> None:
    """Its rule is one for each kind of order, with the codes of focus and its own determination."""
    imported = brought(tmp_path, foreign_policy(static_action("a", *COVERED)), their_payer())
    rules = rules_of(tmp_path)

    assert (imported.faults, imported.left_out) == ((), ())
    assert [rule.order_type for rule in rules] == [
        "CommunicationRequest",
        "DeviceRequest",
        "MedicationRequest",
        "NutritionOrder",
        "ServiceRequest",
        "VisionPrescription",
    ]
    for rule in rules:
        assert rule.policy.payer_id == "their-payer"
        assert {key.code for key in rule.by_key} == {"E0601", "E0470"}
        assert rule.determination.covered is Covered.COVERED
        assert rule.determination.pa_needed is PaNeeded.AUTH_NEEDED
        assert [found.expression.source for found in rule.conditions] == ["%order.exists()"]


def test_what_only_a_call_can_fill_is_dropped(tmp_path: Path) -> None:
    """Coverage, date and assertion id of the example in the policy are in no file."""
    brought(tmp_path, foreign_policy(), their_payer())
    written = (tmp_path / "taken" / "PlanDefinition-SleepDevices.json").read_text()

    assert "Coverage/example" not in written
    assert "coverage-assertion-id" not in written


def test_conditions_in_fhirpath_and_a_task_are_kept(tmp_path: Path) -> None:
    """The kind of order that a task context names is the only one then."""
    action = static_action(condition=[condition("%patient.gender = 'female'")])
    policy = foreign_policy(action)
    policy["useContext"].append(context("task", ("http://hl7.org/fhir", "DeviceRequest")))

    brought(tmp_path, policy, their_payer())
    (rule,) = rules_of(tmp_path)

    assert rule.order_type == "DeviceRequest"
    assert [found.expression.source for found in rule.conditions] == ["%patient.gender = 'female'"]


def test_a_filter_narrows_the_focus(tmp_path: Path) -> None:
    """An order needs a code of both; focus lists what is left."""
    codes = [{"system": HCPCS, "code": code} for code in ("E0470", "E0471")]
    order = {"type": "DeviceRequest", "codeFilter": [{"path": "code", "code": codes}]}

    imported = brought(tmp_path, foreign_policy(static_action(input=[order])), their_payer())
    (rule,) = rules_of(tmp_path)

    assert imported.left_out == ()
    assert [key.code for key in rule.by_key] == ["E0470"]


def test_a_card_that_determines_nothing_may_be_missing(tmp_path: Path) -> None:
    """The policy comes in without it, and that is said."""
    imported = brought(tmp_path, foreign_policy(static_action(), CARD), their_payer())

    assert imported.left_out == ()
    assert [rule for rule, _ in imported.remarks] == ["PlanDefinition/SleepDevices warning"]
    assert rules_of(tmp_path)


def test_of_a_policy_whose_strict_rule_is_cql_the_loose_one_does_not_come_in(
    tmp_path: Path,
) -> None:
    """The rule that is understood would read as covered; nothing of the set comes in."""
    strict = static_action("strict", condition=[condition("Is Excluded", CQL)])

    imported = brought(tmp_path, foreign_policy(static_action("loose", *COVERED), strict))

    assert whys(imported) | {"PlanDefinition/SleepDevices": ""} == {
        "PlanDefinition/SleepDevices": "",
        "PlanDefinition/SleepDevices strict": f"its condition `Is Excluded` is in {CQL}; ",
    }
    assert not (tmp_path / "taken").exists()


def plain(**changes: Any) -> JsonObject:
    """The only action with changes."""
    return static_action(**changes)


def dynamic(path: str) -> JsonObject:
    """An action that writes itself by CQL."""
    value = {"path": path, "expression": {"language": CQL, "expression": "Value"}}
    return plain(dynamicValue=[value])


def stating(*parts: JsonObject) -> JsonObject:
    """An action with these parts beside those of a refusal."""
    return static_action("coverage-info", *COVERED, *parts)


def with_context(found: JsonObject) -> Callable[[], JsonObject]:
    """A policy with one more context."""

    def policy() -> JsonObject:
        made = foreign_policy()
        return {**made, "useContext": [*made["useContext"], found]}

    return policy


ACTION_FAULTS = {
    "a dynamic extension": (dynamic("extension"), "its `extension` is a dynamicValue"),
    "a dynamic title": (dynamic("action.title"), "its `action.title` is a dynamicValue"),
    "an unknown part": (
        stating({"url": "mystery", "valueCode": "yes"}),
        "coverage-information: unknown part `mystery`",
    ),
    "an authorization on file": (
        stating({"url": "satisfied-pa-id", "valueString": "A1"}),
        "coverage-information: `satisfied-pa-id` is not a policy's to state",
    ),
    "a narrower billing code": (
        stating({"url": "billingCode", "valueCoding": {"system": HCPCS, "code": "E0601"}}),
        "its `billingCode` is not for all codes of the rule",
    ),
    "no determination": (plain(extension=[]), "what it determines is not stated"),
    "two determinations": (
        plain(extension=[coverage_information(*COVERED)] * 2),
        "several coverage-information extensions",
    ),
    "an expression without language": (plain(condition=[condition("x", "")]), "no language"),
    "a stop condition": (
        plain(condition=[{**condition("%order.exists()"), "kind": "stop"}]),
        "a condition is of kind `stop`",
    ),
    "an unknown member": (plain(participant=[{"type": "patient"}]), "its `participant`"),
    "a trigger with data": (
        plain(trigger=[{"type": "named-event", "name": "order-sign", "data": [{"type": "Task"}]}]),
        "one of its triggers is not a named-event",
    ),
    "no trigger": (plain(trigger=[]), "it names no hook"),
    "actions inside": (plain(action=[{"id": "inside"}]), "there are actions inside it"),
    "codes that nothing has": (
        plain(
            input=[
                {
                    "type": "DeviceRequest",
                    "codeFilter": [{"path": "code", "code": [{"system": HCPCS, "code": "A0001"}]}],
                }
            ]
        ),
        "no code is left that it is for",
    ),
    "an order within a time": (
        plain(
            input=[
                {
                    "type": "DeviceRequest",
                    "dateFilter": [{"path": "authoredOn", "valuePeriod": {"start": "2026-01-01"}}],
                }
            ]
        ),
        "the `dateFilter` of its order's input",
    ),
    "an encounter": (
        plain(
            input=[
                {
                    "type": "Encounter",
                    "codeFilter": [{"path": "code", "code": [{"system": HCPCS, "code": "E0470"}]}],
                }
            ]
        ),
        "one of its inputs is Encounter",
    ),
    "a ValueSet that is not there": (
        plain(
            input=[
                {
                    "type": "DeviceRequest",
                    "codeFilter": [{"path": "code", "valueSet": "http://x.invalid/ValueSet/y"}],
                }
            ]
        ),
        "does not lead to one ValueSet",
    ),
}


@pytest.mark.parametrize("fault", ACTION_FAULTS)
def test_an_action_that_is_not_understood_is_named_with_the_reason(
    tmp_path: Path, fault: str
) -> None:
    """And its policy does not come in."""
    action, words = ACTION_FAULTS[fault]

    imported = brought(tmp_path, foreign_policy(action), their_payer())

    assert words in whys(imported)["PlanDefinition/SleepDevices coverage-info"]
    assert not (tmp_path / "taken").exists()


POLICY_FAULTS: dict[str, tuple[Callable[[], JsonObject], str]] = {
    "no start": (lambda: foreign_policy(effectivePeriod={"end": "2030-01-01"}), "--start"),
    "a state": (
        lambda: foreign_policy(
            jurisdiction=[{"coding": [{"system": "urn:iso:std:iso:3166:-2", "code": "US-CA"}]}]
        ),
        "its `jurisdiction` is not the whole country",
    ),
    "no url": (lambda: foreign_policy(url=""), "it states no `url`"),
    "an age": (
        with_context({"code": {"code": "age"}, "valueQuantity": {"value": 12}}),
        "its `age` context is not understood",
    ),
    "a payer that is not here": (
        with_context(context("program", ("urn:oid:9.9", "1"))),
        "`urn:oid:9.9|1` is no payer of the library",
    ),
    "a line of business in words": (
        lambda: foreign_policy(
            useContext=[
                context("program", ("urn:oid:1.2.3.4", "77001"), text="Part D"),
                context("focus", (HCPCS, "E0601")),
            ]
        ),
        "`Part D`, which might be a line of business",
    ),
    "other hooks for another rule": (
        lambda: foreign_policy(static_action("a"), static_action("b", hook="order-select")),
        "its rules answer different hooks",
    ),
    "no rule": (lambda: foreign_policy(CARD), "it determines nothing"),
}


@pytest.mark.parametrize("fault", POLICY_FAULTS)
def test_a_policy_that_is_not_understood_is_named_with_the_reason(
    tmp_path: Path, fault: str
) -> None:
    """And it does not come in."""
    policy, words = POLICY_FAULTS[fault]

    imported = brought(tmp_path, policy(), their_payer())

    assert words in whys(imported)["PlanDefinition/SleepDevices"]
    assert not (tmp_path / "taken").exists()


def test_one_that_breaks_an_invariant_of_the_guide_is_left_out(tmp_path: Path) -> None:
    """Authorization beside a refusal (crd-ci-q2); another policy of the set comes in."""
    broken = static_action(
        "coverage-info",
        {"url": "covered", "valueCode": "not-covered"},
        {"url": "pa-needed", "valueCode": "auth-needed"},
    )
    good = another("Good")

    imported = brought(tmp_path, foreign_policy(broken), good, their_payer())

    assert imported.faults == ()
    assert "q2" in whys(imported)["PlanDefinition/SleepDevices"]
    assert {rule.policy.id for rule in rules_of(tmp_path)} == {"Good"}


def test_payer_and_start_can_be_named(tmp_path: Path) -> None:
    """By who imports it, where the policy names neither."""
    policy = foreign_policy(effectivePeriod={"end": "2030-01-01"})
    taken = tmp_path / "taken"

    imported = brought(tmp_path, policy, naming=Naming(payer="icare", start=date(2026, 3, 1)))
    written = (taken / "PlanDefinition-SleepDevices.json").read_text()

    assert (imported.faults, imported.left_out) == ((), ())
    assert '"start": "2026-03-01"' in written
    assert '"code": "icare"' in written


def test_the_payer_that_is_named_must_be_one(tmp_path: Path) -> None:
    """Else nobody's policy would come in."""
    imported = brought(tmp_path, foreign_policy(), naming=Naming(payer="nobody"))

    assert "--payer nobody is no Organization" in whys(imported)["PlanDefinition/SleepDevices"]


def test_a_second_import_changes_nothing(tmp_path: Path) -> None:
    """The same policy is translated the same."""
    brought(tmp_path, foreign_policy(), their_payer())

    again = brought(tmp_path, foreign_policy(), their_payer())

    assert {artifact.change for artifact in again.arriving} == {"same"}


CQL_ALONE = static_action("dynamic", condition=[condition("Is Excluded", CQL)])


def test_a_policy_that_covers_what_one_that_is_left_out_may_refuse_does_not_come_in(
    tmp_path: Path,
) -> None:
    """One that refuses, or that is for other codes or another payer, comes in."""
    elsewhere = [
        context("program", (THEIR_PAYER["system"], THEIR_PAYER["value"])),
        context("focus", (HCPCS, "A0001")),
    ]
    covers = static_action("a", *COVERED)

    imported = brought(
        tmp_path,
        foreign_policy(CQL_ALONE),
        another("Covers", covers),
        another("Refuses"),
        another("Elsewhere", covers, useContext=elsewhere),
        their_payer(),
    )

    assert (
        "PlanDefinition/SleepDevices, which is left out" in whys(imported)["PlanDefinition/Covers"]
    )
    assert {rule.policy.id for rule in rules_of(tmp_path)} == {"Refuses", "Elsewhere"}


def test_a_version_that_another_would_have_ended_does_not_come_in(tmp_path: Path) -> None:
    """It would stay in force; if it refuses, too."""
    later = foreign_policy(
        CQL_ALONE, id="Later", version="2.0.0", effectivePeriod={"start": "2027-01-01"}
    )

    imported = brought(tmp_path, foreign_policy(), later, their_payer())

    assert "another version of it" in whys(imported)["PlanDefinition/SleepDevices"]
    assert not (tmp_path / "taken").exists()


def test_the_action_that_the_guide_shows_is_understood(tmp_path: Path) -> None:
    """As authorization needed, for every kind of order."""
    (shown,) = snippets(read_blocks(GUIDE.read_text("utf-8")), "their action")

    brought(tmp_path, foreign_policy(shown.json), their_payer())

    assert {rule.determination.pa_needed for rule in rules_of(tmp_path)} == {PaNeeded.AUTH_NEEDED}
