"""Attempts: how a call's missing data was looked for and what came back, for who runs the EHR.

Nothing of a patient is in these words: queries have no ids, prefetch keys are named only where they
are names of types, and causes of failures are those of a closed list.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cds_service.crd.request.chart import Chart
from cds_service.crd.request.lookups import Lookup, Lookups, names_a_kind
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.fhir.reference import ResourceKey

COVERAGE_SEARCH = "Coverage?patient={id}&status=active"
_READABLE = {*ORDER_KINDS, "Organization"}
# What lets a query be made that was not: of the causes of `outbound`, those an operator can mend.
_REMEDIES: Mapping[str, str] = {
    "this server is not one we may ask": "the operator of this service lists those by `--ehr`, "
    "or by `fhir_servers` of the client",
}


def coverage_attempts(chart: Chart) -> str:
    """How the patient's Coverages were looked for, in prefetch and by a query."""
    query = COVERAGE_SEARCH.format(id=chart.call_patient.key.id)
    asked = _describe_query(COVERAGE_SEARCH, [query], chart.lookups)
    return f"{_describe_prefetch(['Coverage'], chart.lookups)}; {asked}"


def read_attempts(references: Iterable[ResourceKey], chart: Chart) -> str:
    """How resources that are only referred to were looked for, in prefetch and by reading them."""
    keys = list(references)
    kinds = sorted({_kind(key) for key in keys})
    by_prefetch = _describe_prefetch(kinds, chart.lookups)
    return "; ".join([by_prefetch, *_describe_reads(kinds, keys, chart.lookups)])


def _describe_reads(kinds: list[str], keys: list[ResourceKey], lookups: Lookups) -> Iterator[str]:
    for kind in kinds:
        queries = [str(key) for key in keys if _kind(key) == kind]
        yield _describe_query(f"{kind}/{{id}}", queries, lookups)


def _kind(key: ResourceKey) -> str:
    """The type of a resource; one that nobody asks about is a word of the client's own."""
    return key.type if key.type in _READABLE else "resource of another type"


def _describe_prefetch(kinds: list[str], lookups: Lookups) -> str:
    """What the prefetch has in place of resources of these types."""
    if not lookups.sent_keys:
        return "`prefetch` is empty"
    named = [f"`{key}`" for key in lookups.sent_keys if names_a_kind(key)]
    others = len(lookups.sent_keys) - len(named)
    if others:
        named.append(f"{others} of {'other names' if named else 'names unknown here'}")
    words = f"{' or '.join(kinds)} is not in `prefetch`, whose keys are {', '.join(named)}"
    return words if lookups.reported.isdisjoint(kinds) else f"{words}: the client reports an error"


def _describe_query(template: str, queries: list[str], lookups: Lookups) -> str:
    """What came of queries of one form."""
    if not any(query in lookups.by_query for query in queries):
        why = f": {lookups.barrier}" if lookups.barrier else ""
        return f"the query `{template}` was not made{why}"
    causes = Counter(filter(None, map(lookups.causes.get, queries)))
    if causes:
        words = [_describe_cause(cause, many) for cause, many in causes.items()]
        return f"the query `{template}` failed: {', '.join(words)}"
    results = {lookups.by_query.get(query, Lookup.NOT_ASKED) for query in queries}
    if Lookup.FAILED in results:
        return f"the query `{template}` failed"
    return f"the query `{template}` found nothing"


def _describe_cause(cause: str, many: int) -> str:
    counted = f"{cause} ({many} times)" if many > 1 else cause
    return f"{counted}; {_REMEDIES[cause]}" if cause in _REMEDIES else counted
