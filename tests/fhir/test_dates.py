"""Dates: a partial date is all the days it may mean, an impossible one is unknown."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_values import json_values

from cds_service.fhir.dates import Days, parse_days, period_days

days = st.dates(date(1, 1, 1), date(9998, 12, 31))
times = st.sampled_from(
    [
        "",
        "T00:00",
        "T10:30:00",
        "T10:30:00Z",
        "T10:30:00.123456+14:00",
        "T23:59:60Z",
        "T24:00:00-05:00",
        "T10:30:00+0000",
    ]
)


def interval(first: date, last: date) -> Days:
    """Two days in their order."""
    return Days(min(first, last), max(first, last))


intervals = st.builds(interval, days, days)


@settings(max_examples=100, deadline=None)
@given(day=days, time=times)
def test_a_full_date_is_that_day_whatever_the_time(day: date, time: str) -> None:
    """Times and zones, exact or sloppy, do not move the calendar day that was written."""
    assert parse_days(f"{day.isoformat()}{time}") == Days(day, day)


@settings(max_examples=100, deadline=None)
@given(day=days)
def test_a_month_is_all_its_days(day: date) -> None:
    """`2024-02` is the first to the last of that February, and no day more."""
    month = parse_days(day.isoformat()[:7])

    assert month is not None
    assert month.holds(Days(day, day))
    assert month.first.day == 1
    assert (month.last + timedelta(days=1)).day == 1
    assert month.last - month.first < timedelta(days=31)


@settings(max_examples=50, deadline=None)
@given(day=days)
def test_a_year_is_all_its_days(day: date) -> None:
    """`2024` is the first of January to the last of December."""
    assert parse_days(day.isoformat()[:4]) == Days(date(day.year, 1, 1), date(day.year, 12, 31))


def outside(period: dict[str, Any], days: Days) -> bool:
    """Whether none of the days can lie in a Period."""
    return not period_days(period).meets(days)


@pytest.mark.parametrize("last", ["9999", "9999-12", "9999-12-31"])
def test_the_last_day_there_is_can_be_meant(last: str) -> None:
    """Year 9999, which EHRs write for `without end`, is a year like any other."""
    found = parse_days(last)

    assert found is not None
    assert found.last == date(9999, 12, 31)


@pytest.mark.parametrize(
    "written",
    [
        "2023-02-29",
        "2024-02-30",
        "2024-04-31",
        "2024-13",
        "2024-12-32",
        "0000",
        "0000-01-01",
        "10/05/2024",
        "05.10.2024",
        "20241005",
        "2024-1-5",
        "2024-10-5",
        "24-10-05",
        "-2024",
        "2024-W40",
        "tomorrow",
        "",
        None,
        True,
        ["2024"],
        {"start": "2024"},
    ],
)
def test_what_is_no_date_is_unknown(written: Any) -> None:
    """An impossible day, another country's format or no text is unknown, and is not guessed."""
    assert parse_days(written) is None


@pytest.mark.parametrize("written", ["2024-00", "2024-00-05", "2024-10-00", "2024-00-00"])
def test_a_zero_is_no_month_and_no_day(written: str) -> None:
    """`00` is no month and no day (FHIR R4, date): such a date cannot be read."""
    assert parse_days(written) is None


def test_a_year_may_be_a_number() -> None:
    """JSON numbers are read as their digits."""
    assert parse_days(2024) == Days(date(2024, 1, 1), date(2024, 12, 31))


@settings(max_examples=200, deadline=None)
@given(value=st.one_of(json_values, st.from_regex(r"\d{4}(-\d{2}){0,2}", fullmatch=True)))
def test_reading_a_date_never_fails(value: Any) -> None:
    """Any value in place of a date is days in their order, or unknown."""
    found = parse_days(value)

    assert found is None or found.first <= found.last


@settings(max_examples=200, deadline=None)
@given(period=intervals, asked=intervals)
def test_days_are_outside_a_period_if_none_lies_in_it(period: Days, asked: Days) -> None:
    """Days lie outside exactly if they end before the period starts or start after it ends."""
    stated = {"start": period.first.isoformat(), "end": period.last.isoformat()}

    assert outside(stated, asked) == (asked.last < period.first or period.last < asked.first)


@settings(max_examples=100, deadline=None)
@given(
    period=intervals,
    asked=intervals,
    gone=st.sampled_from(["start", "end"]),
    left=st.sampled_from([None, "soon"]),
)
def test_an_unknown_bound_excludes_nothing_on_its_side(
    period: Days, asked: Days, gone: str, left: str | None
) -> None:
    """A bound that is absent or cannot be read never puts a day outside."""
    stated = {"start": period.first.isoformat(), "end": period.last.isoformat(), gone: left}
    beyond_the_other = period.last < asked.first if gone == "start" else asked.last < period.first

    assert outside(stated, asked) == beyond_the_other


def test_a_partial_bound_excludes_only_what_is_certain() -> None:
    """A period that ends in `2024-10` may end on the 31st; one that starts then, on the 1st."""
    middle = Days(date(2024, 10, 15), date(2024, 10, 15))

    assert not outside({"start": "2024-10"}, middle)
    assert not outside({"end": "2024-10"}, middle)


@pytest.mark.parametrize(
    "period", [{}, {"start": "", "end": ""}, {"start": {"x": 1}, "end": [2024]}]
)
def test_a_period_that_says_nothing_holds_every_day(period: dict[str, Any]) -> None:
    """Without a readable bound nothing is certainly outside."""
    assert not outside(period, Days(date.min, date.max))


@settings(max_examples=50, deadline=None)
@given(within=intervals, day=days)
def test_an_interval_holds_its_ends_and_what_lies_between(within: Days, day: date) -> None:
    """Both ends count."""
    assert within.holds(Days(within.first, within.first))
    assert within.holds(Days(within.last, within.last))
    assert within.holds(Days(day, day)) == (within.first <= day <= within.last)
