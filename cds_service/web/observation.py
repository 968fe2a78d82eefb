"""Observation: what operators see of each request: headers, log line, metrics, spans.

It is told of a request by the application itself, so that no route can forget to.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

from flask import Flask, Response, g, request

from cds_service.audit.trail import Trail
from cds_service.crd.request.hooks import HOOKS
from cds_service.web.call_facts import CallFacts, read_facts
from cds_service.web.call_log import log_call, log_refusal
from cds_service.web.metrics import Metrics
from cds_service.web.spans import NoSpans, Spans
from cds_service.web.trace_context import TraceContext, read_trace_context

CALL, FEEDBACK = "cds_services.call", "cds_services.feedback"
# Refusals that an operator looks for; any other is the business of the one who asked.
_LOGGED = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_HOOK_OF = {hook.service_id: hook.name for hook in HOOKS.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Where it goes what is seen of requests; `clock` is monotonic, in seconds."""

    metrics: Metrics
    spans: Spans = field(default_factory=NoSpans)
    clock: Callable[[], float] = time.monotonic

    def after(self, facts: CallFacts, context: TraceContext) -> None:
        """Log and trace a call whose answer has left."""
        log_call(facts)
        self.spans.add(facts, context)


def watch(app: Flask, observation: Observation) -> None:
    """Observe every request to `app`; to be called before anything else is registered there.

    In `flask.g`, each request finds its `trace_context`, and leaves its `trail` there.
    """
    app.before_request(partial(_begin, observation))
    app.after_request(partial(_end, observation))


def _begin(observation: Observation) -> None:
    g.started = observation.clock()
    g.trace_context = read_trace_context(request.headers.get("traceparent", ""))


def _end(observation: Observation, response: Response) -> Response:
    context: TraceContext = g.trace_context
    seconds = observation.clock() - g.started
    facts = _facts(context, response.status_code, seconds)
    route = request.url_rule.rule if request.url_rule else ""
    observation.metrics.count_request(request.method, route, response.status_code, seconds)
    if request.endpoint == CALL:
        observation.metrics.count_call(facts)
        # No answer waits for its log line.
        response.call_on_close(partial(observation.after, facts, context))
    elif request.endpoint == FEEDBACK:
        log_call(facts, "feedback")
    elif facts.cause and response.status_code in _LOGGED:
        log_refusal(facts, route)
    response.headers.extend((("traceresponse", context.header), ("X-Trace-Id", context.trace_id)))
    return response


def _facts(context: TraceContext, status: int, seconds: float) -> CallFacts:
    trail: Trail = g.get("trail") or Trail(trace_id=context.trace_id)
    hook = _HOOK_OF.get((request.view_args or {}).get("service_id", ""), "")
    return read_facts(trail, status, hook=hook, seconds=seconds)
