"""Calls as operators see them: facts, metrics of a store that is well, an application watched."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, g

from cds_service.audit.health import StoreHealth
from cds_service.audit.trail import Trail
from cds_service.web.call_facts import CallFacts
from cds_service.web.gauges import Sources
from cds_service.web.metrics import Metrics
from cds_service.web.observation import Observation, watch

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def made_facts(**given: Any) -> CallFacts:
    """The facts of an answered order-sign call, but for what is given."""
    usual: dict[str, Any] = {
        "trace": TRACE,
        "client": "clinic",
        "hook": "order-sign",
        "asked": "2.2",
        "speaks": "2.2",
        "status": 200,
    }
    return CallFacts(**(usual | given))


def made_metrics(store: StoreHealth | None = None, **given: Any) -> Metrics:
    """Metrics of a service with one client."""
    state = store or StoreHealth(last_checkpoint_size=7)
    return Metrics(Sources(store=lambda: state, **given), clients=["clinic"], causes=["expired"])


def page_of(metrics: Metrics) -> str:
    """What Prometheus reads."""
    return metrics.page("")[0].decode()


def watched(observation: Observation, answer: Callable[[Trail], Response]) -> Flask:
    """An application with the endpoint of a service, which `answer` answers, and one of no call."""
    app = Flask("watched", static_folder=None)
    watch(app, observation)
    services = Blueprint("cds_services", __name__, url_prefix="/cds-services")

    @services.post("/<service_id>")
    def call(service_id: str) -> Response:
        g.trail = Trail(trace_id=g.trace_context.trace_id)
        return answer(g.trail)

    @services.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        return Response("{}")

    @app.get("/assertions/<assertion_id>")
    def show(assertion_id: str) -> Response:
        g.trail = Trail(trace_id=g.trace_context.trace_id)
        return answer(g.trail)

    app.register_blueprint(services)
    return app
