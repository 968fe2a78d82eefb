"""The clock that calls are dated by."""

from datetime import UTC, date, datetime


def utc_today() -> date:
    """The day that it is now in UTC, by which calls are dated too."""
    return utc_now().date()


def utc_now() -> datetime:
    """The time that it is now, in UTC."""
    return datetime.now(UTC)
