"""Routes: discovery, the services, feedback (CDS Hooks, HTTP)."""

from collections.abc import Mapping
from functools import partial

from flask import Blueprint, Flask, Response, request

from cds_service.audit.log import AuditLog
from cds_service.cds_hooks.discovery import Service
from cds_service.cds_hooks.feedback import FeedbackParser
from cds_service.crd.decision.order_answer import Decisions
from cds_service.errors import UnknownService
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.web.problems import handle_problems

_JSON = "application/json"


def create_web(
    pipelines: Mapping[str, Pipeline], log: AuditLog, *, pages: Blueprint, max_body: int
) -> Flask:
    """The WSGI application: CDS Hooks under /cds-services, beside the blueprint of `pages`."""
    app = Flask("cds_service.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    app.register_blueprint(_cds_services(pipelines, log))
    app.register_blueprint(pages)
    handle_problems(app, partial(_record_bug, pipelines))
    app.after_request(_allow_browsers)
    return app


def _cds_services(pipelines: Mapping[str, Pipeline], log: AuditLog) -> Blueprint:
    services = Blueprint("cds_services", __name__, url_prefix="/cds-services")
    offered = [_service(pipeline) for pipeline in pipelines.values()]
    discovery = encode({"services": [service.to_json() for service in offered]})
    feedback_parser = FeedbackParser()

    def find_pipeline(service_id: str) -> Pipeline:
        if service_id not in pipelines:
            raise UnknownService("no such service; GET /cds-services lists them")
        return pipelines[service_id]

    @services.get("")
    def discover() -> Response:
        return Response(discovery, mimetype=_JSON)

    @services.post("/<service_id>")
    def call(service_id: str) -> Response:
        return Response(find_pipeline(service_id).respond(request.get_data()), mimetype=_JSON)

    @services.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        find_pipeline(service_id)
        log.write_feedback(feedback_parser.parse(request.get_data()))
        return Response(b"{}", mimetype=_JSON)

    return services


def _record_bug(pipelines: Mapping[str, Pipeline], response: bytes) -> None:
    """Record the call under way, which a fault of ours ended, with the error that it gets.

    What was no call of a service leaves no record.
    """
    called = (request.view_args or {}).get("service_id", "")
    if request.endpoint == "cds_services.call" and called in pipelines:
        pipeline = pipelines[called]
        pipeline.record(pipeline.now(), request.get_data(), Decisions(), response)


def _service(pipeline: Pipeline) -> Service:
    """How discovery shows the service of a pipeline: with what its loaded policies need."""
    index, hook = pipeline.index, pipeline.hook
    return hook.service(index.topics, index.history_prefetch(hook.name))


def _allow_browsers(response: Response) -> Response:
    """Cross-origin headers on every answer, errors and preflights too.

    No credentials (CDS Hooks, CORS).
    """
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
