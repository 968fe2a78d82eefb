"""Spans over OTLP: made of a call's facts once it has ended, sent from a thread of the library.

The library's queue has an end: a collector that is slow or away costs no call a moment, it costs
the oldest spans (reliability: G5).
"""

import threading
import time
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from cds_service.web.call_facts import CallFacts
from cds_service.web.trace_context import TraceContext

_SERVER_ERRORS = 500
_MOMENT = 2.0  # seconds that a stop waits for the last spans
_NANOSECONDS = 1e9


class _CallIds(RandomIdGenerator):
    """The ids that our headers gave the call, for the first span of a thread; then random ones."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def use(self, context: TraceContext) -> None:
        """Have the next span be that of this call."""
        self._of_thread.trace, self._of_thread.span = context.trace_id, context.span_id

    def generate_trace_id(self) -> int:
        return int(self._of_thread.trace, 16)

    def generate_span_id(self) -> int:
        given, self._of_thread.span = self._of_thread.span, ""
        return int(given, 16) if given else super().generate_span_id()


class OtlpSpans:
    """Sends spans of this `service` where OpenTelemetry's variables say, or to an `exporter`."""

    def __init__(self, *, service: str, exporter: SpanExporter | None = None) -> None:
        self._ids = _CallIds()
        self._exporter = exporter or OTLPSpanExporter()
        self._provider = TracerProvider(
            id_generator=self._ids,
            resource=Resource.create({"service.name": service}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("cds_service")

    def add(self, facts: CallFacts, context: TraceContext) -> None:
        """Add the span of a call that ends now, and below it one for each phase, in their order.

        A phase that was entered more than once is one span.
        """
        end = time.time_ns()
        start = end - int(facts.seconds * _NANOSECONDS)
        self._ids.use(context)
        call = self._tracer.start_span(
            f"hook {facts.hook}",
            context=_parent(context),
            kind=SpanKind.SERVER,
            attributes=_attributes(facts),
            start_time=start,
        )
        inside = set_span_in_context(call)
        for phase, seconds in facts.durations.items():
            span = self._tracer.start_span(phase, context=inside, start_time=start)
            start += int(seconds * _NANOSECONDS)
            span.end(start)
        if facts.status >= _SERVER_ERRORS:
            call.set_status(Status(StatusCode.ERROR, facts.cause))
        call.end(end)

    def close(self) -> None:
        """Send what waits; after a moment, whatever waits is dropped."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(_MOMENT)
        if sending.is_alive():
            self._exporter.shutdown()  # it stops trying again


def _parent(context: TraceContext) -> Context:
    """What made the call, as the client names it, and whether it wants a trace."""
    if not context.parent_id:
        return Context()
    parent = SpanContext(
        int(context.trace_id, 16),
        int(context.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if context.is_sampled else TraceFlags.DEFAULT),
    )
    return set_span_in_context(NonRecordingSpan(parent))


def _attributes(facts: CallFacts) -> Mapping[str, AttributeValue]:
    """Counts and words of closed lists: no ids, names or codes of orders."""
    results = [query.result for query in facts.queries]
    return {
        "crd.hook": facts.hook,
        "crd.client": facts.client,
        "crd.version": facts.speaks,
        "http.response.status_code": facts.status,
        "crd.determinations": sum(facts.determined.values()),
        **{f"crd.queries.{result.value}": results.count(result) for result in set(results)},
        "crd.queries": len(results),
    }
