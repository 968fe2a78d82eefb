"""The explanation: every rule evaluated, every condition, what was missing, each determination."""

from typing import Any

import pytest
from fakes import builtin_index, fake_pipeline
from hook_requests import COMMERCIAL_HMO, bundle, coverage, order_sign, patient, service_request

from cds_service.audit.explanation import explain
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.fhir.resource import encode
from cds_service.policy.run.index import PolicyIndex

NAMES = {
    "order",
    "codes",
    "served on",
    "coverage",
    "payer",
    "plan",
    "rule",
    "policy",
    "matched",
    "true",
    "false",
    "unknown",
    "missing",
    "determined",
    "pa-needed",
    "info-needed",
    "billed as",
    "because",
    "detail",
    "",
}


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def answers(index: PolicyIndex, *orders: Any, **envelope: Any) -> tuple[OrderAnswer, ...]:
    """The answers of a call about these orders."""
    body = encode(order_sign(*orders, version="2.2", **envelope))
    decisions = fake_pipeline(index).evaluate(body).decisions
    return decisions.answers


def of_plan(payer: str, plan_type: Any, state: str = "WI") -> dict[str, Any]:
    """The prefetch for a member of a plan."""
    return {"patient": patient(state), "coverage": bundle(coverage(payer, plan_type))}


def rows(text: str) -> list[tuple[str, str]]:
    """Names and values of an explanation's rows."""
    return [(line[:14].strip(), line[14:]) for line in text.splitlines() if line]


def values(text: str, name: str) -> list[str]:
    """What stands beside a name, each time it stands there."""
    return [value for found, value in rows(text) if found == name]


def test_a_call_about_nothing_is_explained() -> None:
    """A call about nothing gets a sentence, not an empty page."""
    assert explain(()) == "Nothing was determined: the call holds no order and Coverage to answer."


def test_an_explanation_begins_with_the_order_and_its_membership(index: PolicyIndex) -> None:
    """Order, codes, day, coverage, payer and plan stand at the top."""
    explanation = explain(answers(index))

    assert rows(explanation)[:6] == [
        ("order", "ServiceRequest/order-1: 0600T"),
        ("codes", "http://www.ama-assn.org/go/cpt|0600T"),
        ("served on", "2026-11-01"),
        ("coverage", "Coverage/coverage-1"),
        ("payer", "icare"),
        ("plan", "icare-medicare-advantage"),
    ]


def test_an_explanation_shows_the_rule_and_its_determination(index: PolicyIndex) -> None:
    """Rule, pinned policy, the codes that matched, the determination and its reason are there."""
    (answer,) = answers(index)

    explanation = explain([answer])

    assert [rule.partition(" ")[2] for rule in values(explanation, "rule")] == ["speaks"]
    assert values(explanation, "policy") == [answer.traces[0].citation.canonical]
    assert values(explanation, "matched") == ["http://www.ama-assn.org/go/cpt|0600T"]
    assert values(explanation, "determined") == ["not-covered"]
    assert values(explanation, "because") == [answer.determinations[0].reasons[0].text]


@pytest.mark.parametrize(
    ("orders", "prefetch"),
    [
        ([service_request("93799")], of_plan("anthem", COMMERCIAL_HMO, "CA")),
        ([service_request("93799")], of_plan("anthem", None, "CA")),
        ([service_request("0600T")], of_plan("anthem", None, "CA")),
        ([service_request("0600T")], of_plan("icare", None)),
        (
            [service_request("93799", note=[{"text": "pulsed field ablation"}])],
            of_plan("anthem", COMMERCIAL_HMO, "NY"),
        ),
    ],
)
def test_every_trace_and_determination_is_shown(
    index: PolicyIndex, orders: Any, prefetch: Any
) -> None:
    """No rule, condition, determination, reason or detail is left out."""
    (answer,) = answers(index, *orders, prefetch=prefetch)

    explanation = explain([answer])

    for trace in answer.traces:
        assert (
            f"{trace.citation.rule_id} {'speaks' if trace.determination else 'is silent'}"
            in values(explanation, "rule")
        )
        assert all(condition.expression in explanation for condition in trace.conditions)
        assert all(
            condition.description in values(explanation, condition.value)
            for condition in trace.conditions
        )
    for determination in answer.determinations:
        assert determination.covered.value in values(explanation, "determined")
        assert all(
            reason.text in values(explanation, "because") for reason in determination.reasons
        )
        assert len(values(explanation, "detail")) >= len(determination.details)


def test_an_unknown_payer_and_plan_are_shown_as_unknown(index: PolicyIndex) -> None:
    """A payer not hosted here and a plan nobody named are not left blank."""
    explanation = explain(answers(index, prefetch={"coverage": bundle(coverage("icare", None))}))
    body = encode(order_sign(prefetch={"coverage": bundle(coverage("another"))}))
    decisions = fake_pipeline(index).evaluate(body).decisions
    (answer,) = decisions.answers

    assert values(explanation, "plan") == ["unknown"]
    assert values(explain([answer]), "payer") == ["not identified"]


def test_what_is_missing_is_named(index: PolicyIndex) -> None:
    """A rule that spoke without knowing the plan shows that it lacked it."""
    (answer,) = answers(index, prefetch=of_plan("icare", None))
    (trace,) = answer.traces

    explanation = explain([answer])

    assert trace.missing != ()
    assert values(explanation, "missing") == ["; ".join(trace.missing)]


def test_an_order_without_codes_and_id_is_explained(index: PolicyIndex) -> None:
    """What an order lacks is named instead."""
    order = {"resourceType": "ServiceRequest", "subject": {"reference": "Patient/member-1"}}

    explanation = explain(answers(index, order))

    assert values(explanation, "order") == ["ServiceRequest without id: ServiceRequest"]
    assert values(explanation, "codes") == ["none"]


def test_a_partial_date_is_explained_as_the_days_it_may_mean(index: PolicyIndex) -> None:
    """`2026-11` may be any day of that month, and the explanation says so."""
    explanation = explain(answers(index, service_request(occurrenceDateTime="2026-11")))

    assert values(explanation, "served on") == ["some day from 2026-11-01 to 2026-11-30"]


def test_answers_stand_apart(index: PolicyIndex) -> None:
    """Each order has its block, in the order they came."""
    explanation = explain(answers(index, service_request(id="first"), service_request(id="second")))

    assert values(explanation, "order") == [
        "ServiceRequest/first: 0600T",
        "ServiceRequest/second: 0600T",
    ]
    assert "\n\norder         ServiceRequest/second" in explanation


def test_no_line_ends_in_blanks(index: PolicyIndex) -> None:
    """An explanation can be pasted into a letter or a test."""
    explanation = explain(
        answers(index, service_request("93799"), prefetch=of_plan("anthem", None))
    )

    assert [line for line in explanation.splitlines() if line != line.rstrip()] == []


def test_an_order_s_own_words_never_make_a_row(index: PolicyIndex) -> None:
    """Line breaks in an order's text do not break the table, nor do they look like a rule's."""
    words = "Ablation\nof liver tissue\nrule          that-was-never-asked speaks"
    order = service_request()
    order["code"]["text"] = words

    explanation = explain(answers(index, order))

    assert {name for name, _ in rows(explanation)} <= NAMES
    assert "that-was-never-asked speaks" not in values(explanation, "rule")
