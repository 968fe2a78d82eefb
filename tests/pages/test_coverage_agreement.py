"""The list and the answers to orders are one: every case of every policy is held against it."""

from datetime import date

import pytest
from listed_coverage import EXAMPLES, shipped

from cds_service.authoring.case_runs import run_case
from cds_service.authoring.cases import Case, read_cases
from cds_service.crd.codes import Covered
from cds_service.crd.decision.combination import strictness
from cds_service.crd.decision.determination import Determination
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.decision.trace import ConditionKind, RuleTrace
from cds_service.fhir.truth import Truth
from cds_service.pages.coverage.answer import answer_question
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.coverage.question import parse_question
from cds_service.pages.coverage.rows import CoverageRow
from cds_service.pages.coverage.search import places_about, search
from cds_service.policy.library.artifacts import builtin_library
from cds_service.policy.run.application import plan_not_known

LIBRARY, INDEX = shipped()
COVERAGE = list_coverage(LIBRARY, INDEX)
CASES = [case for directory in (builtin_library(), EXAMPLES) for case in read_cases(directory)]


def answer_of(case: Case) -> OrderAnswer:
    """What is determined for the order of a case."""
    [answer] = run_case(case, INDEX).answers
    return answer


def rows_of(coverage: CoverageList, trace: RuleTrace, answer: OrderAnswer) -> list[CoverageRow]:
    """The rows of a rule about the codes that it was found by, for the member's plan, that day."""
    payer, plan = answer.membership.payer, answer.membership.plan
    assert payer
    found: list[CoverageRow] = []
    for day in dict.fromkeys(answer.days):
        for coding in trace.matched:
            for place in places_about(coverage, coding.code.casefold()):
                listed, _ = coverage.entries[place]
                members = listed.members
                is_for = members.includes(plan.id) if plan else True
                if listed.rule.citation is trace.citation and is_for and listed.on(day):
                    found.extend(coverage.rows_at([place], day))
    return found


def coded(determination: Determination) -> tuple[object, ...]:
    """The coded parts of a determination, and its reasons."""
    return (
        determination.covered,
        determination.pa_needed,
        determination.doc_needed,
        determination.doc_purpose,
        determination.info_needed,
        [reason.text for reason in determination.reasons],
    )


def decided(trace: RuleTrace) -> bool:
    """Whether a rule was applied, and none of its conditions left open."""
    return trace.determination is not None and all(
        condition.value is Truth.TRUE for condition in trace.conditions
    )


def test_there_is_something_to_hold_against_it() -> None:
    """Cases of all five policies, hundreds of them, most decided by some rule."""
    assert len(CASES) >= 400
    assert {case.file.parent.name for case in CASES} == {
        "cervical-disc-replacement",
        "infliximab",
        "left-atrial-appendage-closure",
        "surg-00126",
        "wi-pa-1266",
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file.parent.name}: {case.name}")
def test_what_is_determined_for_an_order_stands_on_the_list(case: Case) -> None:
    """The same codes and the same reasons; what is left open is named there as a condition."""
    answer = answer_of(case)
    for trace in answer.traces:
        if trace.determination is None:
            continue
        rows = rows_of(COVERAGE, trace, answer)
        if decided(trace):
            assert coded(trace.determination) in [coded(row.determination) for row in rows]
        else:
            check_open(trace, rows)
    applied = [trace.determination for trace in answer.traces if trace.determination]
    if applied:
        strictest = max(map(strictness, answer.determinations))
        assert strictest >= max(map(strictness, applied))


def check_open(trace: RuleTrace, rows: list[CoverageRow]) -> None:
    """A rule that could not be decided covers nothing, and its rows tell what it depends on."""
    assert trace.determination
    assert trace.determination.covered is not Covered.COVERED
    unknown = [condition for condition in trace.conditions if condition.value is Truth.UNKNOWN]
    reasons = [reason.text for reason in trace.determination.reasons]
    if unknown[0].kind is ConditionKind.LINE_OF_BUSINESS:
        assert reasons[0] in [row.plan_unknown for row in rows]
    elif unknown[0].kind is ConditionKind.OF_THE_RULE:
        assert any(unknown[0].description in row.view.conditions for row in rows)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file.parent.name}: {case.name}")
def test_the_first_line_is_never_looser_than_the_answer_to_an_order(case: Case) -> None:
    """Where it says `is covered`, each order of the code is; where `is not covered`, none is."""
    answer = answer_of(case)
    payer = answer.membership.payer
    if payer is None or answer.days.first != answer.days.last:
        return
    plan = answer.membership.plan
    for coding in answer.order.codings:
        question = parse_question(
            COVERAGE,
            answer.days.first,
            words=coding.code,
            payer=payer.id,
            plan=plan.id if plan else "",
        )
        lead = " ".join(line for line, _ in answer_question(COVERAGE, search(COVERAGE, question)))
        covered = {determined.covered for determined in answer.determinations}
        if " is covered" in lead and "whether" not in lead:
            assert covered == {Covered.COVERED}
        if " is not covered" in lead:
            assert Covered.COVERED not in covered
        if answer.is_unaddressed:
            assert " is covered (" not in lead


def test_no_row_is_looser_than_its_rule() -> None:
    """On every day from which something changes, a row is its rule's own, or left open."""
    days = {day for rule in INDEX.rules for day in (rule.policy.start, rule.policy.end)}
    for day in days:
        for row in COVERAGE.as_of(day):
            own = row.listed.rule.determination
            assert row.determination is own or row.determination.covered is Covered.CONDITIONAL
            if row.determination.covered is Covered.COVERED:
                assert own.covered is Covered.COVERED


def test_every_rule_and_every_code_of_it_has_a_row_on_the_days_it_is_in_force() -> None:
    """Nothing that an order could meet is missing."""
    for rule in INDEX.rules:
        rows = [row for row in COVERAGE.as_of(rule.policy.start) if row.listed.rule is rule]
        assert {row.code.key for row in rows} == {coding.key for coding in rule.codings}


def test_what_holds_without_a_plan_is_in_the_words_of_the_answer() -> None:
    """A policy of some plans alone tells what a member of an unknown one gets."""
    rows = [row for row in COVERAGE.as_of(date(2026, 11, 27)) if row.listed.policy.lines]

    assert rows
    for row in rows:
        assert row.plan_unknown == plan_not_known(row.listed.rule).reasons[0].text


def test_a_code_that_no_rule_is_about_is_called_nothing() -> None:
    """The list tells that no policy addresses it, and has no row."""
    question = parse_question(COVERAGE, date(2026, 11, 27), words="is 99213 covered by iCare?")
    found = search(COVERAGE, question)
    [(lead, rest)] = answer_question(COVERAGE, found)

    assert len(found.rows) == 0
    assert lead == "No policy in this library addresses 99213 for iCare on 2026-11-27"
    assert "cannot be told" in rest
