"""THE STORY: from a hook call to its response. Read this first."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cds_service.audit.log import AuditLog
from cds_service.audit.record import Recorder
from cds_service.audit.trail import Trail
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.decision.authorizations import Authorizations
from cds_service.crd.request.arrival import Arrival, arrive
from cds_service.crd.request.call import Call, read_call
from cds_service.crd.request.chart import read_chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.missing_data import missing_data
from cds_service.crd.request.permission import permitted_memberships
from cds_service.crd.request.version import agree_version
from cds_service.crd.response.cards import CardMaker
from cds_service.crd.response.hook_response import respond
from cds_service.ehr.client import Ehr
from cds_service.ehr.gather import Gathering
from cds_service.errors import HookError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode
from cds_service.policy.payers import resolve_memberships
from cds_service.policy.run.adjudication import decide
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.needs import needed_queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Responds to the calls of one hook; the world stands behind seams: EHR, log, clocks, ids."""

    hook: Hook
    parser: HookRequestParser
    index: PolicyIndex
    cards: CardMaker
    log: AuditLog
    recorder: Recorder
    authorizations: Authorizations
    ehr: Ehr | None  # None: there is no asking, as for a request file
    ehr_seconds: float
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    clock: Callable[[], float] = time.monotonic

    def respond(self, body: bytes, trail: Trail | None = None) -> bytes:
        """The JSON response to a JSON request, or a HookError; recorded before it leaves."""
        trail = trail or Trail()
        try:
            written = encode(self.evaluate(body, trail).response.to_json())
        except HookError as refusal:
            self.record(trail, refusal.status, encode(outcome_of(refusal, trail.trace_id)))
            raise
        self.record(trail, 200, written)
        return written

    def evaluate(self, body: bytes, trail: Trail | None = None) -> Trail:
        """What was decided and the response, not recorded; raises what `respond` raises."""
        trail = (trail or Trail()).begin(self.hook.name, body, self.now())
        arrival = arrive(self.hook, trail.at, self.clock(), self.ehr_seconds)
        call = self._understand(body, trail, arrival)
        trail.enter("match")
        trail.decisions = decide(
            call,
            self.index,
            authorizations=self.authorizations,
            has_time=lambda: self.clock() < arrival.decisions_end,
            new_id=self.new_id,
        )
        trail.enter("respond")
        trail.response = respond(call, trail.decisions, self.cards)
        return trail

    def _understand(self, body: bytes, trail: Trail, arrival: Arrival) -> Call:
        request = trail.request = self.parser.parse(body)
        version = trail.version = agree_version(request.extension, trail.caller)
        gathering = Gathering(
            request, self.ehr, trail.caller, deadline=arrival.queries_end, trace_id=trail.trace_id
        )
        trail.enter("fetch")
        trail.replies = gathering.replies
        chart = gathering.gather(read_chart(request), lambda chart: missing_data(self.hook, chart))
        trail.enter("read")
        must_have_one = version.refuses_without_coverage
        members = resolve_memberships(chart, self.index.payers, must_have_one=must_have_one)
        members = permitted_memberships(members, trail.caller)
        call = read_call(request, chart, members, hook=self.hook, version=version, at=trail.at)
        trail.oddities = tuple(call.oddities)
        trail.enter("fetch")
        chart = gathering.gather(chart, lambda chart: needed_queries(self.index, call, chart))
        return replace(call, chart=chart, caller=trail.caller)

    def record(self, trail: Trail, status: int, response: bytes) -> None:
        """Keep the response to a call, or to a body that is none; raises NotRecorded."""
        trail.enter("record")
        self.log.write(self.recorder.answer(self.new_id(), trail, status, response))
