"""Instants as people type them and read them: with a zone, always."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

_HOUR = 3600


class Instant(click.ParamType[datetime]):
    """A time with its zone, such as 2026-12-01T06:00:00Z."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """The time that a text names."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"`{value}` is no time such as 2026-12-01T06:00:00Z", param, ctx)
        if instant.tzinfo is None:
            self.fail(f"`{value}` names no zone: end it with Z, or with one such as -06:00")
        return instant.astimezone(UTC)


def shown(instant: datetime) -> str:
    """A time in UTC, to the second."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def shown_span(span: timedelta) -> str:
    """How long something is, roughly."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < _HOUR:
        return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"  # noqa: PLR2004
    return f"{seconds // _HOUR} h" if seconds < 48 * _HOUR else f"{seconds // (24 * _HOUR)} days"
