"""Making proposals: only where the rule's own determination is the answer, and never on a guess."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from every_hook import asked_about, minimal_orders
from hook_requests import coverage, patient, service_request
from proposal_library import (
    DEFINITIONS,
    EVERY_KIND,
    PLAIN_DRUG,
    addition,
    app,
    correction,
    definition,
    dynamic,
    form,
    proposing,
    replacement,
    update,
)
from small_library import (
    AUTHORIZATION_NEEDED,
    COVERED_WITHOUT_AUTHORIZATION,
    NOT_COVERED,
    applicability,
    instruction,
    part,
    policy,
    reason,
    rule,
    small_index,
)

from cds_service.audit.decisions import describe_answers
from cds_service.audit.explanation import explain
from cds_service.cds_hooks.prefetch import Found
from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.crd.decision.authorizations import NoAuthorizations, Sought
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.proposal import App, Creation, Form, Update
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.order import day_of_service, read_order
from cds_service.fhir.coding import CPT
from cds_service.fhir.resource import JsonObject
from cds_service.policy.payers import resolve_membership
from cds_service.policy.run.adjudication import advise, determine
from cds_service.policy.run.index import PolicyIndex

TODAY = date(2026, 11, 20)
UNKNOWN, FALSE, FAILING = (
    "%order.performerType.coding.code = 'x'",
    "%plan.exists()",
    "%order.code.coding.code.lower() = 'x'",
)
SEVERAL = {"coding": [{"system": CPT, "code": "0001T"}, {"system": CPT, "code": "0009T"}]}


def library(tmp_path: Path, *policies: JsonObject) -> PolicyIndex:
    """The index over these policies and the definitions they may refer to."""
    return small_index(tmp_path / "library", *DEFINITIONS, *policies)


def answer(
    index: PolicyIndex,
    order: JsonObject | None = None,
    hook: str = "order-sign",
    of: JsonObject | None = None,
) -> OrderAnswer:
    """What is determined for one order of a member of the invented payer."""
    covered = of or coverage("acme", None, subscriberId="old")
    chart = index_chart([Found(covered), Found(patient())], patient_id="member-1")
    read = read_order(order or service_request("0001T"))
    return determine(
        read,
        resolve_membership(covered, chart, index.payers),
        day_of_service(read, TODAY),
        index=index,
        hook=HOOKS[hook],
        chart=chart,
    )


def several() -> JsonObject:
    """An order with two codes, of which one alone cannot be told."""
    return {**service_request(), "code": SEVERAL}


def proposed(found: OrderAnswer) -> list[str]:
    """The ids of what is proposed."""
    return [proposal.id for proposal in found.proposals]


def test_a_rule_whose_conditions_are_all_true_proposes(tmp_path: Path) -> None:
    """Each kind, with its content; a correction is not for who signs orders."""
    found = answer(library(tmp_path, proposing(*EVERY_KIND.values())))

    assert [type(proposal.content) for proposal in found.proposals] == [
        Update,
        Creation,
        Creation,
        Form,
        App,
    ]
    assert {proposal.citation.rule_id for proposal in found.proposals} == {"rule-1"}


@pytest.mark.parametrize("condition", [UNKNOWN, FALSE, FAILING])
def test_a_rule_that_is_not_sure_proposes_nothing(tmp_path: Path, condition: str) -> None:
    """Whether it is false, unknown or broken."""
    policy_of_one = proposing(app(), conditions=("%order.exists()", condition))

    assert proposed(answer(library(tmp_path, policy_of_one), several())) == []


@pytest.mark.parametrize(
    ("conditions", "made"),
    [
        (("%order.exists()", "%dos.exists()"), True),
        (("%order.exists()", UNKNOWN), False),
        ((FALSE,), False),
        ((FAILING,), False),
        (("%order.status",), False),
    ],
)
def test_a_proposal_whose_condition_is_not_true_is_not_made(
    tmp_path: Path, conditions: tuple[str, ...], made: bool
) -> None:
    """The others of the rule are."""
    kept = {"conditions": ("%order.exists()",)}
    below = [app("one", condition=list(map(applicability, conditions))), app("two")]
    found = proposed(answer(library(tmp_path, proposing(*below, **kept)), several()))

    assert found == (["one", "two"] if made else ["two"])


@pytest.mark.parametrize(
    ("other", "made"),
    [
        (COVERED_WITHOUT_AUTHORIZATION, True),
        (AUTHORIZATION_NEEDED, False),
        (NOT_COVERED, False),
        ((part("covered", "conditional"), part("info-needed", "OTH"), reason()), False),
    ],
)
def test_a_rule_proposes_only_where_the_answer_is_its_own(
    tmp_path: Path, other: tuple[JsonObject, ...], made: bool
) -> None:
    """Where another rule makes it stricter, what this one offers may not help."""
    generous = rule("one", determination=COVERED_WITHOUT_AUTHORIZATION, action=[app()])
    strict = rule("two", codes=("0009T",), determination=other)
    index = library(tmp_path, policy(generous, strict))

    assert proposed(answer(index, several())) == (["app"] if made else [])
    assert proposed(answer(index)) == ["app"]


def test_a_refusal_proposes_beside_what_is_undecided(tmp_path: Path) -> None:
    """The strictest answer is this rule's own."""
    undecided = (part("covered", "conditional"), part("info-needed", "OTH"), reason())
    below = rule("one", action=[app()])
    other = rule("two", codes=("0009T",), determination=undecided)
    index = library(tmp_path, policy(below, other))

    assert proposed(answer(index, several())) == ["app"]


def test_nothing_is_proposed_while_the_coverage_is_in_doubt(tmp_path: Path) -> None:
    """A rule that covers is then answered with a condition that is not its own."""
    index = library(tmp_path, proposing(app(), determination=COVERED_WITHOUT_AUTHORIZATION))

    assert proposed(answer(index)) == ["app"]
    assert proposed(answer(index, of=coverage("acme", None, status="unheard-of"))) == []
    assert proposed(answer(index, of=coverage("acme", None, status="cancelled"))) == []


def test_nothing_is_proposed_by_a_rule_whose_details_cannot_be_read(tmp_path: Path) -> None:
    """Its determination is then not its own."""
    failing = {"valueExpression": {"language": "text/fhirpath", "expression": FAILING}}
    indeterminate = (part("covered", "indeterminate"), reason(), instruction("x", when=failing))
    index = library(tmp_path, proposing(app(), determination=indeterminate))

    assert proposed(answer(index)) == ["app"]
    assert proposed(answer(index, several())) == []


def test_a_call_without_coverage_is_offered_nothing(tmp_path: Path) -> None:
    """Advice is for members in general."""
    index = library(tmp_path, proposing(*EVERY_KIND.values()))
    order = read_order(service_request("0001T"))
    (payer,) = index.payers.all
    days = day_of_service(order, TODAY)

    chart = index_chart([], patient_id="member-1")
    advice = advise(order, payer, days, index=index, hook=HOOKS["order-sign"], chart=chart)

    assert advice.determinations
    assert not advice.proposals


@pytest.mark.crd("resp-70")
@pytest.mark.parametrize("hook", HOOKS)
def test_a_coverage_is_corrected_for_administrative_staff(tmp_path: Path, hook: str) -> None:
    """Not on the hooks of whoever orders."""
    index = library(tmp_path, proposing(correction()))
    found = answer(index, asked_about(hook, "0001T"), hook)

    assert bool(found.proposals) is not hook.startswith("order-")


@pytest.mark.crd("resp-71")
def test_a_coverage_that_cannot_be_named_is_not_corrected(tmp_path: Path) -> None:
    """No update could say which one it means."""
    index = library(tmp_path, proposing(correction(), app()))
    nameless = coverage("acme", None, subscriberId="old", id="")
    about = asked_about("appointment-book", "0001T")

    assert proposed(answer(index, about, "appointment-book", nameless)) == ["app"]


@pytest.mark.crd("resp-56")
def test_an_order_that_cannot_be_named_is_not_changed_but_may_be_added_to(tmp_path: Path) -> None:
    """No update or delete could say which one it means."""
    index = library(tmp_path, proposing(*EVERY_KIND.values()))
    nameless = {name: value for name, value in service_request("0001T").items() if name != "id"}

    assert proposed(answer(index, nameless)) == ["addition", "fill-in", "app"]


@pytest.mark.crd("resp-56")
@pytest.mark.parametrize("hook", ["appointment-book", "encounter-start"])
def test_what_is_no_order_is_not_changed_into_one(tmp_path: Path, hook: str) -> None:
    """An appointment answers to the rules of orders, but is none."""
    index = library(tmp_path, proposing(update(), replacement(), addition()))

    assert proposed(answer(index, asked_about(hook, "0001T"), hook)) == []


@pytest.mark.parametrize("status", ["active", "on-hold", "unknown"])
def test_an_order_in_force_is_not_deleted(tmp_path: Path, status: str) -> None:
    """It may be changed, which is what signing it again is for."""
    index = library(tmp_path, proposing(update(), replacement()))

    assert proposed(answer(index, service_request("0001T", status=status))) == ["update"]


def test_an_order_that_is_so_already_is_not_changed(tmp_path: Path) -> None:
    """A suggestion that does nothing is noise."""
    same = definition("same", code={"coding": [{"system": CPT, "code": "0001T"}]})
    index = small_index(tmp_path / "library", same, proposing(update(defined="same")))

    assert proposed(answer(index)) == []


def with_value(path: str, expression: str) -> JsonObject:
    """An update by one expression alone."""
    changed = update(dynamicValue=[dynamic(path, expression)])
    del changed["definitionCanonical"]
    return changed


@pytest.mark.parametrize(
    ("path", "expression", "expected"),
    [
        ("occurrenceDateTime", "'2026-12-24'", "2026-12-24"),
        ("occurrenceDateTime", "%order.authoredOn", "2026-11-01"),
        ("occurrenceDateTime", "%dos + 7 days", "2026-11-08"),
        ("category", "%coverage.relationship", [{"coding": [{"code": "self"}]}]),
        # None of these may stand there.
        ("occurrenceDateTime", "'soon'", None),
        ("occurrenceDateTime", "7", None),
        ("occurrenceDateTime", "%order.identifier.value", None),
        ("occurrenceDateTime", "'2026-12-24' | '2026-12-25'", None),
        ("occurrenceTiming", "'2026-12-24'", None),
        ("quantityQuantity", "%order.code", None),
        ("code", "%order.code.coding", None),
        ("category", "'x'", None),
    ],
)
def test_an_expression_yields_an_element_that_fits_or_nothing_is_proposed(
    tmp_path: Path, path: str, expression: str, expected: Any
) -> None:
    """Nothing else than R4 allows is put into an order."""
    found = answer(library(tmp_path, proposing(with_value(path, expression))))
    contents = [proposal.content for proposal in found.proposals]

    if expected is None:
        assert contents == []
    else:
        assert contents == [Update(resource={**found.order.resource, path: expected})]


@pytest.mark.parametrize(
    ("path", "expression", "is_made"),
    [
        ("subscriberId", "'S-1'", True),
        ("status", "'cancelled'", True),
        ("status", "'over'", False),
        ("order", "1", True),
        ("order", "'1'", False),
        ("network", "%patient.name.family", False),
        ("subscriberId", "'old'", False),  # it is so already
    ],
)
def test_a_coverage_is_corrected_with_what_fits(
    tmp_path: Path, path: str, expression: str, is_made: bool
) -> None:
    """Codes of required bindings and JSON types among it."""
    below = correction(dynamicValue=[dynamic(path, expression)])
    index = library(tmp_path, proposing(below))
    found = answer(index, asked_about("appointment-book", "0001T"), "appointment-book")

    assert bool(found.proposals) is is_made


def test_a_drug_is_changed_with_its_dosage(tmp_path: Path) -> None:
    """The whole resource, with the drug, the dosage and the quantity of the definition."""
    drug = {"medicationCodeableConcept": {"coding": [{"system": CPT, "code": "0001T"}]}}
    order = {**minimal_orders()["MedicationRequest"], **drug, "note": [{"text": "x"}]}
    index = library(tmp_path, proposing(update(defined="drug"), kind="MedicationRequest"))
    (proposal,) = answer(index, order).proposals

    assert proposal.content == Update(
        resource={
            **order,
            "medicationCodeableConcept": PLAIN_DRUG,
            "dosageInstruction": [{"text": "one tablet a day"}],
            "dispenseRequest": {"quantity": {"value": 28}},
        }
    )


def test_an_app_is_given_what_its_expression_yields(tmp_path: Path) -> None:
    """One text; with none or several it is not offered, for it would not know for what."""
    contexts = {
        "one": "%order.status",
        "none": "%order.identifier.value",
        "two": "'a' | 'b'",
        "number": "1",
    }
    below = [
        app(name, dynamicValue=[dynamic("appContext", expression)])
        for name, expression in contexts.items()
    ]
    found = answer(library(tmp_path, proposing(*below)))

    assert [proposal.content for proposal in found.proposals] == [
        App(url="https://apps.example.invalid/launch?tool=dose", context="draft")
    ]


def test_a_form_is_the_policys_own(tmp_path: Path) -> None:
    """Its pinned canonical, and what it is for."""
    (proposal,) = answer(library(tmp_path, proposing(form()))).proposals

    assert isinstance(proposal.content, Form)
    assert proposal.content.questionnaire.endswith("/Questionnaire/form|1")


def test_one_rule_met_by_several_codes_proposes_once(tmp_path: Path) -> None:
    """However many billing options lead to it."""
    options = [
        {"url": BILLING_OPTIONS, "valueCodeableConcept": {"coding": [coding]}}
        for coding in SEVERAL["coding"]
    ]
    below = rule("one", codes=("0001T", "0009T"), action=[addition()])
    index = library(tmp_path, policy(below, rule("two", codes=("0009T",))))
    order = {**several(), "code": {"text": "billed either way", "extension": options}}

    assert proposed(answer(index, order)) == ["addition"]


def test_the_record_names_what_was_proposed(tmp_path: Path) -> None:
    """By policy version, rule and proposal; without a proposal it has no such entry."""
    index = library(tmp_path, proposing(app()))
    (written,) = describe_answers([answer(index)])
    assert written["proposed"] == [
        "https://coverage-policies.invalid/fhir/PlanDefinition/acme-1|1#rule-1/app"
    ]

    assert "launchSMART: Do app" in explain([answer(index)])

    (bare,) = describe_answers([answer(library(tmp_path / "bare", proposing()))])
    assert "proposed" not in bare


@dataclass(frozen=True, slots=True)
class OnFile:
    """A payer that has granted everything."""

    def find(self, sought: Sought) -> str:  # noqa: ARG002  # the seam's
        return "PA-1"


def test_an_authorization_on_file_leaves_nothing_to_propose(tmp_path: Path) -> None:
    """What the rule demands is there, so the answer is no longer the rule's own."""
    index = library(tmp_path, proposing(app(), determination=AUTHORIZATION_NEEDED))
    covered = coverage("acme", None, subscriberId="old")
    chart = index_chart([Found(covered), Found(patient())], patient_id="member-1")
    order = read_order(service_request("0001T", occurrenceDateTime="2026-11-20"))
    found = [
        determine(
            order,
            resolve_membership(covered, chart, index.payers),
            day_of_service(order, TODAY),
            index=index,
            hook=HOOKS["order-sign"],
            chart=chart,
            authorizations=authorizations,
        )
        for authorizations in (OnFile(), NoAuthorizations())
    ]

    assert [proposed(answered) for answered in found] == [[], ["app"]]


def test_what_could_not_be_read_whole_is_not_put_into_anything(tmp_path: Path) -> None:
    """There may be a second code, and the app would be launched for the first."""
    below = [
        app("of-codes", dynamicValue=[dynamic("appContext", "%codes.code")]),
        app("of-order", dynamicValue=[dynamic("appContext", "%order.status")]),
    ]
    index = library(tmp_path, proposing(*below))
    covered = coverage("acme", None)
    chart = index_chart([Found(covered)], patient_id="member-1")
    for unreachable, expected in ((True, ["of-order"]), (False, ["of-codes", "of-order"])):
        order = read_order(service_request("0001T"), unreachable=unreachable)
        found = determine(
            order,
            resolve_membership(covered, chart, index.payers),
            day_of_service(order, TODAY),
            index=index,
            hook=HOOKS["order-sign"],
            chart=chart,
        )
        assert proposed(found) == expected


def test_a_proposal_may_ask_for_what_its_rule_does_not_read(tmp_path: Path) -> None:
    """An input that only a proposal reads is gathered like others; unread, it proposes nothing."""
    listed = {"path": "code", "code": [{"system": CPT, "code": "0001T"}]}
    order = {"type": "ServiceRequest", "codeFilter": [listed]}
    below = app(condition=[applicability("%past.empty()")])
    inputs = [order, {"id": "past", "type": "Condition"}]
    index = library(tmp_path, proposing(below, input=inputs))

    assert index.rules[0].reads_chart
    assert proposed(answer(index)) == []
