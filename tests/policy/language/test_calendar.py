"""Dates: as exact as they are written, compared no further, and moved by the calendar."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.errors import ExpressionError
from cds_service.policy.language.calendar import (
    Moment,
    calendar_unit,
    moment_of,
    parse_moment,
    whole_years,
)

WRITTEN = (
    "2024",
    "2024-02",
    "2024-02-29",
    "2024-02-29T23",
    "2024-02-29T23:30",
    "2024-02-29T23:30:05",
    "2024-02-29T23:30:05.250",
    "2024-02-29T23:30:05Z",
    "2024-02-29T23:30:05.250+01:00",
    "2024-12-31T23:59:60Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
)
NO_DATES = (
    "",
    "0600T",
    "1234Z",
    "93799",
    "202",
    "20244",
    "2024-",
    "2024-2",
    "2024-13",
    "2024-02-30",
    "2023-02-29",
    "0000-01-01",
    "2024-02-29T",
    "2024-02-29T24:00:00Z",
    "2024-02-29T10:60:00Z",
    "2024-02-29T10:00:61Z",
    "2024-02-29T10Z",
    "2024-02Z",
    "2024-02-29 10:00:00Z",
    " 2024",
    "2024\n",
    "２０２４",
)
days = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))


def moment(written: str) -> Moment:
    """The date in a text that holds one."""
    found = parse_moment(written)
    assert found is not None
    return found


def compare(mine: str, theirs: str) -> int | None:
    """Two dates compared."""
    return moment(mine).compare(moment(theirs))


@pytest.mark.parametrize("written", WRITTEN)
def test_a_date_is_written_as_it_was_read(written: str) -> None:
    """To the last digit, and it is itself."""
    assert str(moment(written)) == written
    assert compare(written, written) == 0


@pytest.mark.parametrize("written", NO_DATES)
def test_what_is_no_date_is_none(written: str) -> None:
    """A code such as 0600T, and a day that the calendar does not have."""
    assert parse_moment(written) is None


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("2024", "2025", -1),
        ("2024", "2024", 0),
        ("2024", "2024-01", None),
        ("2024-01", "2023-12-31", 1),
        ("2024-01-31", "2024-01", None),
        ("2024-01-31", "2024-01-31T00:00:00Z", None),
        ("2024-01-30", "2024-01-31T00:00:00Z", -1),
        ("2024-01-31T10:00", "2024-01-31T10:00:00", None),
        ("2024-01-31T10:00:00", "2024-01-31T10:00:00.0", 0),
        ("2024-01-31T10:00:00.1", "2024-01-31T10:00:00", 1),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z", 0),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:31:00Z", -1),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T18:30:00-05:00", 0),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", -1),
        ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", 1),
        ("2024-03-01T12:00:00", "2024-03-01T12:00:00Z", None),
        ("2024-03-01T23:00:00", "2024-03-01T10:00:00Z", None),
        ("2024-03-02T12:00:00", "2024-03-01T12:00:00Z", 1),
        ("2024-02-28T12", "2024-03-01T12:00:00Z", -1),
    ],
)
def test_dates_are_compared_as_far_as_they_are_exact(
    mine: str, theirs: str, expected: int | None
) -> None:
    """A time without a zone may be that of any: it is before or after only by more than a day."""
    assert compare(mine, theirs) == expected
    assert compare(theirs, mine) == (None if expected is None else -expected)


@given(mine=st.sampled_from(WRITTEN).map(moment), theirs=st.sampled_from(WRITTEN).map(moment))
def test_dates_are_the_same_exactly_if_their_keys_are(mine: Moment, theirs: Moment) -> None:
    """What is kept once is told apart by its key."""
    assert (mine.compare(theirs) == 0) == (mine.key == theirs.key)


@given(day=days, other=days)
def test_days_are_compared_as_python_does(day: date, other: date) -> None:
    """Before, the same or after."""
    assert moment_of(day).compare(moment_of(other)) == (day > other) - (day < other)
    assert moment_of(day).day == day
    assert parse_moment(day.isoformat()) == moment_of(day)


@pytest.mark.parametrize(
    ("written", "amount", "unit", "expected"),
    [
        ("2024-02-29", 1, "year", "2025-02-28"),
        ("2024-02-29", -4, "year", "2020-02-29"),
        ("2024-01-31", 1, "month", "2024-02-29"),
        ("2024-03-31", -1, "month", "2024-02-29"),
        ("2024-11-30", 3, "month", "2025-02-28"),
        ("2024-02-29", 1, "day", "2024-03-01"),
        ("2024-02-29", -2, "week", "2024-02-15"),
        ("2024", 1, "year", "2025"),
        ("2024", 24, "month", "2026"),
        ("2024", -12, "month", "2023"),
        ("2024-02", 1, "month", "2024-03"),
        ("2024-02", -14, "month", "2022-12"),
        ("2024-02-29T23:30:00.5+01:00", 1, "day", "2024-03-01T23:30:00.5+01:00"),
        ("2024", 5, "month", None),
        ("2024", 365, "day", None),
        ("2024-02", 30, "day", None),
        ("2024-02", 4, "week", None),
    ],
)
def test_a_date_moves_by_the_calendar(
    written: str, amount: int, unit: str, expected: str | None
) -> None:
    """To the last day of a shorter month; by no less than it is exact."""
    moved = moment(written).plus(amount, unit)

    assert (None if moved is None else str(moved)) == expected


@pytest.mark.parametrize(
    ("amount", "unit"), [(9_999, "year"), (-(10**30), "day"), (10**30, "month")]
)
def test_a_date_beyond_the_calendar_is_refused(amount: int, unit: str) -> None:
    """However far beyond."""
    with pytest.raises(ExpressionError, match="beyond the calendar"):
        moment("2024-02-29").plus(amount, unit)


@given(
    day=st.dates(min_value=date(1000, 1, 1), max_value=date(3000, 1, 1)),
    amount=st.integers(-5_000, 5_000),
)
def test_days_and_weeks_there_lead_back(day: date, amount: int) -> None:
    """And are as many as were asked for."""
    there = moment_of(day).plus(amount, "week")
    assert there is not None

    assert there.day == day + timedelta(weeks=amount)
    assert there.plus(-amount * 7, "day") == moment_of(day)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("year", "year"), ("months", "month"), ("weeks", "week"), ("wk", "week"), ("d", "day")],
)
def test_a_unit_has_one_name(name: str, unit: str) -> None:
    """In the singular; of UCUM's only those that are as long."""
    assert calendar_unit(name) == unit


@pytest.mark.parametrize("name", ["a", "mo", "hour", "h", "", "'day'", "Day"])
def test_no_other_unit_moves_a_date(name: str) -> None:
    """A year of UCUM is 365.25 days, and nobody is treated by the hour."""
    with pytest.raises(ExpressionError, match="years, months, weeks or days"):
        calendar_unit(name)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(1974, 12, 25), date(2024, 12, 24), 49),
        (date(1974, 12, 25), date(2024, 12, 25), 50),
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
    ],
)
def test_an_age_is_of_whole_years(born: date, day: date, age: int) -> None:
    """Somebody born on a leap day is a year older on the first of March."""
    assert whole_years(born, day) == age
