"""Routes: discovery, the services, feedback (CDS Hooks, HTTP)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from flask import Blueprint, Flask, Response, request

from cds_service.audit.trail import Trail
from cds_service.cds_hooks.discovery import Service
from cds_service.cds_hooks.feedback import Feedback, FeedbackParser
from cds_service.errors import UnknownService
from cds_service.fhir.resource import encode
from cds_service.pipeline import Pipeline
from cds_service.web.answer_headers import ANSWER_HEADERS
from cds_service.web.door import Door, current_trail, open_trail
from cds_service.web.observation import Observation, watch
from cds_service.web.problems import handle_problems

_JSON = "application/json"

# Keeps what a client made of cards, with the trail of the request that tells it.
KeepFeedback = Callable[[Trail, Sequence[Feedback]], None]


def create_web(
    pipelines: Mapping[str, Pipeline],
    *,
    door: Door,
    keep_feedback: KeepFeedback,
    observation: Observation,
    blueprints: Iterable[Blueprint],
    max_body: int,
) -> Flask:
    """The WSGI application: CDS Hooks under /cds-services, beside the `blueprints`."""
    app = Flask("cds_service.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    # A redirect to the path without `//` would name the Host that came, and the scheme behind a
    # proxy: whoever follows it sends the patient and the token there again.
    app.url_map.merge_slashes = False
    watch(app, observation)
    app.before_request(open_trail)
    keep_counted = partial(_keep_counted, keep_feedback, observation)
    app.register_blueprint(_cds_services(pipelines, door, keep_counted))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    handle_problems(app, partial(_record_bug, pipelines))
    app.after_request(_ended)
    app.after_request(_guarded)
    return app


def _cds_services(
    pipelines: Mapping[str, Pipeline], door: Door, keep_feedback: KeepFeedback
) -> Blueprint:
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
        with door.client():
            return Response(discovery, mimetype=_JSON)

    @services.post("/<service_id>")
    def call(service_id: str) -> Response:
        with door.client() as trail:
            pipeline = find_pipeline(service_id)
            return Response(pipeline.respond(request.get_data(), trail), mimetype=_JSON)

    @services.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        with door.client() as trail:
            trail.hook = find_pipeline(service_id).hook.name
            keep_feedback(trail, feedback_parser.parse(request.get_data()))
            return Response(b"{}", mimetype=_JSON)

    return services


def _keep_counted(
    keep: KeepFeedback, observation: Observation, trail: Trail, feedback: Sequence[Feedback]
) -> None:
    """Keep feedback, and count it once it is kept."""
    keep(trail, feedback)
    observation.metrics.count_feedback(trail.hook, [reaction.outcome for reaction in feedback])


def _record_bug(pipelines: Mapping[str, Pipeline], response: bytes) -> None:
    """Record the call under way, which a fault of ours ended, with the error that it gets.

    What was no call of a service leaves no record.
    """
    called = (request.view_args or {}).get("service_id", "")
    trail = current_trail()
    if request.endpoint == "cds_services.call" and called in pipelines and trail.hook:
        trail.request = None  # kept as little of as of a body that is refused
        pipelines[called].record(trail, 500, response)


def _service(pipeline: Pipeline) -> Service:
    """How discovery shows the service of a pipeline: with what its loaded policies need."""
    index, hook = pipeline.index, pipeline.hook
    return hook.service(index.topics, index.history_prefetch(hook.name))


def _ended(response: Response) -> Response:
    """The last phase of a request has ended."""
    current_trail().leave()
    return response


def _guarded(response: Response) -> Response:
    """Headers on every answer, errors and preflights too; what a call got is kept in no cache."""
    response.headers.update(ANSWER_HEADERS)
    if request.method == "POST":
        response.headers["Cache-Control"] = "no-store"
    return response
