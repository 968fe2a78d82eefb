"""Metrics: what one application counts, and the page that Prometheus reads.

Where several processes answer, each shows the others what it counts and reads, through snapshots.
"""

import os
import time
from collections.abc import Collection, Container, Iterable
from http import HTTPStatus

from flask import Blueprint, Response, request
from prometheus_client.exposition import choose_encoder

from cds_service.crd.request.hooks import HOOKS
from cds_service.web.call_facts import NONE, OTHER, PREFETCH_KEYS, CallFacts
from cds_service.web.gauges import Gauges, Sources
from cds_service.web.metric_page import MetricPage
from cds_service.web.metric_series import (
    FEEDBACK,
    LIMITS,
    METHODS,
    PHASES,
    RELOADS,
    STATUSES,
    VERDICTS,
    WHOLE,
    limit_label,
    series_at_start,
)
from cds_service.web.shared_metrics import BEHIND, SharedMetrics
from cds_service.web.snapshots import Snapshot, Snapshots
from cds_service.web.tally import Tally, Values


class Metrics:
    """What one application counts.

    `clients` are the names of the clients file and `causes` those of refused tokens: what is not
    among them is counted as "other".
    """

    def __init__(
        self, sources: Sources, *, clients: Collection[str] = (), causes: Collection[str] = ()
    ) -> None:
        self._gauges = Gauges(sources)
        self._clients = frozenset({*clients, NONE})
        self._causes = frozenset(causes)
        self._tally = Tally(series_at_start(self._causes))
        self._shared: SharedMetrics | None = None

    def count_call(self, facts: CallFacts) -> None:
        """Count a call of a hook, answered or refused."""
        client, hook = self._client(facts.client), facts.hook
        status = _within(str(facts.status), STATUSES)
        self._count("crd_hook_requests_total", hook, client, facts.asked, status)
        if facts.status == HTTPStatus.UNAUTHORIZED:
            self._count("crd_jwt_rejected_total", client, _within(facts.cause, self._causes))
        for codes, many in facts.determined.items():
            self._count("crd_decisions_total", hook, *codes, many=many)
        for reason, many in facts.reasons.items():
            self._count("crd_decision_reasons_total", hook, reason, many=many)
        for query in facts.queries:
            self._count("crd_fhir_fetch_total", client, query.resource, query.result.value)
        for key, state in facts.prefetch.items():
            self._count("crd_prefetch_keys_total", client, _within(key, PREFETCH_KEYS), state)
        self._time_call(facts)

    def _time_call(self, facts: CallFacts) -> None:
        hook = facts.hook
        for phase, seconds in facts.durations.items():
            self._time("crd_hook_duration_seconds", seconds, hook, _within(phase, PHASES))
        self._time("crd_hook_duration_seconds", facts.seconds, hook, WHOLE)
        if "record" in facts.durations:
            self._time("crd_audit_write_seconds", facts.durations["record"])
        due = HOOKS[hook].seconds if hook in HOOKS else LIMITS[0]
        for limit in LIMITS:
            if facts.seconds > limit >= due:
                self._count("crd_sla_breach_total", hook, limit_label(limit))

    def count_feedback(self, hook: str, outcomes: Iterable[str]) -> None:
        """Count feedback to the cards of a hook (CDS Hooks, Feedback)."""
        for reaction in outcomes:
            self._count("crd_feedback_total", _within(hook, HOOKS), _within(reaction, FEEDBACK))

    def count_reload(self, ending: str) -> None:
        """Count a set of policies that was tried."""
        self._count("crd_policy_reload_total", _within(ending, RELOADS))

    def count_shadow(self, verdict: str) -> None:
        """Count a call that a set to come answered silently."""
        self._count("crd_policy_shadow_total", _within(verdict, VERDICTS))

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count any HTTP request; `route` is the path as it is declared, empty if it leads nowhere.

        The name and labels are OpenTelemetry's `http.server.request.duration`.
        """
        labels = (_within(method, METHODS), route or NONE, _within(str(status), STATUSES))
        self._time("http_server_request_duration_seconds", seconds, *labels)

    def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus reads, and its media type, for this header Accept."""
        encode, media_type = choose_encoder(accept)
        if self._shared:
            return encode(MetricPage(*self._shared.everything())), media_type
        gauges: Values = {**self._gauges.read(), BEHIND: {(): 0.0}}
        return encode(MetricPage(self._tally.counts(), gauges)), media_type

    def join(self, snapshots: Snapshots) -> None:
        """Count together with the siblings that have theirs there; before anything is counted."""
        self._tally.add(snapshots.before())
        self._shared = SharedMetrics(self._look, snapshots)

    def start(self) -> None:
        """Show what is counted and read to the siblings too, if there are any."""
        if self._shared:
            self._shared.start()

    def close(self) -> None:
        """Show them no more."""
        if self._shared:
            self._shared.close()

    def _look(self) -> Snapshot:
        return Snapshot(
            process=os.getpid(),
            written=time.monotonic(),
            counts=self._tally.counts(),
            gauges=self._gauges.read(),
        )

    def _client(self, name: str) -> str:
        return _within(name, self._clients)

    def _count(self, name: str, *labels: str, many: int = 1) -> None:
        self._tally.count(name, labels, many)

    def _time(self, name: str, seconds: float, *labels: str) -> None:
        self._tally.time(name, labels, seconds)


def _within(value: str, known: Container[str]) -> str:
    return value if value in known else OTHER


def create_metrics_page(metrics: Metrics) -> Blueprint:
    """GET /metrics, for operators."""
    page = Blueprint("metrics", __name__)

    @page.get("/metrics")
    def show() -> Response:
        body, media_type = metrics.page(request.headers.get("Accept", ""))
        return Response(body, content_type=media_type, headers={"Cache-Control": "no-store"})

    return page
