"""POST /admin/reload: an operator has the library directories read again, and learns what came."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response

from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import JsonObject, encode
from cds_service.web.door import current_trail
from cds_service.web.problems import FHIR_JSON

_LOG = logging.getLogger("cds_service.web")
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing for which a set of policies is not in service; `where` is its place in the file."""

    file: str
    where: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The set of policies in service once its directories have been read again.

    With `faults`, what stands in the directories is not in service; `issue_code` says of which kind
    they are, as FHIR has them.
    """

    revision: str
    since: datetime
    policies: int
    changed: bool
    faults: tuple[Fault, ...] = ()
    issue_code: str = "invalid"

    def to_json(self) -> JsonObject:
        """What an operator reads."""
        return {
            "revision": self.revision,
            "since": self.since.isoformat(timespec="milliseconds"),
            "policies": self.policies,
            "changed": self.changed,
        }


def create_admin(operator: Callable[[], str], reload: Callable[[], Reloaded]) -> Blueprint:
    """`reload` has the directories read, and waits until they are in service or refused.

    It raises Stopping. `operator` gives the name of who asks, or raises Unauthorized.
    """
    admin = Blueprint("admin", __name__, url_prefix="/admin")

    @admin.post("/reload")
    def read_again() -> Response:
        extra = {"event": "policies-asked", "client": operator()}
        _LOG.info("an operator has the policies read again", extra=extra)
        reloaded = reload()
        if not reloaded.faults:
            return Response(encode(reloaded.to_json()) + b"\n", mimetype=_JSON)
        body = encode(_outcome(reloaded.faults, reloaded.issue_code))
        return Response(body, HTTPStatus.CONFLICT, mimetype=FHIR_JSON)

    return admin


def _outcome(faults: Iterable[Fault], code: str) -> JsonObject:
    """An OperationOutcome with an issue a fault."""
    trace_id = current_trail().trace_id
    outcomes = [_issue_of(fault, code, trace_id) for fault in faults]
    return {**outcomes[0], "issue": [outcome["issue"][0] for outcome in outcomes]}


def _issue_of(fault: Fault, code: str, trace_id: str) -> JsonObject:
    """A case is no place in a resource: its name stands in the words."""
    is_path = fault.where.startswith("$")
    named = ": ".join(filter(None, (fault.file, "" if is_path else fault.where, fault.words)))
    where = fault.where if is_path else ""
    return operation_outcome(code=code, diagnostics=named, where=where, trace_id=trace_id)
