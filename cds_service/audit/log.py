"""The log of records. `AuditLog` is the seam; the store behind it is a database with a journal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cds_service.audit.health import StoreHealth
from cds_service.audit.record import AuditRecord
from cds_service.audit.store import DatabaseLog, open_database_log, reopen_database_log
from cds_service.errors import NotRecorded

__all__ = ["AuditLog", "DatabaseLog", "NoLog", "StoreHealth", "open_log", "reopen_log"]

_JOURNAL_MAX = 256 << 20


class AuditLog(Protocol):
    """Where records are kept. What `write` has returned from survives a crash."""

    def write(self, record: AuditRecord) -> None:
        """Keep the record of one call.

        Raises:
            NotRecorded: it could not be made durable; within 5 seconds.
            Replayed: the token it came with was used for the same call before.
        """

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        """Keep the records of the feedback of one call, all or none; the same again is no other.

        Raises:
            NotRecorded: they could not be made durable; they may be sent again.
            Replayed: the token they came with was used for the same call before.
        """

    def health(self) -> StoreHealth:
        """How the store is, without a wait."""

    def close(self) -> None:
        """Finish the writes that wait and let go of the store; whatever comes later is refused."""


class NoLog:
    """For determinations that never leave, such as explanations: refuses to keep anything."""

    def write(self, record: AuditRecord) -> None:
        raise NotRecorded(f"no log to keep record {record.id} in")

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        raise NotRecorded(f"no log to keep {len(feedback)} feedback in")

    def health(self) -> StoreHealth:
        return StoreHealth(writable=False, why="there is no log")

    def close(self) -> None:
        """Nothing to let go of."""


def open_log(
    url: str, *, journal: Path | None = None, journal_max: int = _JOURNAL_MAX
) -> DatabaseLog:
    """The log in the database of a URL such as `sqlite:////var/lib/crd/crd.sqlite3`.

    `journal` is the directory that takes records while the database is away, and `journal_max` the
    most bytes there; without a directory there is no journal.

    Raises:
        SettingError: it cannot be opened; the message says what to do about it.
    """
    if journal is None:
        return open_database_log(url, Path(), 0)
    return open_database_log(url, journal, journal_max)


def reopen_log(url: str, *, journal: Path, journal_max: int) -> DatabaseLog:
    """The same log in one more process of a service whose first process has opened it so.

    Raises:
        SettingError: its file is gone, or the journal cannot be used.
    """
    return reopen_database_log(url, journal, journal_max)
