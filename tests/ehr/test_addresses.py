"""Which servers the client asks: nothing leaves for any other, and no token does."""

from collections.abc import Iterator

import pytest
from ehr.asking import Asker, asking
from fake_ehr import FakeEhr, bundle, status
from outbound.getting import QUERY

NOT_OURS = "this server is not one we may ask"
COVERAGE = {"resourceType": "Coverage", "id": "1"}
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
NEXT_ELSEWHERE = (
    "{elsewhere}",
    "//127.0.0.1:{port}/fhir",
    "http://127.0.0.1:{own}@127.0.0.1:{port}/fhir",
    "http://user@127.0.0.1:{own}/fhir",
    "https://127.0.0.1:{own}/fhir",
    "http://localhost:{own}/fhir",
    "http://169.254.169.254/fhir",
    "http://[::1/fhir",
    "http://127.0.0.1:99999/fhir",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
)


@pytest.fixture(scope="module")
def at_home() -> Iterator[Asker]:
    with asking() as made:
        yield made


@pytest.fixture(scope="module")
def with_a_list() -> Iterator[Asker]:
    with asking(["https://listed.example.invalid/fhir"]) as made:
        yield made


@pytest.fixture
def asker() -> Iterator[Asker]:
    with asking() as made:
        yield made


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("base", DISGUISED)
def test_without_a_list_nothing_leaves_this_machine(at_home: Asker, base: str) -> None:
    """E9, bar: refused with no outbound packet."""
    with FakeEhr(bundle()) as ehr:
        reply = at_home.ask_one(base.format(port=ehr.port))

    assert (reply.failure, ehr.connections) == (NOT_OURS, 0)


@pytest.mark.crd("sec-1")
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

    assert reply.failure == ""
    assert ehr.queries == [QUERY]


@pytest.mark.parametrize("token", ["two words", "a\r\nX-Injected: yes", "tök", "\x00"])
def test_a_token_that_is_no_token_is_not_sent(at_home: Asker, token: str) -> None:
    """What would make another header of it, or none, is refused."""
    with FakeEhr(bundle()) as ehr:
        (reply,) = at_home.ask(ehr.base, "Patient/1", token=token)

    assert (reply.failure, ehr.connections) == ("the access token is malformed", 0)


def test_what_is_no_query_is_not_asked(at_home: Asker) -> None:
    """An id that would lead elsewhere costs no connection."""
    with FakeEhr(bundle()) as ehr:
        reply = at_home.ask_one(ehr.base, "Patient/1/../../admin")

    assert (reply.failure, ehr.connections) == ("not a FHIR read or search", 0)


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize("link", NEXT_ELSEWHERE)
def test_the_token_goes_to_no_other_server_for_the_next_page(asker: Asker, link: str) -> None:
    """R17: the token is sent only to the origin of the EHR's base."""
    with FakeEhr(bundle()) as elsewhere, FakeEhr(status(500)) as ehr:
        target = link.format(elsewhere=elsewhere.base, port=elsewhere.port, own=ehr.port)
        ehr.on(QUERY, bundle(COVERAGE, next_page=target))
        reply = asker.ask_one(ehr.base)

    assert reply.resources == ()
    assert reply.failure
    assert (len(ehr.calls), elsewhere.connections) == (1, 0)


def test_a_backslash_in_a_link_is_no_way_to_another_server(asker: Asker) -> None:
    """R17: what some take for a user and a host stays a path at the same server."""
    with FakeEhr(bundle()) as elsewhere, FakeEhr(status(500)) as ehr:
        link = f"http://127.0.0.1:{ehr.port}\\@127.0.0.1:{elsewhere.port}/fhir"
        ehr.on(QUERY, bundle(COVERAGE, next_page=link))
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, elsewhere.connections) == ((), 0)
