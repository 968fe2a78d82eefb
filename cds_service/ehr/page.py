"""What an HTTP response means to the query that was sent: resources, nothing, or a failure."""

from dataclasses import dataclass

from cds_service.cds_hooks.prefetch import read_resources
from cds_service.ehr.query import Query
from cds_service.errors import RequestFailed
from cds_service.fhir.resource import Json, JsonObject, decode, follow, objects, resource_type, text
from cds_service.outbound.response import HttpResponse

OK, GONE = 200, (404, 410)
_REMARKS = ("information", "warning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The resources in one response; `next` is the link to more, if any."""

    resources: tuple[JsonObject, ...] = ()
    next: str = ""


def read_page(response: HttpResponse, query: Query) -> Page:
    """The resources in a response; none if the EHR has none.

    Raises:
        RequestFailed: the response is an error, or not what was asked for.
    """
    if response.status in GONE:
        return Page()
    if response.status != OK:
        raise RequestFailed(f"HTTP status {response.status}")
    resource = _decode(response.body)
    return _read_resource(resource, query) if query.id else _read_bundle(resource)


def _decode(body: bytes) -> JsonObject:
    try:
        value: Json = decode(body)
    except ValueError as error:
        found = "HTML or XML, not JSON" if body.lstrip().startswith(b"<") else "not JSON"
        raise RequestFailed(f"the response is {found}") from error
    if not isinstance(value, dict) or not resource_type(value):
        raise RequestFailed("the response is not a FHIR resource")
    return value


def _read_resource(resource: JsonObject, query: Query) -> Page:
    if resource_type(resource) != query.type:
        raise RequestFailed("the response is a resource of another type")
    if text(resource.get("id")) not in ("", query.id):  # FHIR R4 http.html#read
        raise RequestFailed("the response is another resource")
    return Page(resources=(resource,))


def _read_bundle(bundle: JsonObject) -> Page:
    if resource_type(bundle) != "Bundle":
        raise RequestFailed("the response to a search is no Bundle")
    if _has_error(bundle):
        raise RequestFailed("the response contains an error")
    return Page(
        resources=tuple(found.resource for found in read_resources(bundle)),
        next=_next_link(bundle),
    )


def _has_error(bundle: JsonObject) -> bool:
    """Whether the EHR reports more beside its data than how it searched (FHIR R4 search.html)."""
    return any(
        resource_type(resource) == "OperationOutcome" and not _is_remark(resource)
        for resource in follow(bundle, ("entry", "resource"))
    )


def _is_remark(outcome: JsonObject) -> bool:
    """Whether an OperationOutcome has issues, and all of them leave the data good."""
    severities = [issue.get("severity") for issue in objects(outcome.get("issue"))]
    return bool(severities) and all(severity in _REMARKS for severity in severities)


def _next_link(bundle: JsonObject) -> str:
    for link in objects(bundle.get("link")):
        if link.get("relation") == "next":
            return text(link.get("url"))
    return ""
