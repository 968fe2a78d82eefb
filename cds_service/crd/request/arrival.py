"""The arrival of a call: when it came, and until when it does what (CRD found-2)."""

from dataclasses import dataclass
from datetime import datetime

from cds_service.crd.request.hooks import Hook

AFTER_QUERIES = 1.0  # seconds that remain when the last query has ended
AFTER_DECISIONS = 0.5  # of these, for what is under way then: one order, the record, the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When a call came, when its queries end, and from when it decides on no further order.

    The latter two are in seconds of the monotonic clock.
    """

    at: datetime
    queries_end: float
    decisions_end: float


def arrive(hook: Hook, at: datetime, start: float, query_seconds: float) -> Arrival:
    """The arrival of a call of a hook: at `at`, which is `start` on the monotonic clock.

    Its queries may take `query_seconds`, but they end a second before the response is due.
    """
    due = start + hook.seconds
    return Arrival(
        at=at,
        queries_end=min(start + query_seconds, due - AFTER_QUERIES),
        decisions_end=due - AFTER_DECISIONS,
    )
