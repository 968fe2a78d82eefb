"""Metrics: the counters of one application, and the page that Prometheus reads.

They live in a registry of their own. With PROMETHEUS_MULTIPROC_DIR, which must be set before the
process starts, several processes share what they count, and their gauges, through files there.
"""

import os
from collections.abc import Collection, Container, Iterable
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.exposition import choose_encoder

from cds_service.crd.request.hooks import HOOKS
from cds_service.web.call_facts import NONE, OTHER, PREFETCH_KEYS, CallFacts
from cds_service.web.gauges import Gauges, Sources
from cds_service.web.metric_table import BUCKETS, COUNTED, Kind
from cds_service.web.processes.counted import SHARED
from cds_service.web.shared_gauges import AllProcesses, SharedGauges

LIMITS = (5.0, 10.0)  # seconds (CRD found-2)
PHASES = frozenset({"auth", "read", "fetch", "match", "respond", "record"})
_FEEDBACK = frozenset({"accepted", "overridden"})
_RELOADS = frozenset("changed unchanged waiting refused postponed declined".split())
_VERDICTS = frozenset("looser stricter reworded same not-compared passed-over".split())
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})
_STATUSES = frozenset(
    "200 204 301 302 303 304 400 401 403 404 405 406 408 411 412 413 415 422 429 500 503".split()
)


class Metrics:
    """What one application counts.

    `clients` are the names of the clients file and `causes` those of refused tokens: what is not
    among them is counted as "other".
    """

    def __init__(
        self, sources: Sources, *, clients: Collection[str] = (), causes: Collection[str] = ()
    ) -> None:
        self._registry = CollectorRegistry()
        self._gauges = Gauges(sources)
        self._registry.register(self._gauges)
        self._shared = SharedGauges(self._gauges) if SHARED in os.environ else None
        self._clients = frozenset({*clients, NONE})
        self._causes = frozenset(causes)
        # Series by metric and labels: the library takes ten times as long to find them.
        self._counted: dict[tuple[str, ...], Counter] = {}
        self._timed: dict[tuple[str, ...], Histogram] = {}
        self._counters = {
            metric.name: Counter(metric.name, metric.about, metric.labels, registry=self._registry)
            for metric in COUNTED
            if metric.kind is Kind.COUNTER
        }
        self._histograms = {
            metric.name: Histogram(
                metric.name, metric.about, metric.labels, registry=self._registry, buckets=BUCKETS
            )
            for metric in COUNTED
            if metric.kind is Kind.HISTOGRAM
        }

    def count_call(self, facts: CallFacts) -> None:
        """Count a call of a hook, answered or refused."""
        client, hook = self._client(facts.client), facts.hook
        status = _within(str(facts.status), _STATUSES)
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
        self._time("crd_hook_duration_seconds", facts.seconds, hook, "total")
        if "record" in facts.durations:
            self._time("crd_audit_write_seconds", facts.durations["record"])
        due = HOOKS[hook].seconds if hook in HOOKS else LIMITS[0]
        for limit in LIMITS:
            if facts.seconds > limit >= due:
                self._count("crd_sla_breach_total", hook, f"{limit:g}")

    def count_feedback(self, hook: str, outcomes: Iterable[str]) -> None:
        """Count feedback to the cards of a hook (CDS Hooks, Feedback)."""
        for reaction in outcomes:
            self._count("crd_feedback_total", _within(hook, HOOKS), _within(reaction, _FEEDBACK))

    def count_reload(self, ending: str) -> None:
        """Count a set of policies that was tried."""
        self._count("crd_policy_reload_total", _within(ending, _RELOADS))

    def count_shadow(self, verdict: str) -> None:
        """Count a call that a set to come answered silently."""
        self._count("crd_policy_shadow_total", _within(verdict, _VERDICTS))

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count any HTTP request; `route` is the path as it is declared, empty if it leads nowhere.

        The name and labels are OpenTelemetry's `http.server.request.duration`.
        """
        labels = (_within(method, _METHODS), route or NONE, _within(str(status), _STATUSES))
        self._time("http_server_request_duration_seconds", seconds, *labels)

    def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus reads, and its media type, for this header Accept."""
        encode, media_type = choose_encoder(accept)
        return encode(self._everything()), media_type

    def start(self) -> None:
        """Show the gauges of this process to its siblings too, if it has any."""
        if self._shared:
            self._shared.start()

    def close(self) -> None:
        """Show them no more."""
        if self._shared:
            self._shared.close()

    def _everything(self) -> CollectorRegistry:
        """What this process has counted, or all have that share a directory."""
        if self._shared is None:
            return self._registry
        self._shared.write()
        registry = CollectorRegistry()
        registry.register(AllProcesses())
        return registry

    def _client(self, name: str) -> str:
        return _within(name, self._clients)

    def _count(self, name: str, *labels: str, many: int = 1) -> None:
        series = self._counted.get((name, *labels))
        if series is None:
            series = self._counted[(name, *labels)] = self._counters[name].labels(*labels)
        series.inc(many)

    def _time(self, name: str, seconds: float, *labels: str) -> None:
        series = self._timed.get((name, *labels))
        if series is None:
            histogram = self._histograms[name]
            series = histogram.labels(*labels) if labels else histogram
            self._timed[(name, *labels)] = series
        series.observe(seconds)


def count_as(name: str) -> None:
    """Have this process count in files of this name, where several count together.

    By itself it would be its process id, and each process that ever was would leave a file. To be
    called before anything is counted here.
    """
    if SHARED in os.environ:
        _name_files(values, name)


# Any: to mypy a module is none that has this.
def _name_files(kinds: Any, name: str) -> None:
    kinds.ValueClass = kinds.MultiProcessValue(lambda: name)


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
