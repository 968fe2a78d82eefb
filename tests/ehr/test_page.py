"""What an HTTP response means to a query."""

import pytest

from cds_service.ehr.page import Page, read_page
from cds_service.ehr.query import parse_query
from cds_service.errors import RequestFailed
from cds_service.fhir.resource import JsonObject, decode, encode
from cds_service.outbound.response import HttpResponse

SEARCH, READ = "Coverage?patient=1", "Patient/1"
COVERAGE = {"resourceType": "Coverage", "id": "1"}
PATIENT = {"resourceType": "Patient", "id": "1"}
WARNING = {"severity": "warning", "code": "processing"}
SECURITY = {"severity": "error", "code": "security"}
REMARK = {"resourceType": "OperationOutcome", "issue": [WARNING]}
ERROR = {"resourceType": "OperationOutcome", "issue": [SECURITY]}
BOTH = {"resourceType": "OperationOutcome", "issue": [WARNING, SECURITY]}


def bundle(*resources: JsonObject) -> bytes:
    """A page of search results."""
    entry = [{"resource": resource} for resource in resources]
    return encode({"resourceType": "Bundle", "type": "searchset", "entry": entry})


def read(query: str, body: bytes, status: int = 200) -> Page:
    """What a response means to a query."""
    return read_page(HttpResponse(status=status, body=body), parse_query(query))


GARBAGE = {
    "HTML": (SEARCH, b"<html><body>Please log in</body></html>"),
    "truncated JSON": (SEARCH, bundle()[:20]),
    "two JSON values": (SEARCH, bundle() * 2),
    "deep nesting": (SEARCH, b"[" * 100_000),
    "nothing": (SEARCH, b""),
    "null": (SEARCH, b"null"),
    "a list": (SEARCH, b"[" + bundle() + b"]"),
    "no type": (SEARCH, b"{}"),
    "a resource for a search": (SEARCH, encode(COVERAGE)),
    "another type": (READ, encode({"resourceType": "Practitioner", "id": "1"})),
    "a Bundle for a read": (READ, bundle(PATIENT)),
    "another patient": (READ, encode({**PATIENT, "id": "2"})),
    "an error": (READ, encode(ERROR)),
    "an error among data": (SEARCH, bundle(COVERAGE, ERROR)),
    "an error among remarks": (SEARCH, bundle(COVERAGE, REMARK, ERROR)),
    "an error and a remark in one": (SEARCH, bundle(COVERAGE, BOTH)),
    "an error that says nothing": (SEARCH, bundle(COVERAGE, {"resourceType": "OperationOutcome"})),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_response_that_makes_no_sense_is_a_failure(name: str) -> None:
    """B4, bar: treated as no data; another patient's record is never used."""
    query, body = GARBAGE[name]

    with pytest.raises(RequestFailed):
        read(query, body)


@pytest.mark.parametrize("status", [201, 204, 206, 302, 400, 401, 403, 406, 422])
def test_any_status_but_ok_is_a_failure(status: int) -> None:
    """The data that may come with it is not what was asked for."""
    with pytest.raises(RequestFailed, match=f"HTTP status {status}"):
        read(SEARCH, bundle(COVERAGE), status)


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_gone_is_nothing_and_no_failure(status: int) -> None:
    """Not found means that the EHR has looked."""
    page = read(SEARCH, encode(ERROR), status)

    assert page == Page()


def test_a_resource_read_is_a_page() -> None:
    """It need not repeat its id."""
    named, unnamed = read(READ, encode(PATIENT)), read(READ, b'{"resourceType":"Patient"}')

    assert named == Page(resources=(PATIENT,))
    assert unnamed == Page(resources=({"resourceType": "Patient"},))


def test_a_page_links_to_the_next() -> None:
    """Other links do not lead on."""
    links = [
        {"relation": "self", "url": "here"},
        {"relation": "next", "url": "there"},
        {"relation": "last", "url": "far"},
    ]

    page = read(SEARCH, encode({"resourceType": "Bundle", "link": links}))

    assert page.next == "there"


def test_remarks_about_a_search_are_no_errors() -> None:
    """An outcome entry that only warns or informs leaves the data good (FHIR R4 search.html)."""
    page = read(SEARCH, bundle(COVERAGE, REMARK))

    assert page == Page(resources=(COVERAGE,))


@pytest.mark.crd("resp-37")
def test_what_the_ehr_holds_keeps_its_digits() -> None:
    """An order that was only named goes back as it was read."""
    order = b'{"resourceType":"Encounter","id":"1","length":{"value":1.50},"count":1e3}'
    whole = b'{"resourceType":"Bundle","entry":[{"resource":' + order + b"}]}"
    (read_by_id,) = read("Encounter/1", order).resources
    (found,) = read("Encounter?_id=1", whole).resources

    assert encode(read_by_id) == encode(found) == encode(decode(order))
    assert b'"value":1.50' in encode(found)
