"""The page of one answer, for operators: its dossier, as HTML or as JSON."""

from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, make_response, render_template, request

from cds_service.audit.dossier import Dossier
from cds_service.audit.dossier_sections import sections_of
from cds_service.errors import AuditError, NotRecorded
from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import JsonObject, encode
from cds_service.pages.routes import CONTENT_SECURITY

_JSON = "application/json"
_MISSING = "no answer has this assertion id, and no record this id"

# The dossier of an assertion or record by id, for whoever is named first; None if there is none.
# It is recorded first who reads it; NotRecorded if that cannot be.
FindDossier = Callable[[str, str], Dossier | None]


def create_dossier_pages(find_dossier: FindDossier, operator: Callable[[], str]) -> Blueprint:
    """`GET /assertions/{id}`; `operator` gives the name of who asks, or raises Unauthorized."""
    pages = Blueprint("dossiers", __name__, template_folder="templates")
    pages.after_request(_guarded)

    @pages.get("/assertions/<identity>")
    def assertion(identity: str) -> Response:
        try:
            dossier = find_dossier(operator(), identity)
        except AuditError as error:
            raise NotRecorded(str(error)) from error
        return _as_json(dossier) if _wants_json() else _as_html(dossier)

    return pages


def _wants_json() -> bool:
    named = request.args.get("format")
    if named is not None:
        return named == "json"
    return request.accept_mimetypes.best_match(["text/html", _JSON]) == _JSON


def _as_json(dossier: Dossier | None) -> Response:
    if dossier is None:
        missing = operation_outcome(code="not-found", diagnostics=_MISSING)
        return Response(encode(missing), status=404, mimetype=_JSON)
    return Response(encode(dossier.to_json()), mimetype=_JSON)


def _as_html(dossier: Dossier | None) -> Response:
    if dossier is None:
        return make_response(render_template("dossier_missing.html"), 404)
    html = render_template(
        "dossier.html",
        asked=dossier.asked,
        sections=sections_of(dossier),
        whole=_indented(dossier.to_json()),
    )
    return make_response(html)


def _indented(value: JsonObject) -> str:
    return msgspec.json.format(encode(value), indent=2).decode()


def _guarded(response: Response) -> Response:
    """No script, nothing from elsewhere, and no copy in any cache: it is a patient's."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY
    response.headers["Cache-Control"] = "no-store"
    return response
