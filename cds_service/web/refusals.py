"""Refusals: what the server answers before the application is asked, and then hangs up."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType

from waitress.task import ErrorTask
from waitress.utilities import Error

from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import encode
from cds_service.web.answer_headers import ANSWER_HEADERS

_LOG = logging.getLogger("cds_service.web")
RETRY_AFTER = 5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A status, and what an OperationOutcome says of it; `code` is the issue's."""

    status: str
    code: str
    problem: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


MALFORMED = Refusal(
    status="400 Bad Request",
    code="structure",
    problem="not an HTTP/1.1 request as this service reads it: one Host, one length, "
    "whole headers on lines of their own",
)
TIMED_OUT = Refusal(
    status="408 Request Timeout",
    code="timeout",
    problem="the request did not arrive whole in the time it has (--request-seconds)",
)
TOO_LARGE = Refusal(
    status="413 Content Too Large",
    code="too-long",
    problem="the body is larger than this service reads (--max-body)",
)
HEAD_TOO_LARGE = Refusal(
    status="431 Request Header Fields Too Large",
    code="too-long",
    problem="the headers are larger than this service reads",
)
BUSY = Refusal(
    status="503 Service Unavailable",
    code="throttled",
    problem="too many calls wait to be answered; try again in a while",
    headers=MappingProxyType({"Retry-After": str(RETRY_AFTER)}),
)
BROKEN = Refusal(status="500 Internal Server Error", code="exception", problem="internal error")
_BY_STATUS = {400: MALFORMED, 413: TOO_LARGE, 431: HEAD_TOO_LARGE, 501: MALFORMED}


def refusal_of(error: Refusal | Error) -> Refusal:
    """What is answered for an error of waitress, whose own words may repeat a header."""
    return error if isinstance(error, Refusal) else _BY_STATUS.get(error.code, BROKEN)


class RefusalTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Answers a request that was refused, and ends the connection."""

    def execute(self) -> None:
        """Write the answer (CRD hook-10)."""
        refusal = refusal_of(self.request.error)
        status = int(refusal.status.split()[0])
        self.channel.server.refused(status)
        # A 503 of ours is the operator's to mend, the others are the client's.
        level = logging.ERROR if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
        shown = {"event": "refused", "status": status, "cause": refusal.code}
        _LOG.log(level, "refused before it was read whole: %s", refusal.problem, extra=shown)
        body = encode(operation_outcome(code=refusal.code, diagnostics=refusal.problem))
        self.status = refusal.status
        self.response_headers.extend({**ANSWER_HEADERS, **refusal.headers}.items())
        self.response_headers.append(("Content-Type", "application/fhir+json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
