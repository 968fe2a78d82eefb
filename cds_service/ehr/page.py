"""What an HTTP answer means to the query that asked for it: resources, nothing, or a problem."""

from dataclasses import dataclass

from cds_service.cds_hooks.prefetch import has_failed, read_resources
from cds_service.ehr.query import Query
from cds_service.fhir.resource import Json, JsonObject, decode, follow, objects, resource_type, text
from cds_service.outbound.problem import Problem
from cds_service.outbound.transport import Answer

OK, GONE = 200, (404, 410)
_REMARKS = ("information", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The resources of one answer; `next` is the link to more, if any."""

    resources: tuple[JsonObject, ...] = ()
    next: str = ""


def read_page(answer: Answer, query: Query) -> Page:
    """The resources in an answer; none if the EHR has none.

    Raises:
        Problem: the answer is an error, or not what was asked for.
    """
    if answer.status in GONE:
        return Page()
    if answer.status != OK:
        raise Problem(f"the EHR answers {answer.status}")
    return (
        _read_resource(_decode(answer.body), query)
        if query.id
        else _read_bundle(_decode(answer.body))
    )


def _decode(body: bytes) -> JsonObject:
    try:
        value: Json = decode(body)
    except ValueError as error:
        raise Problem("the answer is not JSON") from error
    if not isinstance(value, dict) or not resource_type(value):
        raise Problem("the answer is not a FHIR resource")
    return value


def _read_resource(resource: JsonObject, query: Query) -> Page:
    if resource_type(resource) != query.type:
        raise Problem("the answer is a resource of another type")
    if text(resource.get("id")) not in ("", query.id):  # FHIR R4 http.html#read
        raise Problem("the answer is another resource")
    return Page(resources=(resource,))


def _read_bundle(bundle: JsonObject) -> Page:
    if resource_type(bundle) != "Bundle":
        raise Problem("the answer to a search is no Bundle")
    if has_failed(bundle) and not _only_remarks(bundle):
        raise Problem("the answer contains an error")
    found = tuple(one.resource for one in read_resources(bundle))
    links = (
        text(link.get("url"))
        for link in objects(bundle.get("link"))
        if link.get("relation") == "next"
    )
    return Page(resources=found, next=next(links, ""))


def _only_remarks(bundle: JsonObject) -> bool:
    """Whether all the EHR has to say beside its data is how it searched (FHIR R4 search.html, outcome entries)."""
    outcomes = [
        one
        for one in follow(bundle, ("entry", "resource"))
        if resource_type(one) == "OperationOutcome"
    ]
    issues = [follow(one, ("issue",)) for one in outcomes]
    return all(
        found and all(issue.get("severity") in _REMARKS for issue in found) for found in issues
    )
