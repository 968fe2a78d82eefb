"""Spans: one a call and one a phase, of facts alone; a collector costs no call anything (G5)."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from fake_ehr import Behaviour, Call, FakeEhr
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from web.log_lines import written_logs
from web.seen_calls import PARENT, TRACE, made_facts

from cds_service.crd.request.lookups import Lookup
from cds_service.web.call_facts import CallFacts, Query
from cds_service.web.otlp_spans import OtlpSpans
from cds_service.web.spans import NoSpans, Spans, open_spans
from cds_service.web.trace_context import TraceContext, read_trace_context

CALLS = 300
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class KeptSpans(SpanExporter):
    """Remembers the spans it is to send."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans.extend(spans)
        return SpanExportResult.SUCCESS


def spans_of(facts: CallFacts, context: TraceContext) -> dict[str, ReadableSpan]:
    """The spans of a call, by name."""
    exporter = KeptSpans()
    spans = OtlpSpans(service="crd", exporter=exporter)
    spans.add(facts, context)
    spans.close()
    return {span.name: span for span in exporter.spans}


def whole_call() -> CallFacts:
    """A call with two phases and two queries."""
    queries = (
        Query(resource="Coverage", result=Lookup.FAILED, cause="no response in time"),
        Query(resource="Patient", result=Lookup.FOUND),
    )
    return made_facts(
        seconds=0.5,
        durations={"read": 0.1, "match": 0.2},
        determined={("not-covered", "none", "none"): 2},
        queries=queries,
    )


def test_a_call_is_a_span_with_one_below_it_for_each_phase() -> None:
    """The call's has the ids of our headers, the phases follow each other."""
    context = read_trace_context(f"00-{TRACE}-{PARENT}-01")
    spans = spans_of(whole_call(), context)
    call, read, match = spans["hook order-sign"], spans["read"], spans["match"]
    assert call.context
    assert call.parent

    assert f"{call.context.trace_id:032x}" == TRACE
    assert f"{call.context.span_id:016x}" == context.span_id
    assert f"{call.parent.span_id:016x}" == PARENT
    assert read.parent == match.parent == call.context
    assert call.start_time == read.start_time
    assert read.end_time == match.start_time


def test_a_call_without_a_trace_is_the_root_of_ours() -> None:
    """The header of the response and the span name the same trace."""
    context = read_trace_context("")
    call = spans_of(whole_call(), context)["hook order-sign"]
    assert call.context

    assert call.parent is None
    assert f"{call.context.trace_id:032x}" == context.trace_id
    assert f"{call.context.span_id:016x}" == context.span_id


def test_a_span_has_counts_and_words_of_closed_lists() -> None:
    """Nothing of an order, and nothing of a patient."""
    call = spans_of(whole_call(), read_trace_context(""))["hook order-sign"]

    assert dict(call.attributes or {}) == {
        "crd.hook": "order-sign",
        "crd.client": "clinic",
        "crd.version": "2.2",
        "http.response.status_code": 200,
        "crd.determinations": 2,
        "crd.queries": 2,
        "crd.queries.found": 1,
        "crd.queries.failed": 1,
    }


def test_a_client_that_wants_no_trace_gets_none() -> None:
    """The flag of its header decides."""
    assert spans_of(whole_call(), read_trace_context(f"00-{TRACE}-{PARENT}-00")) == {}


@pytest.mark.parametrize(
    "environ", [{}, {ENDPOINT: ""}, {ENDPOINT: "http://x.invalid", "OTEL_SDK_DISABLED": "true"}]
)
def test_nothing_is_sent_unless_told_where(environ: dict[str, str]) -> None:
    """Without an endpoint, or switched off, there are no spans."""
    assert isinstance(open_spans(environ), NoSpans)


def slow(call: Call) -> None:
    """A collector that never answers."""
    call.wait_for_the_end()


def well(call: Call) -> None:
    """A collector that takes what comes, one request a connection."""
    call.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    call.hang_up()


@contextmanager
def spans_to(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Where spans go if OpenTelemetry's variables name this endpoint."""
    environ = {
        ENDPOINT: endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "10",
        "OTEL_BSP_MAX_QUEUE_SIZE": "64",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    spans = open_spans(environ)
    assert isinstance(spans, OtlpSpans)
    with written_logs():
        yield spans
        begin = time.monotonic()
        spans.close()
        assert time.monotonic() - begin < 15


def seconds_of_calls(spans: Spans) -> float:
    """What adding the spans of many calls takes."""
    begin = time.monotonic()
    for _ in range(CALLS):
        spans.add(whole_call(), read_trace_context(""))
    return time.monotonic() - begin


def test_a_collector_gets_the_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """They arrive as OTLP over HTTP, on the path of the standard."""
    with FakeEhr(well) as collector, spans_to(collector.base, monkeypatch) as spans:
        spans.add(whole_call(), read_trace_context(""))
        spans.close()

    assert [call.path for call in collector.calls[:1]] == ["/fhir/v1/traces"]
    assert collector.calls[0].headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize("behaviour", [slow, well, None], ids=["slow", "up", "down"])
def test_no_collector_costs_a_call_more_than_a_moment(
    behaviour: Behaviour | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of calls are through long before a collector's first time-out, and a stop too."""
    with FakeEhr(behaviour or well) as collector:
        base = collector.base if behaviour else "http://127.0.0.1:9"
        with spans_to(base, monkeypatch) as spans:
            taken = seconds_of_calls(spans)

    assert taken < 5
    assert threading.active_count() < 50
