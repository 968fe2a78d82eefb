"""FHIR dates and dateTimes as the calendar days they may mean.

`2024-10` may be any day of that October, so it is read as an interval. Times and zones are dropped: a policy is in
force on a calendar day, as the one who wrote the date counts days.
"""

import calendar
import re
from datetime import date
from typing import NamedTuple

from cds_service.fhir.resource import Json, JsonObject, text

_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T.*)?)?)?$")
_LAST_MONTH = 12


class Days(NamedTuple):
    """The first and the last day a date may mean, both included."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last


def parse_days(value: Json) -> Days | None:
    """The days a FHIR date or dateTime may mean; None if it cannot be read."""
    parts = _DATE.match(text(value))
    if parts is None:
        return None
    year, month, day = (int(part) if part else None for part in parts.groups())
    try:
        return _days(int(year or 0), month, day)
    except ValueError:  # 2024-02-30, year 0000
        return None


def _days(year: int, month: int | None, day: int | None) -> Days:
    first = date(year, month or 1, day or 1)
    last_month = month or _LAST_MONTH
    return Days(first, date(year, last_month, day or calendar.monthrange(year, last_month)[1]))


def certainly_outside(period: JsonObject, days: Days) -> bool:
    """Whether none of `days` can lie in the Period; an absent or unreadable bound excludes nothing."""
    start, end = parse_days(period.get("start")), parse_days(period.get("end"))
    return bool((start and days.last < start.first) or (end and days.first > end.last))
