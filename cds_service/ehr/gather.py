"""Gathering: context and prefetch first, then queries for what is missing, all by one deadline."""

import re
import time
from collections.abc import Callable, Sequence

from cds_service.cds_hooks.prefetch import Found
from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup
from cds_service.ehr.client import Ehr, Reply
from cds_service.fhir.resource import text
from cds_service.outbound.access import Access

MAX_ROUNDS = 4  # an order, its code, the Coverage, its payer: no chain of what we read is longer
_LIFETIME = re.compile(r"[0-9]{1,9}")
_DEFAULT_LIFETIME = 30  # seconds a token is good for if it does not say (CRD found-22)


class Gathering:
    """What one call may ask of its EHR: with its own token, and all by one deadline.

    `ehr` is None where there is no asking; `deadline` is in seconds of the monotonic clock.
    """

    def __init__(self, request: HookRequest, ehr: Ehr | None, *, deadline: float) -> None:
        self._ehr = ehr if request.can_query else None
        self._access = read_access(request)
        self._deadline = deadline

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
            chart = _with_replies(chart, self._ehr.ask(self._access, queries, self._deadline))
        return chart


def _with_replies(chart: Chart, replies: Sequence[Reply]) -> Chart:
    return chart.with_found(
        [Found(resource) for reply in replies for resource in reply.resources],
        {reply.query: _result(reply) for reply in replies},
    )


def _result(reply: Reply) -> Lookup:
    if reply.failure:
        return Lookup.FAILED
    return Lookup.FOUND if reply.resources else Lookup.ABSENT


def read_access(request: HookRequest) -> Access:
    """Where and with which token this call may query (CDS Hooks, fhirAuthorization)."""
    authorization = request.fhir_authorization
    lifetime = text(authorization.get("expires_in"))
    seconds = int(lifetime) if _LIFETIME.fullmatch(lifetime) else _DEFAULT_LIFETIME
    return Access(
        base=request.fhir_server,
        token=text(authorization.get("access_token")),
        expires=time.monotonic() + seconds,
    )
