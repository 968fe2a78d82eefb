"""Retention: how long records of each class are kept, as an operator writes it: `answer=10y`."""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cds_service.audit.record import Kind
from cds_service.errors import SettingError

_SETTING = "retention"
# Records of changes name what was purged, so the store cannot be verified without them.
CLASSES = (Kind.ANSWER, Kind.FEEDBACK, Kind.READING, Kind.TOKEN)
_RULE = re.compile(r"(?P<kind>[a-z]+)=(?P<many>[1-9]\d{0,4})(?P<unit>[dmy])", re.ASCII)
_MONTHS = {"m": 1, "y": 12}
_FIRST_YEAR = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """How long one class is kept; `rule` is how it was written, such as `answer=10y`."""

    rule: str
    kind: Kind
    months: int = 0
    days: int = 0

    def start(self, now: datetime) -> datetime:
        """The time before which records are not kept any more.

        A month ago is the same day of that month, or its last day if it has no such day.
        """
        earlier = now - timedelta(days=self.days)
        year, month = divmod(earlier.year * 12 + earlier.month - 1 - self.months, 12)
        if year < _FIRST_YEAR:
            return datetime.min.replace(tzinfo=now.tzinfo)
        day = min(earlier.day, monthrange(year, month + 1)[1])
        return earlier.replace(year=year, month=month + 1, day=day)


def parse_retention(texts: Iterable[str]) -> Mapping[Kind, Period]:
    """The period of each class that is named; what is not named is kept for ever.

    Raises:
        SettingError: a text is no class, `=` and number of days, months or years, or two are of
            one class.
    """
    periods: dict[Kind, Period] = {}
    for written in texts:
        period = _parse(written)
        if period.kind in periods:
            raise SettingError(_SETTING, f"`{written}`: the class `{period.kind}` is named twice")
        periods[period.kind] = period
    return periods


def _parse(written: str) -> Period:
    parts = _RULE.fullmatch(written)
    if parts is None:
        raise SettingError(
            _SETTING, f"`{written}` is not like answer=10y: a class, and days, months or years"
        )
    if parts["kind"] not in CLASSES:
        raise SettingError(_SETTING, f"`{written}`: {_refused(parts['kind'])}")
    kind, many, unit = Kind(parts["kind"]), int(parts["many"]), parts["unit"]
    months = many * _MONTHS.get(unit, 0)
    return Period(rule=written, kind=kind, months=months, days=0 if months else many)


def _refused(kind: str) -> str:
    if kind == Kind.CHANGE:
        return "records of changes are kept for ever, for they name what was purged"
    return f"no class `{kind}`; there are {', '.join(CLASSES)}"
