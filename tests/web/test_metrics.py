"""Metrics: the table is what is exported, and labels have an end."""

import re
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from web.seen_calls import made_facts, made_metrics, page_of, watched

from cds_service.audit.health import StoreHealth
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.caller import Caller
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.reply import Reply
from cds_service.crd.request.version import VERSIONS
from cds_service.errors import Unauthorized
from cds_service.web.call_facts import CallFacts, Query, read_facts
from cds_service.web.gauges import Sources
from cds_service.web.metric_series import CALL_ROUTE, PHASES
from cds_service.web.metric_table import METRICS, Kind
from cds_service.web.metrics import Metrics, create_metrics_page
from cds_service.web.observation import Observation

_WORDS = st.text(max_size=12)


def whole_call() -> CallFacts:
    """A call of which there is something to count in every metric of calls."""
    return made_facts(
        seconds=11.0,
        durations={"auth": 0.001, "record": 0.004},
        determined={("not-covered", "none", "none"): 2},
        reasons={"technical": 1},
        queries=(Query(resource="Coverage", result=Lookup.FAILED, cause="no response in time"),),
        prefetch={"patient": "ok", "coverage": "missing"},
    )


def value(page: str, name: str, **labels: str) -> float | None:
    """The value of one series of a page."""
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_what_is_exported_is_what_the_table_names() -> None:
    """Names, kinds and labels are those of the table, and every metric is there."""
    metrics = made_metrics(
        circuits=lambda: {"open": 1},
        key_ages=lambda: {"clinic": 60.0},
        revision=lambda: ("sha256:0", 0.0),
    )
    metrics.count_call(whole_call())
    metrics.count_call(made_facts(status=401, cause="expired"))
    metrics.count_feedback("order-sign", ["accepted"])
    metrics.count_reload("refused")
    metrics.count_shadow("looser")
    metrics.count_request("POST", "/cds-services/<service_id>", 200, 0.01)

    exported = {
        (family.name, family.type, label)
        for family in text_string_to_metric_families(page_of(metrics))
        for sample in family.samples
        for label in (*sample.labels, "")
        if label != "le" and not sample.name.endswith("_created")
    }

    assert exported >= {
        (metric.name.removesuffix("_total"), metric.kind.value, label)
        for metric in METRICS
        for label in (*metric.labels, "")
    }
    tabled = {metric.name.removesuffix("_total") for metric in METRICS}
    assert {name.removesuffix("_created") for name, _, _ in exported} == tabled


def test_a_call_is_counted_by_what_it_was() -> None:
    """One call, its determinations, its reason, its query, its keys, and both limits it broke."""
    metrics = made_metrics()
    metrics.count_call(whole_call())
    page = page_of(metrics)

    assert value(
        page,
        "crd_hook_requests_total",
        hook="order-sign",
        client="clinic",
        crd_version="2.2",
        outcome="200",
    )
    codes = {"covered": "not-covered", "pa_needed": "none", "doc_needed": "none"}
    assert value(page, "crd_decisions_total", hook="order-sign", **codes) == 2.0
    assert value(page, "crd_decision_reasons_total", hook="order-sign", reason="technical")
    assert value(
        page, "crd_fhir_fetch_total", client="clinic", resource="Coverage", result="failed"
    )
    assert value(page, "crd_prefetch_keys_total", client="clinic", key="coverage", state="missing")
    for limit in ("5", "10"):
        assert value(page, "crd_sla_breach_total", hook="order-sign", limit=limit)
    assert value(page, "crd_hook_duration_seconds_count", hook="order-sign", phase="record")
    assert value(page, "crd_audit_write_seconds_count")


def test_a_hook_that_has_ten_seconds_breaks_no_limit_after_six() -> None:
    """The limit of a hook is its own (CRD found-2)."""
    metrics = made_metrics()
    metrics.count_call(made_facts(hook="appointment-book", seconds=6.0))
    page = page_of(metrics)

    assert value(page, "crd_sla_breach_total", hook="appointment-book", limit="5") is None
    assert value(page, "crd_sla_breach_total", hook="appointment-book", limit="10") == 0.0


def test_what_may_be_the_first_of_its_kind_is_there_before() -> None:
    """At 0, so that Prometheus sees it rise: of a series that begins at 1, nothing rises."""
    page = page_of(made_metrics())
    by_hook = {"hook": "order-sign"}

    assert value(page, "crd_sla_breach_total", limit="5", **by_hook) == 0.0
    assert value(page, "crd_decision_reasons_total", reason="technical", **by_hook) == 0.0
    assert value(page, "crd_hook_duration_seconds_count", phase="total", **by_hook) == 0.0
    assert value(page, "crd_hook_duration_seconds_bucket", phase="total", le="5.0", **by_hook) == 0
    assert value(page, "crd_feedback_total", outcome="overridden", **by_hook) == 0.0
    assert value(page, "crd_policy_reload_total", result="refused") == 0.0
    assert value(page, "crd_policy_shadow_total", verdict="looser") == 0.0
    assert value(page, "crd_jwt_rejected_total", client="none", cause="expired") == 0.0
    assert value(page, "crd_processes_lost_total", kind="worker") == 0.0
    assert value(page, "crd_audit_write_seconds_count") == 0.0


def test_the_failures_of_calls_are_there_before_as_the_application_names_them() -> None:
    """The path is as it is declared there: a call goes into the very series that was at 0."""
    metrics = made_metrics()
    before = set(page_of(metrics).splitlines())
    app = watched(Observation(metrics=metrics), lambda _trail: Response(status=503))
    app.test_client().post("/cds-services/order-sign-crd")
    labels = {"http_request_method": "POST", "http_route": CALL_ROUTE}
    name, status = "http_server_request_duration_seconds_count", "http_response_status_code"

    assert value("\n".join(before), name, **labels, **{status: "503"}) == 0.0
    assert value(page_of(metrics), name, **labels, **{status: "503"}) == 1.0


def test_a_histogram_has_each_time_once() -> None:
    """In the bucket that ends with it, and in all that are wider."""
    metrics = made_metrics()
    for seconds in (5.0, 5.001, 11.0):
        metrics.count_request("GET", "/livez", 200, seconds)
    page = page_of(metrics)
    labels = {"http_request_method": "GET", "http_route": "/livez"}
    labels["http_response_status_code"] = "200"
    name = "http_server_request_duration_seconds"

    in_buckets = [value(page, f"{name}_bucket", le=le, **labels) for le in ("2.5", "5.0", "7.5")]
    assert in_buckets == [0.0, 1.0, 2.0]
    assert value(page, f"{name}_bucket", le="+Inf", **labels) == 3.0
    assert value(page, f"{name}_count", **labels) == 3.0
    assert value(page, f"{name}_sum", **labels) == 21.001


def count_calls(metrics: Metrics, many: int) -> None:
    """Count so many calls."""
    for _ in range(many):
        metrics.count_call(made_facts())


def test_threads_lose_no_count() -> None:
    """However many count at once."""
    metrics = made_metrics()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(count_calls, metrics, 500)
    labels = {"client": "clinic", "crd_version": "2.2", "outcome": "200"}

    counted = value(page_of(metrics), "crd_hook_requests_total", hook="order-sign", **labels)
    assert counted == 4000.0


def test_a_refused_token_is_counted_by_its_cause() -> None:
    """Operators see why; what no list names is `other`."""
    metrics = made_metrics()
    for cause in ("expired", "expired", "something new"):
        metrics.count_call(made_facts(client="none", status=401, cause=cause))
    page = page_of(metrics)

    assert value(page, "crd_jwt_rejected_total", client="none", cause="expired") == 2.0
    assert value(page, "crd_jwt_rejected_total", client="none", cause="other") == 1.0


def test_the_store_is_read_when_prometheus_asks() -> None:
    """Gauges are as the store is at that moment."""
    states = iter(
        [
            StoreHealth(last_checkpoint_size=7),
            StoreHealth(writable=False, journal_bytes=64, chain_ok=False),
        ]
    )
    metrics = Metrics(Sources(store=lambda: next(states)))

    first, second = page_of(metrics), page_of(metrics)

    assert (value(first, "crd_audit_writable"), value(second, "crd_audit_writable")) == (1.0, 0.0)
    assert value(second, "crd_audit_spool_depth") == 64.0
    assert value(second, "crd_audit_chain_ok") == 0.0
    assert value(first, "crd_audit_checkpoint_size") == 7.0


@st.composite
def hostile_facts(draw: st.DrawFn) -> CallFacts:
    """The facts of a call whose client chose every word that it could."""
    words = {name: draw(_WORDS) for name in ("hook", "version", "client", "query", "key", "cause")}
    request = HookRequest(
        hook=words["hook"],
        hook_instance="",
        context={},
        prefetch={words["key"]: draw(st.sampled_from([None, {}, words["key"]]))},
        extension={"davinci-crd.requestedVersion": words["version"]},
        body={},
    )
    trail = Trail(
        caller=Caller(name=words["client"]),
        hook=words["hook"],
        request=request,
        replies=[Reply(query=words["query"], failure=words["cause"])],
        refusal=draw(st.sampled_from([None, Unauthorized(words["cause"])])),
        durations={"read": 0.1, words["cause"]: 0.1},
    )
    return read_facts(trail, draw(st.integers(100, 999)), hook=words["hook"])


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile_facts(), min_size=1, max_size=12))
def test_no_words_of_clients_make_the_series_grow(calls: list[CallFacts]) -> None:
    """However many names come, a label has those we know, `none` and `other`."""
    metrics = made_metrics()
    for facts in calls:
        metrics.count_call(facts)
        metrics.count_feedback(facts.hook, [facts.client])
        metrics.count_reload(facts.hook)
        metrics.count_request(facts.client, "", facts.status, 0.1)
    seen: dict[str, set[str]] = {}
    for label, written in re.findall(r'(\w+)="([^"]*)', page_of(metrics)):
        seen.setdefault(label, set()).add(written)

    known = {"none", "other"}
    assert seen["hook"] <= {*HOOKS, *known}
    assert seen["client"] <= {"clinic", *known}
    assert seen["crd_version"] <= {*VERSIONS, *known}
    assert len(seen["outcome"]) <= 23
    assert seen.get("cause", set()) <= {"expired", "other"}
    assert len(seen["resource"] | seen.get("key", set())) <= 40
    assert seen["phase"] <= {*PHASES, "total", "other"}


def test_operators_get_the_page_in_the_form_they_ask_for() -> None:
    """Prometheus asks for OpenMetrics, a person gets plain text; neither is kept on the way."""
    app = Flask("measured", static_folder=None)
    app.register_blueprint(create_metrics_page(made_metrics()))
    client = app.test_client()

    plain = client.get("/metrics")
    open_metrics = client.get(
        "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert plain.mimetype == "text/plain"
    assert plain.headers["Cache-Control"] == "no-store"
    assert open_metrics.mimetype == "application/openmetrics-text"
    assert open_metrics.text.endswith("# EOF\n")


def test_two_services_in_a_process_count_apart() -> None:
    """Nothing is global: a second application begins at nothing."""
    first, second = made_metrics(), made_metrics()
    first.count_call(made_facts())

    assert "crd_hook_requests_total{" not in page_of(second)


def test_every_metric_is_explained() -> None:
    """The table says what each is, and histograms and counters are named as is usual."""
    for metric in METRICS:
        assert metric.about
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
