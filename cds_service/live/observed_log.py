"""A log whose records others see too, once they are kept."""

from collections.abc import Callable, Sequence

from cds_service.audit.health import StoreHealth
from cds_service.audit.log import AuditLog
from cds_service.audit.record import AuditRecord


def _nobody(_record: AuditRecord) -> None:
    """Nobody looks."""


class ObservedLog:
    """An AuditLog before another, whose records `watch` has somebody see."""

    def __init__(self, kept: AuditLog) -> None:
        self._kept = kept
        self._observe: Callable[[AuditRecord], None] = _nobody

    def watch(self, observe: Callable[[AuditRecord], None]) -> None:
        """Show `observe` each record once it is kept.

        It may not raise, nor take long: the call waits for it.
        """
        self._observe = observe

    def write(self, record: AuditRecord) -> None:
        """See AuditLog."""
        self._kept.write(record)
        self._observe(record)

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        """See AuditLog."""
        self._kept.write_feedback(feedback)

    def health(self) -> StoreHealth:
        """See AuditLog."""
        return self._kept.health()

    def close(self) -> None:
        """See AuditLog."""
        self._kept.close()
