"""Problems: how an error leaves.

An OperationOutcome that names the place, never a stack, never a patient's data.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType

from flask import Flask, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from cds_service.errors import HookError, TooLarge, Unauthorized
from cds_service.fhir.outcome import operation_outcome, outcome_of
from cds_service.fhir.resource import encode
from cds_service.web.door import current_trail
from cds_service.web.logs import type_and_places

_LOG = logging.getLogger("cds_service")
FHIR_JSON = "application/fhir+json"
_ISSUE_CODES: Mapping[int, str] = MappingProxyType(
    {HTTPStatus.NOT_FOUND: "not-found", HTTPStatus.METHOD_NOT_ALLOWED: "not-supported"}
)

Record = Callable[[bytes], None]  # keeps the body of an answer, with the call that it is for


def handle_problems(app: Flask, record: Record) -> None:
    """Answer every error of `app` as an OperationOutcome (CRD hook-9, hook-10).

    `record` is for the answer to a call that a fault of ours ended (CRD found-37).
    """
    app.register_error_handler(HookError, refused)
    app.register_error_handler(HTTPException, http_problem)
    # This and the record of it are the only places that catch everything.
    app.register_error_handler(Exception, partial(our_bug, record=record))


def refused(error: HookError) -> Response:
    """An error the caller can act on."""
    trail = current_trail()
    trail.refusal = error
    body = encode(outcome_of(error, trail.trace_id))
    response = Response(body, status=error.status, mimetype=FHIR_JSON)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = error.challenge
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def http_problem(error: HTTPException) -> Response:
    """An error of plain HTTP: no such page, a wrong method, a body too large."""
    if isinstance(error, RequestEntityTooLarge):
        return refused(TooLarge("the body is larger than this service reads"))
    outcome = operation_outcome(
        code=_ISSUE_CODES.get(error.code or 0, "processing"),
        diagnostics=error.name,
        trace_id=current_trail().trace_id,
    )
    response = Response(encode(outcome), status=error.code or 500, mimetype=FHIR_JSON)
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def our_bug(error: Exception, record: Record) -> Response:
    """A fault of ours: a trace id for the caller; type and place, but no values, for the log."""
    trace = current_trail().trace_id
    _LOG.error("trace %s: %s", trace, type_and_places(error))
    outcome = operation_outcome(
        code="exception",
        severity="fatal",
        diagnostics=f"internal error, trace {trace}",
        trace_id=trace,
    )
    body = encode(outcome)
    try:
        record(body)
    except Exception as another:  # noqa: BLE001  # asserts nothing, so it leaves unrecorded too
        _LOG.error("trace %s: not recorded: %s", trace, type_and_places(another))
    return Response(body, status=500, mimetype=FHIR_JSON)
