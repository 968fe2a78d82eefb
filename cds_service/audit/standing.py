"""The standing of the store: whether it takes records, and why not; a line in the log per change.

The words come from `database.causes` and from here, never from a record.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

_LOG = logging.getLogger("cds_service.audit")


class Database(StrEnum):
    """How the database stands."""

    THERE = "there"
    AWAY = "away"  # until it is tried again
    DAMAGED = "damaged"  # until an operator has acted and started the service again


@dataclass(slots=True)
class Standing:
    """What is known of database and journal; threads may share it."""

    clock: Callable[[], float] = time.monotonic
    database: Database = Database.THERE
    _cause: str = ""
    _journal_cause: str = ""
    _is_stuck: bool = False
    _since: float = 0.0
    _door: Lock = field(default_factory=Lock)

    @property
    def why(self) -> str:
        """Why nothing can be recorded, empty if something can."""
        if self._is_stuck:
            return "the disk or the database does not respond"
        if self.database is Database.DAMAGED:
            return self._cause
        if self.database is Database.AWAY and self._journal_cause:
            return f"the database is away ({self._cause}), and {self._journal_cause}"
        return ""

    def lost(self, cause: str) -> None:
        """The database is away."""
        with self._door:
            if self.database is Database.THERE:
                self.database, self._cause, self._since = Database.AWAY, cause, self.clock()
                self._journal_cause = ""
                _LOG.error(
                    "the database is away: %s; records go to the journal until it is back",
                    cause,
                    extra={"event": "database-away", "cause": cause},
                )

    def found(self) -> None:
        """The database is back."""
        with self._door:
            if self.database is Database.AWAY:
                self.database, seconds = Database.THERE, round(self.clock() - self._since, 3)
                _LOG.warning(
                    "the database is back after %.1f seconds",
                    seconds,
                    extra={"event": "database-back", "seconds": seconds},
                )

    def damaged(self, cause: str) -> None:
        """The database is damaged, for good: only an operator can tell what is right now."""
        with self._door:
            if self.database is not Database.DAMAGED:
                self.database, self._cause = Database.DAMAGED, cause
                _LOG.critical(
                    "nothing is recorded any more, and calls get 503: %s; mend or restore the "
                    "database, then start the service again",
                    cause,
                    extra={"event": "database-damaged", "cause": cause},
                )

    def journal_refuses(self, cause: str) -> None:
        """The journal takes nothing while the database is away."""
        with self._door:
            if not self._journal_cause:
                self._journal_cause = cause
                _LOG.critical(
                    "nothing is recorded, and calls get 503: the database is away (%s), and %s",
                    self._cause,
                    cause,
                    extra={"event": "journal-refuses", "cause": cause},
                )

    def journal_takes(self) -> None:
        """The journal has taken records."""
        if self._journal_cause:
            with self._door:
                self._journal_cause = ""
            _LOG.warning("the journal takes records again", extra={"event": "journal-takes"})

    def stuck(self) -> None:
        """A call has waited too long for its record."""
        with self._door:
            if not self._is_stuck:
                self._is_stuck = True
                _LOG.critical(
                    "nothing is recorded, and calls get 503: %s",
                    self.why,
                    extra={"event": "store-stuck", "cause": self.why},
                )

    def moves(self) -> None:
        """A batch was decided, one way or another."""
        if self._is_stuck:
            with self._door:
                self._is_stuck = False
            _LOG.warning("records are written again", extra={"event": "store-moves"})
