"""Routes: discovery, the services, feedback (CDS Hooks, HTTP)."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, request

from cds_service.audit.log import AuditLog
from cds_service.cds_hooks.feedback import FeedbackParser
from cds_service.errors import UnknownService
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.policy.artifacts import Library
from cds_service.policy.index import PolicyIndex
from cds_service.web.pages import create_pages
from cds_service.web.problems import handle_problems

_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the web needs of the rest."""

    library: Library
    index: PolicyIndex
    pipelines: Mapping[str, Pipeline]
    feedback: FeedbackParser
    log: AuditLog
    max_body: int


def create_web(parts: Parts) -> Flask:
    """The WSGI application: CDS Hooks under /cds-services, policy pages under /policies."""
    app = Flask("cds_service.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = parts.max_body
    app.register_blueprint(_cds_services(parts))
    app.register_blueprint(create_pages(parts.library, parts.index))
    handle_problems(app)
    app.after_request(_allow_browsers)
    return app


def _cds_services(parts: Parts) -> Blueprint:
    services = Blueprint("cds_services", __name__, url_prefix="/cds-services")
    discovery = encode({"services": [one.hook.service().to_json() for one in parts.pipelines.values()]})

    @services.get("")
    def discover() -> Response:
        return Response(discovery, mimetype=_JSON)

    @services.post("/<service_id>")
    def call(service_id: str) -> Response:
        return Response(_pipeline(parts, service_id).answer(request.get_data()), mimetype=_JSON)

    @services.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        _pipeline(parts, service_id)
        parts.log.write_feedback(parts.feedback.parse(request.get_data()))
        return Response(b"{}", mimetype=_JSON)

    return services


def _pipeline(parts: Parts, service_id: str) -> Pipeline:
    if service_id not in parts.pipelines:
        raise UnknownService("no such service; GET /cds-services lists them")
    return parts.pipelines[service_id]


def _allow_browsers(response: Response) -> Response:
    """Cross-origin headers on every answer, errors and preflights too; no credentials (CDS Hooks, CORS)."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
