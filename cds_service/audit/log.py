"""The log of records. `AuditLog` is the seam; a backend is a class and a row in `BACKENDS`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cds_service.audit.record import AuditRecord
from cds_service.audit.sqlite_log import SqliteLog, open_sqlite
from cds_service.cds_hooks.feedback import Feedback
from cds_service.errors import NotRecorded, SettingError

__all__ = ["BACKENDS", "AuditLog", "NoLog", "SqliteLog", "open_log", "open_sqlite"]


class AuditLog(Protocol):
    """Where records are kept. What `write` has returned from survives a crash."""

    def write(self, record: AuditRecord) -> None:
        """Keep the record of one call.

        Raises:
            NotRecorded: it could not be made durable.
        """

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        """Keep feedback; the same one again changes nothing.

        Raises:
            NotRecorded: some of it could not be made durable; it may be sent again whole.
        """

    def close(self) -> None:
        """Finish the writes that wait and let go of the store; whatever comes later is refused."""


class NoLog:
    """For determinations that never leave, such as explanations: refuses to keep anything."""

    def write(self, record: AuditRecord) -> None:
        raise NotRecorded(f"no log to keep record {record.id} in")

    def write_feedback(self, feedback: Sequence[Feedback]) -> None:
        raise NotRecorded(f"no log to keep {len(feedback)} feedback in")

    def close(self) -> None:
        """Nothing to let go of."""


BACKENDS: Mapping[str, Callable[[str], AuditLog]] = {"sqlite": open_sqlite}


def open_log(url: str) -> AuditLog:
    """The log a database URL such as `sqlite:////var/lib/crd/crd.sqlite3` names.

    Raises:
        SettingError: no such backend, or it cannot be opened.
    """
    scheme, separator, path = url.partition(":///")
    if not separator or scheme not in BACKENDS or path in ("", ":memory:"):
        raise SettingError(
            "database_url", f"must look like sqlite:///FILE; known kinds: {', '.join(BACKENDS)}"
        )
    return BACKENDS[scheme](path)
