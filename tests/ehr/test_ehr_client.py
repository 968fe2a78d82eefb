"""The EHR client against an EHR that does what EHRs do, on real sockets (reliability: 1.2, 1.3, table B)."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ehr import faults
from ehr.asking import QUERY, TOKEN, Asker, asking
from ehr.certificates import Authority, make_signer
from fake_ehr import Behaviour, Call, FakeEhr, answer, bundle, reset, resource, status
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.ehr.client import MAX_PAGES, MAX_QUERIES, MAX_TOTAL
from cds_service.outbound.failures import LATE
from cds_service.outbound.transport import MAX_RESPONSE

COVERAGE = {"resourceType": "Coverage", "id": "1"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "security"}]}
REMARK = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "warning", "code": "processing"}],
}
READ = "Patient/1"

NEVER_DONE = (
    faults.silent,
    faults.stall,
    faults.slow_body,
    faults.slow_status,
    faults.slow_headers,
    faults.slow_chunks,
    faults.endless_continue,
)
BROKEN = (
    faults.reset_before_answer,
    faults.reset_mid_body,
    faults.truncated,
    faults.not_http,
    faults.endless_line,
)
GARBAGE: dict[str, tuple[str, Behaviour]] = {
    "HTML": (QUERY, answer(b"<html><body>Please log in</body></html>", Content_Type="text/html")),
    "truncated JSON": (QUERY, answer(faults.EMPTY_BUNDLE[:20])),
    "two JSON values": (QUERY, answer(faults.EMPTY_BUNDLE * 2)),
    "deep nesting": (QUERY, answer(b"[" * 100_000)),
    "nothing": (QUERY, answer(b"")),
    "null": (QUERY, answer(b"null")),
    "a list": (QUERY, answer(b"[" + faults.EMPTY_BUNDLE + b"]")),
    "no type": (QUERY, answer(b"{}")),
    "no content": (QUERY, answer(b"", code=204)),
    "a resource for a search": (QUERY, resource("Coverage", id="1")),
    "another type": (READ, resource("Practitioner", id="1")),
    "a Bundle for a read": (READ, bundle({"resourceType": "Patient", "id": "1"})),
    "another patient": (READ, resource("Patient", id="2")),
    "an error": (READ, resource("OperationOutcome", issue=OUTCOME["issue"])),
    "an error among data": (QUERY, bundle(COVERAGE, OUTCOME)),
    "an error that says nothing": (QUERY, bundle(COVERAGE, {"resourceType": "OperationOutcome"})),
}
REDIRECTS = (
    *((code, "{elsewhere}") for code in (301, 302, 303, 307, 308)),
    (302, "http://169.254.169.254/latest/meta-data"),
    (302, "file:///etc/passwd"),
    (302, "/fhir/Coverage"),
    (302, ""),
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


@pytest.fixture
def asker() -> Iterator[Asker]:
    with asking() as made:
        yield made


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(
        tmp_path_factory.mktemp("certificates"), make_signer("authority.example.invalid")
    )


def test_replies_come_in_the_order_of_the_queries(asker: Asker) -> None:
    """Each query has its own Reply, whatever became of the others."""
    with FakeEhr(status(404)) as ehr:
        ehr.on("Coverage?patient=1", bundle(COVERAGE))
        ehr.on("Patient/1", resource("Patient", id="1"))
        replies = asker.ask(ehr.base, "Coverage?patient=1", "Organization/5", "Patient/1")

    assert [reply.query for reply in replies] == [
        "Coverage?patient=1",
        "Organization/5",
        "Patient/1",
    ]
    assert [len(reply.resources) for reply in replies] == [1, 0, 1]
    assert [reply.failure for reply in replies] == ["", "", ""]


def test_nothing_asked_is_nothing_replied(asker: Asker) -> None:
    """No queries, no replies, no connection."""
    with FakeEhr(bundle()) as ehr:
        replies = asker.ask(ehr.base)

    assert (replies, ehr.connections) == ((), 0)


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_gone_is_nothing_and_no_problem(asker: Asker, code: int) -> None:
    """Not found means that the EHR has looked."""
    with FakeEhr(status(code)) as ehr:
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((), "")


def test_all_pages_of_a_search_are_one_reply(asker: Asker) -> None:
    """`next` links are followed at the same server, with the token."""
    pages = [{"resourceType": "Coverage", "id": str(number)} for number in range(3)]
    with FakeEhr(status(500)) as ehr:
        ehr.on("pages/2", bundle(pages[1], next_page="3"))
        ehr.on("pages/3", bundle(pages[2]))
        ehr.on(QUERY, bundle(pages[0], next_page=f"{ehr.base}/pages/2"))
        reply = asker.ask_one(ehr.base)

    assert list(reply.resources) == pages
    assert [call.headers["authorization"] for call in ehr.calls] == [f"Bearer {TOKEN}"] * 3


def test_half_a_search_is_no_answer(asker: Asker) -> None:
    """When a later page fails the earlier ones are not used: they would look like everything there is."""
    with FakeEhr(status(500)) as ehr:
        ehr.on(QUERY, bundle(COVERAGE, next_page=f"{ehr.base}/pages/2"))
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((), "HTTP status 500")


def test_remarks_about_a_search_are_no_errors(asker: Asker) -> None:
    """An outcome entry that only warns or informs leaves the data good (FHIR R4 search.html)."""
    with FakeEhr(bundle(COVERAGE, REMARK)) as ehr:
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((COVERAGE,), "")


def test_an_ehr_that_refuses_connections_is_a_problem(asker: Asker) -> None:
    """B1, bar: an answer within the budget."""
    with faults.refused() as base:
        reply = asker.ask_one(base)

    assert reply.failure == "the server refuses connections"


def test_an_ehr_behind_a_black_hole_is_late(asker: Asker) -> None:
    """B1, bar: an answer within the budget."""
    with faults.black_hole() as base:
        (reply,) = asker.ask_in_a_hurry(base)

    assert reply.failure == LATE


@pytest.mark.parametrize("fault", NEVER_DONE, ids=lambda fault: fault.__name__)
def test_an_answer_that_does_not_end_is_late_and_cut_off(asker: Asker, fault: Behaviour) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(fault) as ehr:
        (reply,) = asker.ask_in_a_hurry(ehr.base)

        assert reply.failure == LATE
        assert ehr.has_lost(1)


@pytest.mark.parametrize("fault", NEVER_DONE, ids=lambda fault: fault.__name__)
def test_an_answer_over_tls_that_does_not_end_is_late_and_cut_off(
    fault: Behaviour, authority: Authority
) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(fault, tls=authority.server()) as ehr, asking(ca_file=authority.ca_file) as asker:
        (reply,) = asker.ask_in_a_hurry(ehr.base)

        assert reply.failure == LATE
        assert ehr.has_lost(1)


def test_a_handshake_that_does_not_end_is_late_and_cut_off(authority: Authority) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(bundle(), tls=authority.server(), greet=_ignore) as ehr, asking() as asker:
        (reply,) = asker.ask_in_a_hurry(ehr.base)

        assert reply.failure == LATE
        assert ehr.has_lost(1)


def _ignore(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def test_one_late_answer_does_not_cost_the_others(asker: Asker) -> None:
    """B2, bar: others unaffected. What came in time is in the replies."""
    with FakeEhr(bundle(COVERAGE)) as ehr:
        ehr.on("Organization/5", faults.stall)
        replies = asker.ask(ehr.base, "Organization/5", QUERY, patience=1)

    assert [reply.failure for reply in replies] == [LATE, ""]


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault.__name__)
def test_a_broken_answer_is_a_problem_and_not_asked_for_again(
    asker: Asker, fault: Behaviour
) -> None:
    """B2, B6, bar: an answer within the budget, no retry on a connection that was new."""
    with FakeEhr(fault) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure
    assert len(ehr.calls) == 1


@pytest.mark.parametrize("code", [201, 206, 400, 401, 403, 406, 422, 429, 500, 502, 503])
def test_an_error_is_a_problem_that_names_the_status(asker: Asker, code: int) -> None:
    """B3, bar: at most one retry; we make none."""
    with FakeEhr(status(code)) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == f"HTTP status {code}"
    assert len(ehr.calls) == 1


@pytest.mark.parametrize("name", GARBAGE)
def test_an_answer_that_makes_no_sense_is_no_data(asker: Asker, name: str) -> None:
    """B4, bar: treated as no data; another patient's record is never used."""
    query, behaviour = GARBAGE[name]
    with FakeEhr(behaviour) as ehr:
        reply = asker.ask_one(ehr.base, query)

    assert reply.resources == ()
    assert reply.failure


@settings(max_examples=50, deadline=None)
@given(
    head=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", faults.HEAD + b"\r\n"]),
    rest=st.binary(max_size=200),
)
def test_no_bytes_at_all_upset_the_client(head: bytes, rest: bytes) -> None:
    """Whatever an EHR sends, there is one Reply, with resources or without."""

    def send(call: Call) -> None:
        call.send(head + rest)
        call.hang_up()

    with FakeEhr(send) as ehr, asking() as asker:
        reply = asker.ask_one(ehr.base)

    assert reply.query == QUERY


@pytest.mark.parametrize(
    "fault", [faults.endless_body, faults.endless_chunks], ids=lambda fault: fault.__name__
)
def test_an_answer_too_large_is_cut_off(asker: Asker, fault: Behaviour) -> None:
    """B5, bar: 2 MB a response."""
    with FakeEhr(fault) as ehr:
        reply = asker.ask_one(ehr.base)

        assert reply.failure == "the response is too large"
        assert ehr.has_lost(1)


@pytest.mark.parametrize(("excess", "problem"), [(0, ""), (1, "the response is too large")])
def test_an_answer_may_be_just_as_large_as_allowed(asker: Asker, excess: int, problem: str) -> None:
    """B5, bar: 2 MB a response."""
    with FakeEhr(answer(faults.EMPTY_BUNDLE.ljust(MAX_RESPONSE + excess))) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == problem


def test_a_gzip_bomb_is_not_unpacked(asker: Asker) -> None:
    """B5, bar: memory stays small. We ask for no compression and read none."""
    with FakeEhr(faults.gzip_bomb()) as ehr:
        reply = asker.ask_one(ehr.base)

    assert ehr.calls[0].headers["accept-encoding"] == "identity"
    assert reply.failure == "the response is compressed, which we did not ask for"


def test_pages_without_end_come_to_an_end(asker: Asker) -> None:
    """B5, bar: 10 pages."""
    with FakeEhr(faults.endless_pages()) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == f"more than {MAX_PAGES} pages"
    assert len(ehr.calls) == MAX_PAGES


def test_many_large_answers_are_too_large_together(asker: Asker) -> None:
    """B5, bar: memory grows by less than 100 MB, which ten pages of 2 MB would not keep."""
    page = resource(
        "Bundle", link=[{"relation": "next", "url": "?page=2"}], text="x" * (MAX_RESPONSE - 1000)
    )
    with FakeEhr(page) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == "the responses together are too large"
    assert len(ehr.calls) == MAX_TOTAL // MAX_RESPONSE + 1


def test_queries_beyond_the_most_are_not_asked(asker: Asker) -> None:
    """B5, bar: 20 queries; each of the others has a Reply that says so."""
    queries = [f"Organization/{number}" for number in range(MAX_QUERIES + 2)]
    with FakeEhr(status(404)) as ehr:
        replies = asker.ask(ehr.base, *queries)

    assert sorted(ehr.queries) == sorted(queries[:MAX_QUERIES])
    assert [reply.query for reply in replies] == queries
    assert [bool(reply.failure) for reply in replies] == [False] * MAX_QUERIES + [True] * 2


def test_a_certificate_we_trust_is_accepted(authority: Authority) -> None:
    """B6: TLS that is in order works."""
    with (
        FakeEhr(bundle(COVERAGE), tls=authority.server()) as ehr,
        asking(ca_file=authority.ca_file) as asker,
    ):
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((COVERAGE,), "")


@pytest.mark.parametrize(
    ("flaw", "cause"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"self_signed": True}, "self-signed certificate"),
        ({"host": "other.example.invalid"}, "it is for another host"),
    ],
)
def test_a_bad_certificate_is_refused(
    authority: Authority, flaw: dict[str, Any], cause: str
) -> None:
    """B6, bar: refused; message names the cause."""
    with (
        FakeEhr(bundle(), tls=authority.server(**flaw)) as ehr,
        asking(ca_file=authority.ca_file) as asker,
    ):
        reply = asker.ask_one(ehr.base)

    assert (
        reply.failure.replace("self signed", "self-signed")
        == f"the server's certificate is refused: {cause}"
    )
    assert ehr.calls == []


def test_a_certificate_of_an_authority_we_do_not_know_is_refused(
    asker: Asker, authority: Authority
) -> None:
    """B6, bar: refused. Only the authorities named, or requests' own, are trusted."""
    with FakeEhr(bundle(), tls=authority.server()) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure.startswith("the server's certificate is refused: ")
    assert ehr.calls == []


def test_old_tls_is_refused(authority: Authority) -> None:
    """B6, bar: never downgraded."""
    with (
        FakeEhr(bundle(), tls=authority.old_server()) as ehr,
        asking(ca_file=authority.ca_file) as asker,
    ):
        reply = asker.ask_one(ehr.base)

    assert reply.failure.startswith("TLS failed: ")
    assert ehr.calls == []


def test_an_ehr_without_tls_is_not_asked_without_it(asker: Asker) -> None:
    """B6, bar: never downgraded."""
    with FakeEhr(
        bundle(), greet=lambda plain: plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    ) as ehr:
        reply = asker.ask_one(ehr.base.replace("http:", "https:"))

    assert reply.failure.startswith("TLS failed: ")
    assert TOKEN not in str([call.headers for call in ehr.calls])


def test_a_reset_in_the_handshake_is_a_problem(authority: Authority) -> None:
    """B6, bar: refused; one connection and no more."""
    with FakeEhr(bundle(), tls=authority.server(), greet=reset) as ehr, asking() as asker:
        reply = asker.ask_one(ehr.base)

    assert reply.failure
    assert ehr.connections == 1


@pytest.mark.parametrize(("code", "target"), REDIRECTS)
def test_no_redirect_is_followed(asker: Asker, code: int, target: str) -> None:
    """B7, bar: not followed; token not sent."""
    with FakeEhr(bundle()) as elsewhere, FakeEhr(faults.redirect("")) as ehr:
        ehr.on(QUERY, faults.redirect(target.format(elsewhere=elsewhere.base), code))
        reply = asker.ask_one(ehr.base)

    assert reply.failure == f"HTTP status {code}"
    assert (len(ehr.calls), elsewhere.connections) == (1, 0)


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


def test_a_token_is_not_used_once_it_has_expired() -> None:
    """B8, bar: no use after expiry; partial answer."""
    with asking(at_once=1) as asker:

        def answer_late(call: Call) -> None:
            asker.clock.forward += 20
            bundle(COVERAGE)(call)

        with FakeEhr(answer_late) as ehr:
            replies = asker.ask(ehr.base, QUERY, "Organization/5", patience=60, expires_in=20)

    assert [reply.failure for reply in replies] == ["", "the access token has expired"]
    assert len(ehr.calls) == 1


def test_a_next_page_is_not_asked_for_with_an_expired_token(asker: Asker) -> None:
    """B8, bar: no use after expiry."""
    with FakeEhr(status(500)) as ehr:

        def answer_late(call: Call) -> None:
            asker.clock.forward += 20
            bundle(COVERAGE, next_page="pages/2")(call)

        ehr.on(QUERY, answer_late)
        (reply,) = asker.ask(ehr.base, QUERY, patience=60, expires_in=20)

    assert (reply.resources, reply.failure) == ((), "the access token has expired")
    assert len(ehr.calls) == 1


def test_no_environment_and_no_cookie_gets_into_a_request(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies and netrc are not read, and what an EHR sets in one call it does not see in the next."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary")
    with (
        FakeEhr(bundle()) as proxy,
        FakeEhr(answer(faults.EMPTY_BUNDLE, Set_Cookie="seen=yes; Path=/")) as ehr,
    ):
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HTTP_PROXY", proxy.base)
        monkeypatch.setenv("ALL_PROXY", proxy.base)
        replies = [*asker.ask(ehr.base, QUERY, token=""), *asker.ask(ehr.base, QUERY, token="")]

    assert [reply.failure for reply in replies] == ["", ""]
    assert proxy.connections == 0
    assert all({"authorization", "cookie"}.isdisjoint(call.headers) for call in ehr.calls)


@pytest.mark.parametrize(
    "fault",
    [
        faults.reset_before_answer,
        faults.truncated,
        faults.redirect("http://canary.invalid/"),
        status(401),
    ],
    ids=["reset", "truncated", "redirect", "refused"],
)
def test_neither_patients_nor_tokens_get_into_problems_or_logs(
    asker: Asker, caplog: pytest.LogCaptureFixture, fault: Behaviour
) -> None:
    """R5, F9: what identifies somebody, or lets somebody in, is not said."""
    caplog.set_level(logging.DEBUG)
    with FakeEhr(fault) as ehr:
        reply = asker.ask_one(ehr.base)

    assert "canary" not in reply.failure + caplog.text
    assert str(ehr.port) not in reply.failure + caplog.text


def test_headers_that_make_no_sense_do_not_get_an_address_logged(
    asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    """F9: urllib3 would warn about them, with the whole address."""
    with FakeEhr(faults.broken_headers) as ehr:
        asker.ask_one(ehr.base)

    assert caplog.text == ""
