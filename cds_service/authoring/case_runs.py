"""Running a case: as a call that sends the order, the Coverage and the Patient, and has to ask.

Its EHR is the case's chart. So the history of a type is all that the chart holds of it, and what
the chart does not hold no reference can be followed to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from functools import partial
from urllib.parse import parse_qs

from cds_service.authoring.cases import MEMBER, Case
from cds_service.authoring.expectations import compare
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.call import read_call
from cds_service.crd.request.chart import read_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.missing_data import missing_data
from cds_service.crd.request.reply import Reply
from cds_service.crd.request.version import VERSIONS
from cds_service.ehr.gather import Gathering
from cds_service.fhir.coding import Coding, read_codings
from cds_service.fhir.dates import ANY_DAY, parse_days
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import JsonObject, resource_type
from cds_service.outbound.access import Access
from cds_service.policy.payers import resolve_membership
from cds_service.policy.run.adjudication import decide
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.needs import needed_queries

_HOOK = HOOKS["order-sign"]
_NEVER = float("inf")  # a chart in memory needs no deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRun:
    """The answers to a case, and the queries that rules asked for to get there."""

    answers: tuple[OrderAnswer, ...]
    queries: tuple[str, ...]


def run_case(case: Case, index: PolicyIndex) -> CaseRun:
    """What the library determines for the case; nothing if its order asks for nothing."""
    request, ehr = _request(case), _ChartEhr(case)
    gathering = Gathering(request, ehr, deadline=_NEVER)
    chart = gathering.gather(read_chart(request), partial(missing_data, _HOOK))
    ehr.queries.clear()  # of orders, members and payers every call asks
    membership = resolve_membership(case.member["coverage"], chart, index.payers)
    day = (parse_days(case.day) or ANY_DAY).last
    call = read_call(
        request,
        chart,
        (membership,),
        hook=_HOOK,
        version=VERSIONS["2.2"],
        at=datetime.combine(day, time.min),
    )
    chart = gathering.gather(chart, partial(needed_queries, index, call))
    decisions = decide(
        replace(call, chart=chart), index, has_time=lambda: True, new_id=lambda: case.name
    )
    return CaseRun(answers=decisions.answers, queries=tuple(ehr.queries))


def differences(case: Case, run: CaseRun) -> list[str]:
    """How the run differs from what the case expects, in words; nothing if it does not."""
    determinations = [found for answer in run.answers for found in answer.determinations]
    proposals = [proposal.id for answer in run.answers for proposal in answer.proposals]
    return compare(case.expect, determinations, proposals=proposals, queries=run.queries)


def _request(case: Case) -> HookRequest:
    sent: JsonObject = {
        name: case.member[name] for name in ("patient", "coverage") if name in case.member
    }
    return HookRequest(
        hook=_HOOK.name,
        hook_instance="",
        context={"patientId": MEMBER, "draftOrders": case.order},
        prefetch=sent,
        extension={},
        fhir_server="https://case.invalid/fhir",
        fhir_authorization={"access_token": "needed by none"},
        body={},
    )


@dataclass(frozen=True, slots=True)
class _ChartEhr:
    """The EHR of a case, and what it was asked."""

    case: Case
    queries: list[str] = field(default_factory=list)

    def ask(self, _access: Access, queries: Sequence[str], _deadline: float) -> tuple[Reply, ...]:
        """A Reply to each query."""
        self.queries.extend(queries)
        return tuple(map(self._reply, queries))

    def _reply(self, query: str) -> Reply:
        if any(_is_within(query, unreadable) for unreadable in self.case.unreadable):
            return Reply(query=query, failure="the case says so")
        found = (held for held in self.case.chart if _is_asked_for(held, query))
        return Reply(query=query, resources=tuple(found))


def _is_within(query: str, unreadable: str) -> bool:
    """Whether a query is one that fails, or a narrower search."""
    return query == unreadable or ("?" in unreadable and query.startswith(f"{unreadable}&"))


def _is_asked_for(held: JsonObject, query: str) -> bool:
    kind, _, search = query.partition("?")
    if not search:
        return parse_reference(query) == read_key(held)
    if resource_type(held) != kind:
        return False
    listed = [token for value in parse_qs(search).get("code", ()) for token in value.split(",")]
    wanted = {Coding(*token.split("|", 1)).key for token in listed if "|" in token}
    return not wanted or any(coding.key in wanted for coding in read_codings(held.get("code")))
