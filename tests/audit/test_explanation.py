"""The explanation: every rule asked, every condition, what was missing, and what came of it."""

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
    """What became of a call about these orders."""
    body = encode(order_sign(*orders, version="2.2", **envelope))
    decisions, _ = fake_pipeline(index).evaluate(body)
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


def test_nothing_determined_is_said() -> None:
    """A call about nothing gets a sentence, not an empty page."""
    assert explain(()) == "Nothing was determined: the call holds no order and Coverage to answer."


def test_an_explanation_says_what_was_asked(index: PolicyIndex) -> None:
    """Order, codes, day, coverage, payer and plan stand at the top."""
    said = explain(answers(index))

    assert rows(said)[:6] == [
        ("order", "ServiceRequest/order-1: 0600T"),
        ("codes", "http://www.ama-assn.org/go/cpt|0600T"),
        ("served on", "2026-11-01"),
        ("coverage", "Coverage/coverage-1"),
        ("payer", "icare"),
        ("plan", "icare-medicare-advantage"),
    ]


def test_an_explanation_says_which_rule_spoke_and_what_it_said(index: PolicyIndex) -> None:
    """Rule, pinned policy, the codes that matched, the answer and its reason are there."""
    (answer,) = answers(index)

    said = explain([answer])

    assert [rule.partition(" ")[2] for rule in values(said, "rule")] == ["speaks"]
    assert values(said, "policy") == [answer.traces[0].citation.canonical]
    assert values(said, "matched") == ["http://www.ama-assn.org/go/cpt|0600T"]
    assert values(said, "determined") == ["not-covered"]
    assert values(said, "because") == [answer.determinations[0].reasons[0].text]


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
    """No rule, condition, gap, answer, reason or detail is left out."""
    (answer,) = answers(index, *orders, prefetch=prefetch)

    said = explain([answer])

    for trace in answer.traces:
        assert (
            f"{trace.citation.rule_id} {'speaks' if trace.determination else 'is silent'}"
            in values(said, "rule")
        )
        assert all(condition.expression in said for condition in trace.conditions)
        assert all(
            condition.description in values(said, condition.value) for condition in trace.conditions
        )
    for determination in answer.determinations:
        assert determination.covered.value in values(said, "determined")
        assert all(reason.text in values(said, "because") for reason in determination.reasons)
        assert len(values(said, "detail")) >= len(determination.details)


def test_what_is_unknown_is_said_to_be(index: PolicyIndex) -> None:
    """A payer not hosted here and a plan nobody named are not left blank."""
    said = explain(answers(index, prefetch={"coverage": bundle(coverage("icare", None))}))
    body = encode(order_sign(prefetch={"coverage": bundle(coverage("another"))}))
    decisions, _ = fake_pipeline(index).evaluate(body)
    (answer,) = decisions.answers

    assert values(said, "plan") == ["unknown"]
    assert values(explain([answer]), "payer") == ["not identified"]


def test_what_is_missing_is_named(index: PolicyIndex) -> None:
    """A rule that spoke without knowing the plan says what it would have needed."""
    (answer,) = answers(index, prefetch=of_plan("icare", None))
    (trace,) = answer.traces

    said = explain([answer])

    assert trace.missing != ()
    assert values(said, "missing") == ["; ".join(trace.missing)]


def test_an_order_without_codes_and_id_is_explained(index: PolicyIndex) -> None:
    """What an order does not say is named instead."""
    order = {"resourceType": "ServiceRequest", "subject": {"reference": "Patient/member-1"}}

    said = explain(answers(index, order))

    assert values(said, "order") == ["ServiceRequest without id: ServiceRequest"]
    assert values(said, "codes") == ["none"]


def test_a_partial_date_is_explained_as_the_days_it_may_mean(index: PolicyIndex) -> None:
    """`2026-11` may be any day of that month, and the explanation says so."""
    said = explain(answers(index, service_request(occurrenceDateTime="2026-11")))

    assert values(said, "served on") == ["some day from 2026-11-01 to 2026-11-30"]


def test_answers_stand_apart(index: PolicyIndex) -> None:
    """Each order has its block, in the order they came."""
    said = explain(answers(index, service_request(id="first"), service_request(id="second")))

    assert values(said, "order") == ["ServiceRequest/first: 0600T", "ServiceRequest/second: 0600T"]
    assert "\n\norder         ServiceRequest/second" in said


def test_no_line_ends_in_blanks(index: PolicyIndex) -> None:
    """An explanation can be pasted into a letter or a test."""
    said = explain(answers(index, service_request("93799"), prefetch=of_plan("anthem", None)))

    assert [line for line in said.splitlines() if line != line.rstrip()] == []


def test_an_order_s_own_words_never_make_a_row(index: PolicyIndex) -> None:
    """Line breaks in an order's text do not break the table, nor do they look like a rule's."""
    words = "Ablation\nof liver tissue\nrule          that-was-never-asked speaks"
    order = service_request()
    order["code"]["text"] = words

    said = explain(answers(index, order))

    assert {name for name, _ in rows(said)} <= NAMES
    assert "that-was-never-asked speaks" not in values(said, "rule")
