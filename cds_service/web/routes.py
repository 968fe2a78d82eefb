"""Routes: discovery, the services, feedback (CDS Hooks, HTTP)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flask import Blueprint, Flask, Response, g, request

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
_GUARDS = tuple(ANSWER_HEADERS.items())

# Keeps what a client made of cards, with the trail of the request that tells it.
KeepFeedback = Callable[[Trail, Sequence[Feedback]], None]


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one set of policies: a pipeline for each, and what discovery tells."""

    pipelines: Mapping[str, Pipeline]
    discovery: bytes

    def find(self, service_id: str) -> Pipeline:
        """The pipeline of a service; raises UnknownService."""
        if service_id not in self.pipelines:
            raise UnknownService("no such service; GET /cds-services lists them")
        return self.pipelines[service_id]


def offer_services(pipelines: Mapping[str, Pipeline]) -> Services:
    """The services of these pipelines; discovery is written once."""
    offered = [_service(pipeline) for pipeline in pipelines.values()]
    return Services(pipelines, encode({"services": [service.to_json() for service in offered]}))


def create_web(
    read: Callable[[], Services],
    *,
    door: Door,
    keep_feedback: KeepFeedback,
    observation: Observation,
    blueprints: Iterable[Blueprint],
    max_body: int,
) -> Flask:
    """The WSGI application: CDS Hooks under /cds-services, beside the `blueprints`.

    `read` gives the services of the policies that are in service at the moment.
    """
    app = Flask("cds_service.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    # A redirect to the path without `//` would name the Host that came, and the scheme behind a
    # proxy: whoever follows it sends the patient and the token there again.
    app.url_map.merge_slashes = False
    watch(app, observation)
    app.before_request(open_trail)
    keep_counted = partial(_keep_counted, keep_feedback, observation)
    app.register_blueprint(_cds_services(read, door, keep_counted))
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    handle_problems(app, _record_bug)
    app.after_request(_ended)
    app.after_request(_guarded)
    return app


def _cds_services(
    read: Callable[[], Services], door: Door, keep_feedback: KeepFeedback
) -> Blueprint:
    services = Blueprint("cds_services", __name__, url_prefix="/cds-services")
    feedback_parser = FeedbackParser()

    @services.get("")
    def discover() -> Response:
        with door.client():
            return Response(read().discovery, mimetype=_JSON)

    @services.post("/<service_id>")
    def call(service_id: str) -> Response:
        with door.client() as trail:
            # The one look at what is in service: the whole call is by this set of policies.
            pipeline = g.pipeline = read().find(service_id)
            trail.leaves_record = True
            return Response(pipeline.respond(request.get_data(), trail), mimetype=_JSON)

    @services.post("/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        with door.client() as trail:
            trail.hook = read().find(service_id).hook.name
            keep_feedback(trail, feedback_parser.parse(request.get_data()))
            return Response(b"{}", mimetype=_JSON)

    return services


def _keep_counted(
    keep: KeepFeedback, observation: Observation, trail: Trail, feedback: Sequence[Feedback]
) -> None:
    """Keep feedback, and count it once it is kept."""
    keep(trail, feedback)
    observation.metrics.count_feedback(trail.hook, [reaction.outcome for reaction in feedback])


def _record_bug(response: bytes) -> None:
    """Record the call under way, which a fault of ours ended, with the error that it gets.

    What was no call of a service leaves no record.
    """
    pipeline: Pipeline | None = g.get("pipeline")
    trail = current_trail()
    if pipeline and trail.hook:
        trail.request = None  # kept as little of as of a body that is refused
        pipeline.record(trail, 500, response)


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
    if request.method == "POST":
        response.headers["Cache-Control"] = "no-store"
    # All at once: one that is set by itself is compared with every other.
    given = {name.lower() for name, _ in response.headers}
    response.headers.extend([guard for guard in _GUARDS if guard[0].lower() not in given])
    return response
