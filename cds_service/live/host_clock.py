"""The clock of this host, held against the database's: where they differ, no day is certain.

All that hosts compare among themselves goes by the database's clock. But a call is dated by its
host's: the day whose policies answer an order without a date, whether a token has begun or expired,
the time of the record. So a host whose clock differs from the database's by more than a minute (as
much as clients' clocks may, by default) answers nothing: calls get 503 at once, whatever their
token is worth, `/readyz` is false at the check `clock`, so that a proxy takes the host out, and it
comes back by itself once the clocks agree. Which of the two is wrong cannot be known here. If it
is the database's, every host is out until somebody sets it: a wrong day is worse than an outage.

Between two looks at the database, once a second, its clock is reckoned by this host's monotonic
one, which nobody sets: a host clock that jumps is noticed by the very next call, also while the
database is away. A SQLite file has no other clock than this machine's: there is nothing to hold it
against.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.database.causes import find_cause
from cds_service.database.engine import sqlite_path
from cds_service.database.store_time import ask_time
from cds_service.errors import ClockWrong, NotThereYet
from cds_service.live.store_clock import StoreClock

_LOG = logging.getLogger("cds_service.live")
MOST_OFF = 60.0  # seconds between the two clocks


def _host_time() -> datetime:
    return datetime.now(UTC)


class HostClock:
    """How far the clock of this host is from the store's; None for a store without a clock."""

    def __init__(self, store: StoreClock | None, host: Callable[[], datetime] = _host_time) -> None:
        self._store, self._host = store, host
        self._is_off, self._lock = False, Lock()

    def offset(self) -> float:
        """The seconds that this host is ahead of the store; less than 0: behind."""
        return self._offset_of(self._host())

    def why(self) -> str:
        """Why calls cannot be dated here, empty if they can; a line in the log per change."""
        return self._why(self.offset())

    def _offset_of(self, at: datetime) -> float:
        return (at - self._store()).total_seconds() if self._store else 0.0

    def _why(self, offset: float) -> str:
        is_off = abs(offset) > MOST_OFF
        if is_off != self._is_off:
            self._note(is_off=is_off, offset=offset)
        if not is_off:
            return ""
        way = "ahead of" if offset > 0 else "behind"
        return f"this host's clock is {abs(offset):.0f} seconds {way} the database's"

    def time_of_call(self) -> datetime:
        """What a call that comes now is dated: this host's time.

        Raises:
            ClockWrong: the two clocks differ, by this very reading.
        """
        at = self._host()
        if self._why(self._offset_of(at)):
            raise ClockWrong("this host does not know what time it is; another may")
        return at

    def _note(self, *, is_off: bool, offset: float) -> None:
        with self._lock:
            if is_off == self._is_off:
                return
            self._is_off = is_off
        extra = {"event": "clock-off" if is_off else "clock-right", "seconds": round(offset, 3)}
        if is_off:
            _LOG.critical(
                "calls get 503: the clocks of this host and of the database differ by %.0f "
                "seconds; set the wrong one",
                abs(offset),
                extra=extra,
            )
        else:
            _LOG.warning("the clocks of host and database agree again", extra=extra)


def clock_of(engine: Engine, store: StoreClock) -> HostClock:
    """This host's clock, held against that of the store in this database."""
    return HostClock(None if sqlite_path(engine) else store)


def read_store_clock(engine: Engine) -> StoreClock:
    """The store's clock, set.

    Raises:
        NotThereYet: the store is away.
    """
    clock, asked = StoreClock(), time.monotonic()
    try:
        clock.set(ask_time(engine), asked)
    except SQLAlchemyError as error:
        raise NotThereYet(f"the store is away: {find_cause(error).words}") from error
    return clock
