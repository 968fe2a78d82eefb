"""FHIR dates and dateTimes as the calendar days they may mean.

`2024-10` may be any day of that October, so it is read as an interval. Times and zones are dropped:
a policy is in force on a calendar day, as the one who wrote the date counts days.
"""

import calendar
import re
from datetime import date
from typing import NamedTuple

from cds_service.fhir.resource import Json, JsonObject, text

_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T\d{2}[\d:.Z+-]*)?)?)?$", re.ASCII)
_LAST_MONTH = 12


class Days(NamedTuple):
    """The first and the last day a date may mean, both included."""

    first: date
    last: date

    def holds(self, other: "Days") -> bool:
        """Whether all of `other` lies inside."""
        return self.first <= other.first and other.last <= self.last

    def meets(self, other: "Days") -> bool:
        """Whether any day is in both."""
        return self.first <= other.last and other.first <= self.last


ANY_DAY = Days(date.min, date.max)  # a date is stated that cannot be read: unknown, never today


def parse_days(value: Json) -> Days | None:
    """The days a FHIR date or dateTime may mean; None if it cannot be read."""
    parts = _DATE.match(text(value))
    if parts is None:
        return None
    year, month, day = parts.groups()
    try:
        return _days(int(year), int(month) if month else None, int(day) if day else None)
    except ValueError:  # 2024-02-30, year 0000
        return None


def _days(year: int, month: int | None, day: int | None) -> Days:
    first = date(year, 1 if month is None else month, 1 if day is None else day)
    last_month = _LAST_MONTH if month is None else month
    return Days(
        first,
        date(year, last_month, calendar.monthrange(year, last_month)[1] if day is None else day),
    )


def period_days(period: JsonObject) -> Days:
    """The days of a Period; an absent or unreadable bound leaves its side open."""
    start, end = parse_days(period.get("start")), parse_days(period.get("end"))
    return Days(start.first if start else date.min, end.last if end else date.max)
