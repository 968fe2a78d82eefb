"""Date indexes: days, moments and periods compared as spans of time (FHIR R4, search, date).

`ge` and `le` take every span that reaches into the one asked for: a policy that ends on a day is in
force on it, so `effective=le2024-11-20&effective=ge2024-11-20` finds it on its last day, too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from typing import NamedTuple

from cds_service.errors import InvalidSearch
from cds_service.fhir.dates import parse_days
from cds_service.fhir.resource import Json
from cds_service.rest.search.positions import positions_of

_DAY = 86_400_000_000  # microseconds
_MINUTE = 60_000_000
_ALWAYS = 1 << 62  # later than any moment of a calendar
_TIME = re.compile(
    r"T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d{2}):(\d{2}))?", re.ASCII
)
_PREFIXED = re.compile(r"([a-z]{2})?(\d.*)", re.DOTALL)


class Span(NamedTuple):
    """Microseconds since the calendar began, the first included and the last not."""

    start: int
    end: int


def parse_span(value: str) -> Span | None:
    """The moments a FHIR date or dateTime may mean, in UTC where it names no zone; or None."""
    day_part, _, time_part = value.partition("T")
    days = parse_days(day_part)
    if days is None:
        return None
    if time_part or value.endswith("T"):
        return _time_span(days.first, f"T{time_part}")
    return Span(_midnight(days.first), _midnight(days.last) + _DAY)


def _midnight(day: date) -> int:
    return day.toordinal() * _DAY


def _time_span(day: date, written: str) -> Span | None:
    parts = _TIME.fullmatch(written)
    if parts is None:
        return None
    hour, minute, second, fraction, sign, zone_hours, zone_minutes = parts.groups()
    try:
        moment = time(int(hour), int(minute), int(second or 0))
    except ValueError:
        return None
    since = timedelta(hours=moment.hour, minutes=moment.minute, seconds=moment.second)
    start = _midnight(day) + since // timedelta(microseconds=1)
    start += int((fraction or "0")[:6].ljust(6, "0"))
    offset = (int(zone_hours or 0) * 60 + int(zone_minutes or 0)) * _MINUTE
    start += offset if sign == "-" else -offset
    return Span(start, start + _precision(second, fraction))


def _precision(second: str | None, fraction: str | None) -> int:
    """How long the moment is that was written, in microseconds."""
    if second is None:
        return _MINUTE
    return int(10 ** max(0, 6 - len(fraction or "")))


def read_span(value: Json) -> Span | None:
    """The span of a date, dateTime or Period; an open side of a Period reaches without end."""
    if isinstance(value, str):
        return parse_span(value)
    if not isinstance(value, dict):
        return None
    start = parse_span(str(value["start"])) if "start" in value else None
    end = parse_span(str(value["end"])) if "end" in value else None
    if start is None and end is None:
        return None
    return Span(start.start if start else -_ALWAYS, end.end if end else _ALWAYS)


# A prefix, and whether a span that is held meets the span that is asked for.
_COMPARISONS: Mapping[str, Callable[[Span, Span], bool]] = {
    "eq": lambda held, asked: asked.start <= held.start and held.end <= asked.end,
    "ne": lambda held, asked: not (asked.start <= held.start and held.end <= asked.end),
    "gt": lambda held, asked: held.end > asked.end,
    "lt": lambda held, asked: held.start < asked.start,
    "ge": lambda held, asked: held.end > asked.start,
    "le": lambda held, asked: held.start < asked.end,
    "sa": lambda held, asked: held.start >= asked.end,
    "eb": lambda held, asked: held.end <= asked.start,
}
PREFIXES = tuple(_COMPARISONS)


class DateIndex:
    """The positions of resources by their spans of time, each span once."""

    def __init__(self, rows: Iterable[Iterable[Span]]) -> None:
        self._found = positions_of(rows)

    def match(self, value: str) -> Iterable[int]:
        """The positions whose span compares to the value as its prefix asks, `eq` without one.

        Raises:
            InvalidSearch: no date, or an unknown prefix.
        """
        parts = _PREFIXED.fullmatch(value)
        asked = parse_span(parts.group(2)) if parts else None
        compare = _COMPARISONS.get((parts.group(1) if parts else None) or "eq")
        if asked is None or compare is None:
            raise InvalidSearch(
                "not a date that can be searched for: write 2024-10-08, 2024-10 or 2024, or a "
                f"moment with its zone, after one of {', '.join(PREFIXES)} or nothing"
            )
        meeting = [span for span in self._found if compare(span, asked)]
        return [position for span in meeting for position in self._found[span]]
