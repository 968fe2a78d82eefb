"""Recorded calls for tests of replays, dossiers and measures: real calls, and real records."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from fakes import NOON, CountingIds, FakeLog, fake_pipeline

from cds_service.audit.record import AuditRecord
from cds_service.audit.trail import Trail
from cds_service.authoring.recorded_call import RecordedCall
from cds_service.authoring.replay import Evaluate
from cds_service.crd.decision.authorizations import Authorizations, NoAuthorizations
from cds_service.crd.request.caller import ANYONE, Caller
from cds_service.ehr.client import Ehr
from cds_service.errors import HookError, NotRecorded
from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]


class RecordsLog(FakeLog):
    """Keeps the records themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[AuditRecord] = []

    def write(self, *records: AuditRecord) -> None:
        if self.broken:
            raise NotRecorded("the fake is broken")
        self.written.extend(records)


def record_call(
    index: PolicyIndex,
    request: JsonObject,
    *,
    ehr: Ehr | None = None,
    authorizations: Authorizations | None = None,
    caller: Caller = ANYONE,
    at: datetime = NOON,
    ids: CountingIds | None = None,
    trace_id: str = "",
) -> AuditRecord:
    """The record that a call leaves, whether it is answered or refused."""
    log = RecordsLog()
    made = fake_pipeline(index, log=log, hook=request["hook"], ehr=ehr)
    pipeline = replace(
        made,
        authorizations=authorizations or NoAuthorizations(),
        now=lambda: at,
        clock=lambda: 0.0,
        new_id=ids or made.new_id,
        cards=replace(made.cards, new_id=ids) if ids else made.cards,
    )
    with suppress(HookError):  # it is recorded too
        pipeline.respond(
            encode(request), Trail(caller=caller, trace_id=trace_id, clock=lambda: 0.0)
        )
    (record,) = log.written
    return record


def payload_of(record: AuditRecord) -> JsonObject:
    """A record as it is read back."""
    payload: JsonObject = decode(record.payload)
    return payload


def evaluator(index: PolicyIndex) -> Evaluate:
    """What answers recorded calls by the policies of an index."""

    def evaluate(call: RecordedCall) -> Trail:
        pipeline = replace(
            fake_pipeline(index, hook=call.hook, ehr=call.ehr, authorizations=call.authorizations),
            now=lambda: call.at,
            clock=lambda: 0.0,
        )
        return pipeline.evaluate(call.body, Trail(caller=call.caller))

    return evaluate


def with_token(request: JsonObject) -> JsonObject:
    """The request of a client that may be queried."""
    authorization = {"access_token": "a-token", "token_type": "Bearer", "expires_in": 300}
    return {
        **request,
        "fhirServer": "https://ehr.example.invalid/fhir",
        "fhirAuthorization": authorization,
    }


def prefetched(request: JsonObject) -> Sequence[JsonObject]:
    """Every resource of a request's prefetch: what its EHR holds."""
    values = [value for value in request.get("prefetch", {}).values() if value]
    entries = [
        [entry["resource"] for entry in value.get("entry", ())]
        if value["resourceType"] == "Bundle"
        else [value]
        for value in values
    ]
    return [resource for resources in entries for resource in resources]
