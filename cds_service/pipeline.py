"""THE STORY: from a hook call to its response. Read this first."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cds_service.audit.log import AuditLog
from cds_service.audit.record import write_record
from cds_service.cds_hooks.request import HookRequest, HookRequestParser
from cds_service.cds_hooks.response import HookResponse
from cds_service.crd.decision.authorizations import Authorizations
from cds_service.crd.decision.order_answer import Decisions
from cds_service.crd.request.arrival import Arrival, arrive
from cds_service.crd.request.call import Call, read_call
from cds_service.crd.request.chart import read_chart
from cds_service.crd.request.hooks import Hook
from cds_service.crd.request.missing_data import missing_data
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
    authorizations: Authorizations
    ehr: Ehr | None  # None: there is no asking, as for a request file
    ehr_seconds: float
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    clock: Callable[[], float] = time.monotonic

    def respond(self, body: bytes) -> bytes:
        """The JSON response to a JSON request; response or refusal is recorded before it leaves.

        Raises:
            HookError: the call gets an error response instead.
        """
        arrival, request = arrive(self.hook, self.now(), self.clock(), self.ehr_seconds), None
        try:
            request = self.parser.parse(body)
            decisions, response = self._evaluate(request, arrival)
        except HookError as refusal:
            self.record(arrival.at, request or body, Decisions(), encode(outcome_of(refusal)))
            raise
        written = encode(response.to_json())
        self.record(arrival.at, request, decisions, written)
        return written

    def evaluate(self, body: bytes) -> tuple[Decisions, HookResponse]:
        """What was decided and the response, not recorded; raises what `respond` raises."""
        arrival = arrive(self.hook, self.now(), self.clock(), self.ehr_seconds)
        return self._evaluate(self.parser.parse(body), arrival)

    def _evaluate(self, request: HookRequest, arrival: Arrival) -> tuple[Decisions, HookResponse]:
        call = self._understand(request, arrival)
        decisions = decide(
            call,
            self.index,
            authorizations=self.authorizations,
            has_time=lambda: self.clock() < arrival.decisions_end,
            new_id=self.new_id,
        )
        return decisions, respond(call, decisions, self.cards)

    def _understand(self, request: HookRequest, arrival: Arrival) -> Call:
        version = agree_version(request.extension)
        gathering = Gathering(request, self.ehr, deadline=arrival.queries_end)
        chart = gathering.gather(read_chart(request), partial(missing_data, self.hook))
        must_have_one = version.refuses_without_coverage
        members = resolve_memberships(chart, self.index.payers, must_have_one=must_have_one)
        call = read_call(request, chart, members, hook=self.hook, version=version, at=arrival.at)
        for oddity in call.oddities:
            logging.getLogger("cds_service").warning("%s: %s", self.hook.name, oddity)
        needed = partial(needed_queries, self.index, call)
        return replace(call, chart=gathering.gather(chart, needed))

    def record(
        self, at: datetime, asked: HookRequest | bytes, decisions: Decisions, response: bytes
    ) -> None:
        """Keep the response to a call, or to a body that is none; raises NotRecorded."""
        self.log.write(write_record(self.new_id(), at, self.hook.name, asked, decisions, response))
