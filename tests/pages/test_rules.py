"""Rules as a page shows them: read from their compiled form."""

from dataclasses import replace
from pathlib import Path

import pytest
from proposal_library import DEFINITIONS, EVERY_KIND, proposing
from small_library import NOT_COVERED, instruction, part, policy, reason, rule, small_index

from cds_service.fhir.resource import JsonObject
from cds_service.pages.rules import PROPOSED, next_steps, view_rule
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.rules import Rule

RULES = compile_library(read_library([builtin_library()]), base_url="").rules


def expression(source: str, description: str = "") -> JsonObject:
    """An expression in FHIRPath, described or not."""
    described = {"description": description} if description else {}
    return {"valueExpression": {**described, "language": "text/fhirpath", "expression": source}}


def computed(source: str, description: str = "") -> JsonObject:
    """An instruction worded for each order."""
    worded = instruction("")
    kept = [part for part in worded["extension"] if part["url"] != "value"]
    value = {"url": "value", **expression(source, description)}
    return {**worded, "extension": [*kept, value]}


def compiled(directory: Path, *details: JsonObject) -> Rule:
    """A compiled rule with these details."""
    written = rule(determination=[*NOT_COVERED, *details])
    return small_index(directory, policy(written)).rules[0]


@pytest.mark.parametrize("compiled_rule", RULES, ids=lambda rule: rule.citation.rule_id)
def test_a_rule_is_shown_from_its_compiled_form_alone(compiled_rule: Rule) -> None:
    """The determination has one reader, the compiler; a page needs no PlanDefinition for it."""
    bare = replace(compiled_rule, policy=replace(compiled_rule.policy, resource={}))

    assert view_rule(bare) == view_rule(compiled_rule)


def test_details_stand_in_the_order_of_the_payer(tmp_path: Path) -> None:
    """One that is given on a condition keeps its place among those that always are."""
    details = (
        instruction("first", when=expression("%plan.exists()", "The plan is known")),
        instruction("second"),
        computed("'a'", "third"),
        instruction("fourth"),
    )

    view = view_rule(compiled(tmp_path, *details))

    assert [detail.text for detail in view.details] == ["first", "second", "third", "fourth"]


def test_a_condition_is_shown_by_its_description(tmp_path: Path) -> None:
    """What an author wrote for people is what people read."""
    given_if = instruction("x", when=expression("%plan.empty()", "The plan is unknown"))

    [detail] = view_rule(compiled(tmp_path, given_if)).details

    assert detail.when == "The plan is unknown"


def test_a_condition_without_a_description_is_shown_as_written(tmp_path: Path) -> None:
    """A condition is never hidden."""
    given_if = instruction("x", when=expression("%plan.empty()"))

    [detail] = view_rule(compiled(tmp_path, given_if)).details

    assert detail.when == "%plan.empty()"


def test_a_condition_of_the_rule_without_a_description_is_shown_as_written(tmp_path: Path) -> None:
    """The list of a rule's conditions has no empty line."""
    undescribed = {
        "kind": "applicability",
        "expression": {"language": "text/fhirpath", "expression": "%order.exists()"},
    }
    written = policy(rule(condition=[undescribed]))

    view = view_rule(small_index(tmp_path, written).rules[0])

    assert view.conditions == ("%order.exists()",)


@pytest.mark.parametrize(
    ("description", "shown"), [("Words of the order", "Words of the order"), ("", "'a'")]
)
def test_a_computed_detail_tells_how_it_is_worded(
    tmp_path: Path, description: str, shown: str
) -> None:
    """Its words are not known before there is an order: their description stands for them."""
    [detail] = view_rule(compiled(tmp_path, computed("'a'", description))).details

    assert (detail.text, detail.computed) == (shown, True)


def test_the_orders_that_a_rule_depends_on_are_shown(tmp_path: Path) -> None:
    """Those it states, and how the rest are told."""
    parts = (
        {"url": "dependency", "valueReference": {"reference": "ServiceRequest/1"}},
        {"url": "dependency", **expression("%order.basedOn", "the order it is based on")},
        {"url": "dependency", **expression("%order.basedOn.first()")},
    )

    view = view_rule(compiled(tmp_path, *parts))

    assert view.dependencies == (
        "ServiceRequest/1",
        "the order it is based on",
        "%order.basedOn.first()",
    )


@pytest.mark.parametrize(("stated", "shown"), [("2027-06-30", "2027-06-30"), ("2031-01-01", "")])
def test_a_day_of_expiry_is_shown_where_the_policy_does_not_end_first(
    tmp_path: Path, stated: str, shown: str
) -> None:
    """The policy's own end stands among its dates."""
    expiry = {"url": "expiry-date", "valueDate": stated}
    written = policy(
        rule(determination=[*NOT_COVERED, expiry]),
        effectivePeriod={"start": "2020-01-01", "end": "2030-12-31"},
    )

    assert view_rule(small_index(tmp_path, written).rules[0]).expires == shown


def test_every_coded_part_of_a_rule_is_shown(tmp_path: Path) -> None:
    """Authorization, documents and what they are for stand below the headline."""
    parts = (
        part("covered", "covered"),
        part("pa-needed", "auth-needed"),
        part("doc-needed", "clinical"),
        part("doc-purpose", "OTH"),
        {"url": "doc-with-authorization", "valueBoolean": True},
        reason(),
    )

    view = view_rule(small_index(tmp_path, policy(rule(determination=parts))).rules[0])

    assert view.headline == "Covered"
    assert view.also == (
        "Prior authorization is needed",
        "Clinical documentation is needed",
        "Send the documentation with the request for prior authorization",
    )


def test_a_computed_instruction_is_no_step_of_the_whole_policy(tmp_path: Path) -> None:
    """It stays with its rule, whose order words it."""
    rule_view = view_rule(compiled(tmp_path, computed("'a'", "Words"), instruction("Call us.")))

    assert [step.detail.text for step in next_steps([rule_view])] == ["Call us."]


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_what_a_rule_proposes_is_shown(tmp_path: Path, kind: str) -> None:
    """Each kind in words, with the title that its card has."""
    index = small_index(tmp_path, *DEFINITIONS, proposing(EVERY_KIND[kind]))
    (shown,) = view_rule(index.rules[0]).proposals

    assert shown.endswith(f": {EVERY_KIND[kind]['title']}")
    assert shown.partition(":")[0] in PROPOSED.values()
