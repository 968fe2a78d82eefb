"""Membership: whether a Coverage is active, where unknown is neither yes nor no (design: 4.19)."""

from datetime import date
from typing import Any

import pytest
from hook_requests import coverage

from cds_service.crd.request.membership import Activity, Membership
from cds_service.fhir.dates import ANY_DAY, Days

MID_JUNE = Days(date(2026, 6, 15), date(2026, 6, 15))
THIS_YEAR = Days(date(2026, 1, 1), date(2026, 12, 31))
# Words that FHIR R4's FinancialResourceStatus does not have, and what is no word at all.
UNKNOWN: list[Any] = [
    "unknown-word",
    "inactive",
    "active?",
    "aktiv",
    "canceled",
    5,
    0,
    True,
    {"value": "active"},
    {"value": "cancelled"},
    ["active"],
    [["cancelled"]],
]


def activity(*, on: Days = MID_JUNE, **elements: Any) -> Activity:
    """Whether a Coverage with these elements is active on some days."""
    member = Membership(
        coverage=coverage(**elements), coverage_key=None, payer=None, plan=None, patient=None
    )
    return member.activity_on(on)


@pytest.mark.parametrize("status", ["active", "ACTIVE", "Active", " active ", "Active "])
def test_an_active_status_is_read_in_any_letters(status: str) -> None:
    """EHRs write codes in capitals and pad them."""
    assert activity(status=status) is Activity.ACTIVE


@pytest.mark.parametrize("status", [None, "", "  ", [], {}], ids=repr)
def test_a_coverage_without_a_status_is_taken_to_be_active(status: Any) -> None:
    """Absent is normal, and empty is absent."""
    assert activity(status=status) is Activity.ACTIVE


@pytest.mark.parametrize(
    "status", ["cancelled", "CANCELLED", " Cancelled", "draft", "DRAFT", "Entered-in-Error "]
)
def test_a_status_that_is_not_active_is_read_in_any_letters(status: str) -> None:
    """The other three words of FHIR say that the coverage does not count."""
    assert activity(status=status) is Activity.INACTIVE


@pytest.mark.parametrize("status", UNKNOWN, ids=repr)
def test_a_status_that_is_no_word_of_fhirs_is_unknown(status: Any) -> None:
    """It is neither a yes nor a no."""
    assert activity(status=status) is Activity.STATUS_UNKNOWN


@pytest.mark.parametrize("status", UNKNOWN, ids=repr)
@pytest.mark.parametrize("period", [{"end": "2026-06-14"}, {"start": "2026-06-16"}])
def test_a_period_that_is_over_or_not_begun_counts_beside_any_status(
    status: Any, period: dict[str, str]
) -> None:
    """Whatever the status means, there is no coverage on that day."""
    assert activity(status=status, period=period) is Activity.INACTIVE


def test_an_unknown_status_counts_before_a_vague_date() -> None:
    """A better date would not settle it."""
    period = {"end": "2026-06-30"}

    assert activity(on=THIS_YEAR, period=period) is Activity.DATE_UNKNOWN
    assert activity(on=THIS_YEAR, period=period, status="5") is Activity.STATUS_UNKNOWN


def test_any_day_at_all_is_no_reason_to_doubt_a_coverage() -> None:
    """A date that cannot be read is the order's fault, and asked for by the policy's own rule."""
    assert activity(on=ANY_DAY, period={"end": "2026-06-30"}) is Activity.ACTIVE
