"""Versions of one policy: each day has exactly one in force, the day before the first has none."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hook_requests import service_request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_library import organization, policy, reason, rule, small_index

from cds_service.crd.codes import PAYER_ID, Covered, InfoNeeded
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.chart import index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.membership import Membership
from cds_service.crd.request.order import day_of_service, read_order
from cds_service.fhir.dates import Days
from cds_service.fhir.truth import Truth
from cds_service.policy.run.adjudication import determine
from cds_service.policy.run.index import PolicyIndex

URL = "https://policies.example.invalid/PlanDefinition/p"
FIRST, SECOND = date(2024, 10, 8), date(2025, 7, 1)
DAY = timedelta(days=1)


@pytest.fixture
def index(tmp_path: Path) -> PolicyIndex:
    """Two versions of one policy, the later one stored first, each saying its version."""
    return small_index(tmp_path, version("b", SECOND), version("a", FIRST))


def version(name: str, start: date, **elements: Any) -> dict[str, Any]:
    determination = ({"url": "covered", "valueCode": "not-covered"}, reason(f"version {name}"))
    written = {
        "name": f"p-{name}",
        "url": URL,
        "version": name,
        "start": start.isoformat(),
        **elements,
    }
    return policy(rule(determination=determination), **written)


def answer(index: PolicyIndex, date_of_service: str) -> OrderAnswer:
    order = read_order(service_request("0001T", occurrenceDateTime=date_of_service))
    (payer,) = index.payers.all
    member = Membership(
        coverage={"payor": [{"identifier": {"system": PAYER_ID, "value": "acme"}}]},
        coverage_key=None,
        payer=payer,
        plan=None,
        patient=None,
    )
    return determine(
        order,
        member,
        day_of_service(order, date.max),
        index=index,
        hook=HOOKS["order-sign"],
        chart=index_chart([], patient_id="member-1"),
    )


def words(index: PolicyIndex, date_of_service: str) -> list[str]:
    return [
        given.text
        for determination in answer(index, date_of_service).determinations
        for given in determination.reasons
    ]


def in_force(index: PolicyIndex, day: date) -> list[str]:
    return [
        compiled.version
        for compiled in index.policies
        if compiled.in_force(Days(day, day)) is Truth.TRUE
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (FIRST - DAY, []),
        (FIRST, ["a"]),
        (SECOND - DAY, ["a"]),
        (SECOND, ["b"]),
        (date(9999, 12, 31), ["b"]),
        (date.min, []),
    ],
)
def test_each_day_has_the_version_in_force_that_day(
    index: PolicyIndex, day: date, expected: list[str]
) -> None:
    """A version begins on its first day and ends the day before the next begins."""
    assert in_force(index, day) == expected


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    starts=st.sets(st.dates(date(2000, 1, 1), date(2030, 1, 1)), min_size=1, max_size=4),
    data=st.data(),
)
def test_however_many_versions_there_are_one_is_in_force(
    tmp_path_factory: pytest.TempPathFactory, starts: set[date], data: st.DataObject
) -> None:
    """On any day from the first start on exactly one version governs: the latest that has begun."""
    versions = [version(f"v{number}", start) for number, start in enumerate(sorted(starts))]
    index = small_index(tmp_path_factory.mktemp("library"), *versions)
    day = data.draw(st.dates(date(1999, 1, 1), date(2031, 1, 1)))
    begun = [number for number, start in enumerate(sorted(starts)) if start <= day]

    assert in_force(index, day) == ([f"v{begun[-1]}"] if begun else [])


def test_the_order_is_answered_by_the_version_of_its_day(index: PolicyIndex) -> None:
    """The day before the change and the day of the change have different answers."""
    assert words(index, "2025-06-30") == ["version a"]
    assert words(index, "2025-07-01") == ["version b"]


def test_before_the_first_version_no_rule_speaks(index: PolicyIndex) -> None:
    """Nothing is determined, and nothing cited."""
    (determination,) = answer(index, "2024-10-07").determinations

    assert determination.covered is Covered.INDETERMINATE
    assert determination.citations == ()


@pytest.mark.parametrize("vague", ["2025-07", "2025-06", "2024-11", "2026"])
def test_a_vague_date_inside_one_version_is_sure(index: PolicyIndex, vague: str) -> None:
    """`2025-06` may be any day of June, and each of them has the same version."""
    assert [determination.covered for determination in answer(index, vague).determinations] == [
        Covered.NOT_COVERED
    ]


@pytest.mark.parametrize("vague", ["2025", "2024", "2024-10"])
def test_a_vague_date_across_a_border_is_conditional_on_the_date(
    index: PolicyIndex, vague: str
) -> None:
    """The date of service is what is missing, and it is asked for."""
    (determination,) = answer(index, vague).determinations

    assert determination.covered is Covered.CONDITIONAL
    assert determination.info_needed == {InfoNeeded.TIMEFRAME}


def test_an_unreadable_date_is_conditional_on_the_date(index: PolicyIndex) -> None:
    """Unknown is neither today nor never."""
    (determination,) = answer(index, "07/01/2025").determinations

    assert (determination.covered, determination.info_needed) == (
        Covered.CONDITIONAL,
        frozenset({InfoNeeded.TIMEFRAME}),
    )


def test_a_version_that_states_its_end_leaves_a_gap(tmp_path: Path) -> None:
    """A stated end holds even if the next version begins later."""
    first = version("a", FIRST, effectivePeriod={"start": FIRST.isoformat(), "end": "2025-01-31"})
    index = small_index(tmp_path, first, version("b", SECOND))

    assert [in_force(index, day) for day in (date(2025, 1, 31), date(2025, 2, 1), SECOND)] == [
        ["a"],
        [],
        ["b"],
    ]


def test_a_later_version_ends_an_earlier_one_before_its_stated_end(tmp_path: Path) -> None:
    """There are never two in force."""
    first = version("a", FIRST, effectivePeriod={"start": FIRST.isoformat(), "end": "2026-12-31"})
    index = small_index(tmp_path, first, version("b", SECOND))

    assert in_force(index, SECOND) == ["b"]


def test_policies_of_other_urls_go_their_own_way(tmp_path: Path) -> None:
    """Only versions of one URL succeed each other."""
    index = small_index(
        tmp_path,
        version("a", FIRST),
        version("b", SECOND) | {"url": "https://else.example.invalid"},
    )

    assert in_force(index, SECOND) == ["a", "b"]


def test_an_answer_expires_with_its_version(index: PolicyIndex) -> None:
    """What is known to end says when (`expiry-date`); what is not does not."""
    assert [
        determination.expiry_date for determination in answer(index, "2025-06-01").determinations
    ] == [SECOND - DAY]
    assert [
        determination.expiry_date for determination in answer(index, "2025-08-01").determinations
    ] == [None]


def test_a_start_given_as_month_begins_with_its_first_day(tmp_path: Path) -> None:
    """`2024-10` begins on 1 October, and an end of `2024-12` is the last of December."""
    index = small_index(
        tmp_path, version("a", FIRST, effectivePeriod={"start": "2024-10", "end": "2024-12"})
    )

    assert [(compiled.start, compiled.end) for compiled in index.policies] == [
        (date(2024, 10, 1), date(2024, 12, 31))
    ]


def test_one_policy_of_two_payers_is_two_lines_of_versions(tmp_path: Path) -> None:
    """Another payer's version of another URL ends nobody else's."""
    theirs = version("b", SECOND, payer="other") | {"url": "https://else.example.invalid"}
    index = small_index(tmp_path, organization("other"), version("a", FIRST), theirs)

    assert {compiled.payer_id: compiled.end for compiled in index.policies} == {
        "acme": date.max,
        "other": date.max,
    }
