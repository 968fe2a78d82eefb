"""What is a FHIR query, and that none leads anywhere else."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Request

from cds_service.ehr.query import first_page, parse_query
from cds_service.errors import RequestFailed
from cds_service.outbound.access import check_origin

NO_QUERIES = (
    "",
    "/Patient/1",
    "//ehr.example.invalid/Patient/1",
    "https://ehr.example.invalid/Patient/1",
    "@ehr.example.invalid/Patient/1",
    "../admin",
    "Patient/..",
    "Patient/.",
    "Patient/1/../../admin",
    "Patient/%2e%2e",
    "Patient/1#fragment",
    "Patient?x=1#fragment",
    "Patient",
    "Patient?",
    "patient/1",
    "Patient/1\r\nX-Injected: yes",
    "Patient?name=two words",
    "Patient?name=é",
    "Patient/" + "1" * 65,
)


@pytest.mark.parametrize("query", NO_QUERIES)
def test_what_is_no_read_or_search_is_no_query(query: str) -> None:
    """Ids come from the client; none can make another address of a query."""
    with pytest.raises(RequestFailed, match="not a FHIR read or search"):
        parse_query(query)


@settings(max_examples=200, deadline=None)
@given(query=st.from_regex(r"[A-Z][A-Za-z]*[/?][!-~]{0,30}", fullmatch=True))
def test_no_query_leads_out_of_its_base(query: str) -> None:
    """Whatever is let through stays at the same server, under the same path."""
    base = "https://ehr.example.invalid/tenant/fhir"
    try:
        url = Request("GET", first_page(base, parse_query(query))).prepare().url or ""
    except RequestFailed:
        return

    check_origin(url, base)
    assert urlsplit(url).path.startswith("/tenant/fhir/")
