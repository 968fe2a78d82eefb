"""Which addresses are asked, and with what: nothing leaves for any other."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from ehr.asking import TOKEN, Asker, asking
from fake_ehr import FakeEhr, bundle
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import Request
from urllib3.util import parse_url

from cds_service.ehr.query import first_page, parse_query
from cds_service.outbound.access import Access, check_access, check_origin
from cds_service.outbound.failures import RequestFailed

NOT_OURS = "this server is not one we may ask"
# All of these lead to the fake, or would with a careless parser.
DISGUISED = (
    "http://user@127.0.0.1:{port}/fhir",
    "http://user:secret@127.0.0.1:{port}",
    "http://ehr.example.invalid@127.0.0.1:{port}",
    "http://127.0.0.1:{port}@169.254.169.254",
    "http://127.0.0.1:{port}#@ehr.example.invalid/",
    "http://127.0.0.1:{port}?@ehr.example.invalid/",
    "http://127.0.0.1:{port}\\@ehr.example.invalid/",
    "http://127.0.0.1:{port}/fhir?to=",
    "http://2130706433:{port}/fhir",
    "http://0x7f000001:{port}/fhir",
    "http://0177.0.0.1:{port}/fhir",
    "http://127.1:{port}/fhir",
    "http://0:{port}/fhir",
    "http://0.0.0.0:{port}/fhir",
    "http://[::ffff:169.254.169.254]:{port}/fhir",
    "http://[::]:{port}/fhir",
    "http://127.0.0.1.:{port}/fhir",
    "http://127。0。0。1:{port}/fhir",
    "http://127.0.0.1:{port}/fhir\r\nX-Injected: yes",
    " http://127.0.0.1:{port}/fhir",
    "http:127.0.0.1:{port}/fhir",
    "//127.0.0.1:{port}/fhir",
    "127.0.0.1:{port}/fhir",
    "http://",
    "",
    "ftp://127.0.0.1:{port}/fhir",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/fhir",
    "gopher://127.0.0.1:{port}/_GET",
    "http://169.254.169.254/latest/meta-data",
    "http://metadata.google.internal/",
    "https://10.0.0.1/fhir",
    "https://ehr.example.invalid/fhir",
)
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


@pytest.fixture(scope="module")
def at_home() -> Iterator[Asker]:
    with asking() as made:
        yield made


@pytest.fixture(scope="module")
def with_a_list() -> Iterator[Asker]:
    with asking(["https://listed.example.invalid/fhir"]) as made:
        yield made


def access(base: str, token: str = TOKEN) -> Access:
    """An access that does not expire."""
    return Access(base=base, token=token, expires=float("inf"))


def test_a_token_is_not_shown() -> None:
    """R5: an Access in a log or a trace does not give its token away."""
    shown = repr(access("https://ehr.example.invalid"))

    assert TOKEN not in shown


@pytest.mark.parametrize("base", DISGUISED)
def test_without_a_list_nothing_leaves_this_machine(at_home: Asker, base: str) -> None:
    """E9, bar: refused with no outbound packet."""
    with FakeEhr(bundle()) as ehr:
        reply = at_home.ask_one(base.format(port=ehr.port))

    assert (reply.failure, ehr.connections) == (NOT_OURS, 0)


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:{port}/fhir", "http://127.0.0.1:{port}/fhir/", *DISGUISED]
)
def test_with_a_list_nothing_else_is_asked(with_a_list: Asker, base: str) -> None:
    """E9, bar: refused with no outbound packet, this machine included."""
    with FakeEhr(bundle()) as ehr:
        reply = with_a_list.ask_one(base.format(port=ehr.port))

    assert (reply.failure, ehr.connections) == (NOT_OURS, 0)


@pytest.mark.parametrize("base", ["http://127.0.0.1:{port}/fhir", "http://127.0.0.1:{port}/fhir/"])
def test_an_ehr_on_the_list_is_asked(base: str) -> None:
    """A final slash makes no difference."""
    with FakeEhr(bundle()) as ehr, asking([ehr.base]) as asker:
        reply = asker.ask_one(base.format(port=ehr.port))

    assert (reply.failure, len(ehr.calls)) == ("", 1)


def test_a_listed_ehr_elsewhere_is_not_asked_without_tls() -> None:
    """R4, R8: refused even if an operator lists it."""
    base = "http://ehr.example.invalid/fhir"

    with pytest.raises(RequestFailed, match="without TLS"):
        check_access(access(base), [base])


@pytest.mark.parametrize("token", ["two words", "a\r\nX-Injected: yes", "tök", "\x00"])
def test_a_token_that_is_no_token_is_not_sent(at_home: Asker, token: str) -> None:
    """What would make another header of it, or none, is refused."""
    with FakeEhr(bundle()) as ehr:
        (reply,) = at_home.ask(ehr.base, "Patient/1", token=token)

    assert (reply.failure, ehr.connections) == ("the access token is malformed", 0)


@pytest.mark.parametrize("query", NO_QUERIES)
def test_what_is_no_read_or_search_is_not_asked(at_home: Asker, query: str) -> None:
    """Ids come from the client; none can make another address of a query."""
    with FakeEhr(bundle()) as ehr:
        reply = at_home.ask_one(ehr.base, query)

    assert (reply.failure, ehr.connections) == ("not a FHIR read or search", 0)


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


@settings(max_examples=200, deadline=None)
@given(rest=st.text(alphabet="127.0:/@#?[]\\%lochast ", max_size=24))
def test_every_parser_takes_an_address_let_through_for_this_machine(rest: str) -> None:
    """What is checked is what requests and urllib3 will connect to."""
    base = f"http://127.0.0.1{rest}"
    try:
        check_access(access(base), ())
    except RequestFailed:
        return

    assert urlsplit(base).hostname == parse_url(base).host
    assert ip_address(urlsplit(base).hostname or "").is_loopback
