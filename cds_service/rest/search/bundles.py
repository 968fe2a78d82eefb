"""Search results as Bundles (FHIR R4, search, the results of a search)."""

from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode

from cds_service.fhir.outcome import operation_outcome
from cds_service.fhir.resource import JsonObject
from cds_service.rest.library import RestLibrary
from cds_service.rest.search.following import MOST_INCLUDED, follow_includes
from cds_service.rest.search.matching import Matches
from cds_service.rest.search.pages import page_token
from cds_service.rest.search.query import Query
from cds_service.rest.subset import Summary

_READABLE = ":/,|$*"  # stand in a query as they are


def search_bundle(query: Query, library: RestLibrary, base: str, url: str) -> JsonObject:
    """The Bundle of one page of a search; resources are under `base`, the search is at `url`."""
    matches = Matches(query, library.shelves)
    is_count = query.subset.summary is Summary.COUNT
    page = [] if is_count else matches.page(query.offset, query.count)
    entries = _entries(query, page, library, base)
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset"}
    if query.has_total or is_count:
        bundle["total"] = matches.total
    bundle["link"] = list(_links(query, matches.total, library.digest, url))
    if entries:  # FHIR has no empty lists
        bundle["entry"] = entries
    return bundle


def _entries(
    query: Query, page: Sequence[JsonObject], library: RestLibrary, base: str
) -> list[JsonObject]:
    included = follow_includes(page, query.includes, library)
    notes = [("not-supported", f"ignored: {why}") for why in query.ignored]
    if included.is_cut:
        notes.append(("too-costly", f"more than {MOST_INCLUDED} included: search for the others"))
    return [
        *(_entry(query.subset.of(resource), base, "match") for resource in page),
        *(_entry(query.subset.of(resource), base, "include") for resource in included.resources),
        *_outcomes(notes),
    ]


def _entry(resource: JsonObject, base: str, mode: str) -> JsonObject:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _outcomes(notes: Sequence[tuple[str, str]]) -> Iterator[JsonObject]:
    """One OperationOutcome of all that the one who searches has to know."""
    issues = [
        issue
        for code, words in notes
        for issue in operation_outcome(code=code, diagnostics=words, severity="warning")["issue"]
    ]
    if issues:
        outcome = {"resourceType": "OperationOutcome", "issue": issues}
        yield {"resource": outcome, "search": {"mode": "outcome"}}


def _links(query: Query, total: int, digest: str, url: str) -> Iterator[JsonObject]:
    """Links to this page and to those around it; the first page's is the search itself."""

    def link(relation: str, offset: int) -> JsonObject:
        page = [("_page", page_token(offset, digest))] if offset else []
        written = urlencode([*query.shown, *page], quote_via=quote, safe=_READABLE)
        return {"relation": relation, "url": f"{url}?{written}" if written else url}

    yield link("self", query.offset)
    if query.subset.summary is Summary.COUNT:
        return
    yield link("first", 0)
    if query.offset > 0:
        yield link("previous", max(0, query.offset - query.count))
    if query.offset + query.count < total:
        yield link("next", query.offset + query.count)
    if total > query.count:
        yield link("last", (total - 1) // query.count * query.count)
