"""Observation: every request has its trace in the headers, and each call is seen once."""

from dataclasses import dataclass, field

import pytest
from flask import Response
from web.log_lines import lines_of, written_logs
from web.seen_calls import PARENT, TRACE, made_metrics, page_of, watched

from cds_service.audit.trail import Trail
from cds_service.crd.request.caller import Caller
from cds_service.errors import NotRecorded, Unauthorized
from cds_service.web.call_facts import CallFacts
from cds_service.web.observation import Observation
from cds_service.web.trace_context import TraceContext

SERVICE = "/cds-services/order-sign-crd"


@dataclass(slots=True)
class KeptSpans:
    """Remembers the calls it is given."""

    kept: list[tuple[CallFacts, TraceContext]] = field(default_factory=list)

    def add(self, facts: CallFacts, context: TraceContext) -> None:
        self.kept.append((facts, context))

    def close(self) -> None:
        """Nothing to let go of."""


def answered(trail: Trail) -> Response:
    """An answer to a known client."""
    trail.caller = Caller(name="clinic")
    trail.hook = "order-sign"
    return Response("{}")


def unrecorded(trail: Trail) -> Response:
    """A refusal because the store is away."""
    trail.refusal = NotRecorded("the journal is full")
    return Response("{}", 503)


def unauthorized(trail: Trail) -> Response:
    """A refusal before the hook is known."""
    trail.refusal = Unauthorized("expired")
    return Response("{}", 401)


def test_a_call_is_logged_counted_and_traced_under_the_clients_trace() -> None:
    """One line, one count, one span; and the headers name the trace."""
    metrics, spans = made_metrics(), KeptSpans()
    client = watched(Observation(metrics=metrics, spans=spans), answered).test_client()
    with written_logs() as stream:
        response = client.post(SERVICE, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        response.close()
    (line,) = lines_of(stream)
    ((facts, context),) = spans.kept

    assert (line["event"], line["trace"], line["hook"]) == ("call", TRACE, "order-sign")
    assert 'crd_hook_requests_total{client="clinic"' in page_of(metrics)
    assert (facts.trace, context.parent_id) == (TRACE, PARENT)
    assert response.headers["X-Trace-Id"] == TRACE
    assert response.headers["traceresponse"] == f"00-{TRACE}-{context.span_id}-01"


@pytest.mark.parametrize("path", ["/nowhere", SERVICE, "/assertions/CANARY"])
def test_every_answer_names_its_trace(path: str) -> None:
    """Pages that are not there, wrong methods, refusals."""
    client = watched(Observation(metrics=made_metrics()), unauthorized).test_client()

    response = client.get(path)

    assert response.headers["traceresponse"].split("-")[1] == response.headers["X-Trace-Id"]


def test_a_call_refused_at_the_door_is_one_of_its_hook() -> None:
    """The path names the hook, even where the body was not read."""
    metrics = made_metrics()
    client = watched(Observation(metrics=metrics), unauthorized).test_client()
    with written_logs() as stream:
        client.post(SERVICE).close()
    (line,) = lines_of(stream)

    assert (line["hook"], line["client"], line["cause"]) == ("order-sign", "none", "expired")
    assert 'crd_jwt_rejected_total{cause="expired",client="none"} 1.0' in page_of(metrics)


def test_a_503_is_one_loud_line_with_its_cause() -> None:
    """Once for the call, not twice."""
    client = watched(Observation(metrics=made_metrics()), unrecorded).test_client()
    with written_logs() as stream:
        client.post(SERVICE).close()
    (line,) = lines_of(stream)

    assert (line["level"], line["cause"]) == ("error", "the journal is full")


def test_an_operator_refused_is_a_line_without_the_id_asked_for() -> None:
    """The path is shown as it is declared."""
    client = watched(Observation(metrics=made_metrics()), unauthorized).test_client()
    with written_logs() as stream:
        client.get("/assertions/CANARY")
    (line,) = lines_of(stream)

    assert (line["event"], line["route"]) == ("refusal", "/assertions/<assertion_id>")
    assert "CANARY" not in stream.getvalue()


def test_feedback_is_a_line_and_what_is_no_call_is_none() -> None:
    """Of the rest, only refusals are."""
    client = watched(Observation(metrics=made_metrics()), answered).test_client()
    with written_logs() as stream:
        client.post(f"{SERVICE}/feedback")
        client.get("/assertions/CANARY")
        client.get("/nowhere")

    assert [line["event"] for line in lines_of(stream)] == ["feedback"]
