"""The table of metrics: what /metrics exports, by the names of reliability.md, section 2.

Every label takes values of a closed list, so that no client can make the series grow without end;
none holds a code of an order, an id or anything else of a patient.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kind of metric, as Prometheus names them."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its name, its labels, and what it tells, in words."""

    name: str
    kind: Kind
    labels: tuple[str, ...] = ()
    about: str


# Seconds; the guide's limits, 5 and 10, are among them (CRD found-2).
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


def _counter(name: str, labels: str, about: str) -> Metric:
    return Metric(name=name, kind=Kind.COUNTER, labels=tuple(labels.split()), about=about)


def _histogram(name: str, labels: str, about: str) -> Metric:
    return Metric(name=name, kind=Kind.HISTOGRAM, labels=tuple(labels.split()), about=about)


def _gauge(name: str, labels: str, about: str) -> Metric:
    return Metric(name=name, kind=Kind.GAUGE, labels=tuple(labels.split()), about=about)


COUNTED = (
    _counter(
        "crd_hook_requests_total",
        "hook client crd_version outcome",
        "calls of hooks; outcome is the HTTP status",
    ),
    _histogram(
        "crd_hook_duration_seconds",
        "hook phase",
        "time of a call by phase: auth, read, fetch (the EHR), match, respond, record, total",
    ),
    _counter(
        "crd_decisions_total",
        "hook covered pa_needed doc_needed",
        "determinations, by what was determined",
    ),
    _counter(
        "crd_decision_reasons_total",
        "hook reason",
        "determinations, by the reason given, such as technical or no-policy-found",
    ),
    _counter(
        "crd_sla_breach_total",
        "hook limit",
        "calls that took longer than 5 or 10 seconds, where that is due",
    ),
    _counter(
        "crd_fhir_fetch_total",
        "client resource result",
        "queries to EHRs: found, absent or failed; the causes are in the log",
    ),
    _counter(
        "crd_prefetch_keys_total",
        "client key state",
        "prefetch keys asked for, by how they came: ok, null, missing or error",
    ),
    _counter(
        "crd_jwt_rejected_total", "client cause", "calls refused for their token, by the cause"
    ),
    _counter("crd_feedback_total", "hook outcome", "feedback to cards: accepted or overridden"),
    _counter(
        "crd_policy_reload_total",
        "result",
        "sets of policies tried, by how it ended: changed, unchanged, waiting, refused, postponed, "
        "declined",
    ),
    _counter(
        "crd_policy_shadow_total",
        "verdict",
        "calls that a set to come answered silently: looser, stricter, reworded, same, "
        "not-compared, passed-over",
    ),
    _counter(
        "crd_processes_lost_total",
        "kind",
        "workers, and generations of all workers, that ended when nobody had told them to",
    ),
    _histogram("crd_audit_write_seconds", "", "time until the record of a call is durable"),
    _histogram(
        "http_server_request_duration_seconds",
        "http_request_method http_route http_response_status_code",
        "every HTTP request, by the path as it is declared",
    ),
)
READ_AT_SCRAPE = (
    _gauge("crd_audit_writable", "", "1 while records can be made durable, else 0"),
    _gauge("crd_audit_spool_depth", "", "bytes in the journal that wait for the database"),
    _gauge("crd_audit_spool_limit", "", "the most bytes that the journal takes"),
    _gauge("crd_audit_unsequenced", "", "records that no checkpoint covers yet"),
    _gauge("crd_audit_sequencer_lag_seconds", "", "age of the oldest record without a checkpoint"),
    _gauge("crd_audit_checkpoint_size", "", "records that the last checkpoint covers"),
    _gauge("crd_audit_unpublished", "", "checkpoints that have not left the database yet"),
    _gauge("crd_audit_chain_ok", "", "1 while the store agrees with its checkpoints, else 0"),
    _gauge("crd_fhir_circuit_state", "state", "EHRs by the state of their circuit breaker"),
    _gauge("crd_jwks_age_seconds", "client", "age of the keys held for a client"),
    _gauge("crd_policy_revision_info", "revision", "1 for the digest of the policies in force"),
    _gauge("crd_policy_active_timestamp_seconds", "", "since when they are, in Unix time"),
    _gauge("crd_policy_behind", "", "1 while newer policies are refused or wait, else 0"),
    _gauge("crd_clock_offset_seconds", "", "how far this host's clock is ahead of the database's"),
)
READ = (
    *READ_AT_SCRAPE,
    _gauge("crd_metrics_behind", "", "workers of this host whose part is missing or old here"),
)
METRICS = (*COUNTED, *READ)
