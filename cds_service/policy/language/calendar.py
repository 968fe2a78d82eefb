"""Dates and durations as FHIRPath has them: as exact as they are written, compared no further.

`2024-10` is neither before nor after `2024-10-08`: that is unknown (FHIRPath, Comparison).
"""

import calendar
import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal

from cds_service.errors import ExpressionError

_WRITTEN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d+)?))?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?)?",
    re.ASCII,
)
# How many parts a moment of that precision has.
_YEAR, _MONTH, _DAY, _HOUR, _MINUTE = 1, 2, 3, 4, 5
_MONTHS_A_YEAR, _DAYS_A_WEEK, _HOURS_A_DAY, _MINUTES_AN_HOUR = 12, 7, 24, 60
_ZONES_APART = 15 * _MINUTES_AN_HOUR  # more than any zone is from UTC
_LAST_SECOND, _LEAP_SECOND = 59, 60
_UNITS = {
    **{name: unit for unit in ("year", "month", "week", "day") for name in (unit, f"{unit}s")},
    "wk": "week",
    "d": "day",
}
_PRECISION_OF = {"year": _YEAR, "month": _MONTH, "week": _DAY, "day": _DAY}


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or dateTime: its parts from the year on, as many as are written, and its zone."""

    parts: tuple[int | Decimal, ...]
    zone: str = ""

    def compare(self, other: "Moment") -> int | None:
        """-1, 0 or 1 as this is before, at or after the other; None if that cannot be told."""
        if self.zone and other.zone:
            return _compare(self._instant, other._instant)
        if (self.zone or other.zone) and min(len(self.parts), len(other.parts)) >= _HOUR:
            apart = self._minutes - other._minutes
            return None if abs(apart) <= _ZONES_APART else (1 if apart > 0 else -1)
        return _compare(self.parts, other.parts)

    @property
    def key(self) -> Hashable:
        """What moments share that are the same."""
        return (self._instant, True) if self.zone else (self.parts, False)

    @property
    def _instant(self) -> tuple[int | Decimal, ...]:
        return (self._minutes, *self.parts[_MINUTE:])

    @property
    def _minutes(self) -> int:
        """The minutes of the calendar up to this, in UTC if the zone is known."""
        year, month, day, hour, minute = (int(part) for part in (*self.parts, 0)[:_MINUTE])
        hours = date(year, month, day).toordinal() * _HOURS_A_DAY + hour
        return hours * _MINUTES_AN_HOUR + minute - _offset(self.zone)

    def plus(self, amount: int, unit: str) -> "Moment | None":
        """So many calendar units later; None if it is less exact than the unit.

        FHIRPath would cut months added to a year down to whole years, and answer what is not sure.

        Raises:
            ExpressionError: there is no such day in the calendar.
        """
        if unit == "month" and amount % _MONTHS_A_YEAR == 0:
            amount, unit = amount // _MONTHS_A_YEAR, "year"
        if len(self.parts) < _PRECISION_OF[unit]:
            return None
        year, month, day = (int(part) for part in (*self.parts, 1, 1)[:_DAY])
        try:
            moved = _moved(date(year, month, day), amount, unit)
        except (ValueError, OverflowError) as error:
            raise ExpressionError("a date beyond the calendar") from error
        parts = (moved.year, moved.month, moved.day)[: len(self.parts)]
        return Moment((*parts, *self.parts[_DAY:]), self.zone)

    @property
    def day(self) -> date | None:
        """The day, if it is that exact."""
        if len(self.parts) < _DAY:
            return None
        year, month, day = (int(part) for part in self.parts[:_DAY])
        return date(year, month, day)

    def __str__(self) -> str:
        separators = ("", "-", "-", "T", ":", ":")
        written = (
            separator + _padded(str(part), 2 if separator else 4)
            for separator, part in zip(separators, self.parts, strict=False)
        )
        return "".join(written) + self.zone


def _padded(number: str, width: int) -> str:
    whole, point, fraction = number.partition(".")
    return whole.zfill(width) + point + fraction


def _moved(day: date, amount: int, unit: str) -> date:
    if unit == "day":
        return day + timedelta(days=amount)
    if unit == "week":
        return day + timedelta(days=amount * _DAYS_A_WEEK)
    months = amount * _MONTHS_A_YEAR if unit == "year" else amount
    whole = day.year * _MONTHS_A_YEAR + day.month - 1 + months
    year, month = whole // _MONTHS_A_YEAR, whole % _MONTHS_A_YEAR + 1
    # FHIRPath: the last day of a month that is shorter.
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _compare(mine: tuple[int | Decimal, ...], theirs: tuple[int | Decimal, ...]) -> int | None:
    for own, others in zip(mine, theirs, strict=False):
        if own != others:
            return -1 if own < others else 1
    return 0 if len(mine) == len(theirs) else None


def _offset(zone: str) -> int:
    """The minutes that a zone is ahead of UTC."""
    if zone in ("", "Z"):
        return 0
    ahead = int(zone[1:3]) * _MINUTES_AN_HOUR + int(zone[4:6])
    return -ahead if zone[0] == "-" else ahead


def parse_moment(written: str) -> Moment | None:
    """The date or dateTime in a text such as `2024-10` or `2024-10-08T09:30:00Z`, if it is one."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return None
    *numbers, zone = match.groups()
    parts = tuple(Decimal(part) if "." in part else int(part) for part in numbers if part)
    try:
        _check(*[int(part) for part in parts])
    except ValueError:  # 2024-02-30
        return None
    return Moment(parts, zone or "")


def _check(
    year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0, second: int = 0
) -> None:
    """Raise ValueError if there is no such moment; a leap second is one."""
    date(year, month, day)
    time(hour, minute, _LAST_SECOND if second == _LEAP_SECOND else second)


def moment_of(day: date) -> Moment:
    """A calendar day."""
    return Moment((day.year, day.month, day.day))


def calendar_unit(name: str) -> str:
    """The unit a date can move by: `year`, `month`, `week` or `day`, in either number.

    Raises:
        ExpressionError: it is none of them.
    """
    if name not in _UNITS:
        raise ExpressionError(f"a date moves by years, months, weeks or days, not by `{name}`")
    return _UNITS[name]


def whole_years(born: date, day: date) -> int:
    """The age in years of somebody born on one day, on another."""
    before_birthday = (day.month, day.day) < (born.month, born.day)
    return day.year - born.year - before_birthday
