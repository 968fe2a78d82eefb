"""Series: the values that labels take, and the series that are there, at 0, before anything is.

Prometheus tells a rise from two values: of a series that begins at 1, the first event is no rise.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import product

from cds_service.crd.codes import Covered
from cds_service.crd.request.hooks import HOOKS
from cds_service.web.call_facts import NONE, REASONS
from cds_service.web.processes.counted import GENERATION, WORKER
from cds_service.web.tally import Labels

LIMITS = (5.0, 10.0)  # seconds (CRD found-2)
PHASES = frozenset({"auth", "read", "fetch", "match", "respond", "record"})
WHOLE = "total"  # the phase that is all of them
FEEDBACK = frozenset({"accepted", "overridden"})
RELOADS = frozenset("changed unchanged waiting refused postponed declined".split())
VERDICTS = frozenset("looser stricter reworded same not-compared passed-over".split())
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
STATUSES = frozenset(
    "200 204 301 302 303 304 400 401 403 404 405 406 408 411 412 413 415 422 429 500 503".split()
)
CALL_ROUTE = "/cds-services/<service_id>"


def series_at_start(causes: Collection[str]) -> Mapping[str, Iterable[Labels]]:
    """The series that are there from the start, by metric; `causes` are those of refused tokens.

    Those by client, and other determinations, come with their first event: there may be tens of
    thousands, most of which never have one, and no alert asks for a first event there.
    """
    return {
        "crd_hook_duration_seconds": product(HOOKS, (*PHASES, WHOLE)),
        "crd_decisions_total": product(HOOKS, (Covered.INDETERMINATE.value,), (NONE,), (NONE,)),
        "crd_decision_reasons_total": product(HOOKS, REASONS),
        "crd_sla_breach_total": [
            (hook.name, limit_label(limit))
            for hook, limit in product(HOOKS.values(), LIMITS)
            if limit >= hook.seconds
        ],
        "crd_jwt_rejected_total": product((NONE,), causes),
        "crd_feedback_total": product(HOOKS, FEEDBACK),
        "crd_policy_reload_total": product(RELOADS),
        "crd_policy_shadow_total": product(VERDICTS),
        "crd_audit_write_seconds": [()],
        "crd_processes_lost_total": product((WORKER, GENERATION)),
        "http_server_request_duration_seconds": product(
            ("POST",), (CALL_ROUTE,), ("200", "500", "503")
        ),
    }


def limit_label(seconds: float) -> str:
    """A limit as it is written in labels, such as `5`."""
    return f"{seconds:g}"
