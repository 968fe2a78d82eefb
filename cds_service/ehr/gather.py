"""Gathering: context and prefetch first, then queries for what is missing, all by one deadline."""

import re
import time
from collections.abc import Callable, Sequence

from cds_service.cds_hooks.prefetch import Found
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.caller import ANYONE, Caller
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.reply import Reply
from cds_service.ehr.client import Ehr
from cds_service.fhir.resource import text
from cds_service.outbound.access import Access

MAX_ROUNDS = 4  # an order, its code, the Coverage, its payer: no chain of what we read is longer
_LIFETIME = re.compile(r"[0-9]{1,9}")
_PAST = re.compile(r"-[0-9.]+")
_DEFAULT_LIFETIME = 30  # seconds a token is good for if it does not say (CRD found-22)


class Gathering:
    """What one call may ask of its EHR: with its own token, and all by one deadline.

    `ehr` is None where there is no asking; `deadline` is in seconds of the monotonic clock.
    `replies` are those that have come so far, in the order of the queries. `trace_id` is that of
    the call, which the EHR gets too.
    """

    def __init__(
        self,
        request: HookRequest,
        ehr: Ehr | None,
        caller: Caller = ANYONE,
        *,
        deadline: float,
        trace_id: str = "",
    ) -> None:
        self._ehr = ehr if request.can_query else None
        self._access = read_access(request, caller, trace_id)
        self._deadline = deadline
        self.replies: list[Reply] = []

    def gather(self, chart: Chart, missing_data: Callable[[Chart], Sequence[str]]) -> Chart:
        """The chart with what the EHR could add in time; whatever it does, nothing is raised.

        `missing_data` gives the queries a chart still needs, as relative URLs. What these bring may
        lead to more, so the chart is looked at again until nothing is missing.
        """
        if self._ehr is None:
            return chart
        for _ in range(MAX_ROUNDS):
            queries = missing_data(chart)
            if not queries:
                break
            replies = self._ehr.ask(self._access, queries, self._deadline)
            self.replies.extend(replies)
            chart = _with_replies(chart, replies)
        return chart


def _with_replies(chart: Chart, replies: Sequence[Reply]) -> Chart:
    return chart.with_found(
        [Found(resource) for reply in replies for resource in reply.resources],
        {reply.query: _result(reply) for reply in replies},
        {reply.query: reply.failure for reply in replies if reply.failure},
    )


def _result(reply: Reply) -> Lookup:
    if reply.failure:
        return Lookup.FAILED
    return Lookup.FOUND if reply.resources else Lookup.ABSENT


def read_access(request: HookRequest, caller: Caller = ANYONE, trace_id: str = "") -> Access:
    """Where and with which token this call may query (CDS Hooks, fhirAuthorization)."""
    authorization = request.fhir_authorization
    lifetime = _lifetime(text(authorization.get("expires_in")))
    return Access(
        base=request.fhir_server,
        token=text(authorization.get("access_token")),
        expires=time.monotonic() + lifetime,
        allowed=caller.fhir_servers,
        is_test=caller.is_test,
        trace_id=trace_id,
    )


def _lifetime(expires_in: str) -> int:
    """The seconds from now that a token says it is good for; 0 if its time is over."""
    if _PAST.fullmatch(expires_in):
        return 0
    return int(expires_in) if _LIFETIME.fullmatch(expires_in) else _DEFAULT_LIFETIME
