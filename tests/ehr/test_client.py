"""What the client replies, whatever an EHR does on real sockets (reliability: 1.3, table B)."""

import logging
from collections.abc import Iterator
from itertools import count

import pytest
from ehr.asking import Asker, asking
from fake_ehr import Behaviour, Call, FakeEhr, bundle, resource, respond, status
from hypothesis import given, settings
from hypothesis import strategies as st
from outbound import faults
from outbound.getting import QUERY, TOKEN

from cds_service.ehr.client import MAX_PAGES, MAX_QUERIES, MAX_TOTAL
from cds_service.outbound.response import LATE, MAX_RESPONSE

COVERAGE = {"resourceType": "Coverage", "id": "1"}


@pytest.fixture
def asker() -> Iterator[Asker]:
    with asking() as made:
        yield made


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


def test_half_a_search_is_no_reply(asker: Asker) -> None:
    """When a later page fails the earlier ones are not used: they would look like all there is."""
    with FakeEhr(status(500)) as ehr:
        ehr.on(QUERY, bundle(COVERAGE, next_page=f"{ehr.base}/pages/2"))
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((), "HTTP status 500")


def test_an_ehr_behind_a_black_hole_is_late(asker: Asker) -> None:
    """B1, bar: an answer within the budget."""
    with faults.black_hole() as base:
        (reply,) = asker.ask_in_a_hurry(base)

    assert reply.failure == LATE


def test_an_ehr_that_never_responds_is_late(asker: Asker) -> None:
    """B2, bar: an answer within the budget."""
    with FakeEhr(faults.silent) as ehr:
        (reply,) = asker.ask_in_a_hurry(ehr.base)

    assert reply.failure == LATE


def test_one_late_response_does_not_cost_the_others(asker: Asker) -> None:
    """B2, bar: others unaffected. What came in time is in the replies."""
    with FakeEhr(bundle(COVERAGE)) as ehr:
        ehr.on("Organization/5", faults.stall)
        replies = asker.ask(ehr.base, "Organization/5", QUERY, patience=1)

    assert [reply.failure for reply in replies] == [LATE, ""]


@pytest.mark.parametrize("code", [201, 206, 302, 400, 401, 403, 406, 422, 429, 500, 502, 503])
def test_an_error_is_a_failure_that_names_the_status(asker: Asker, code: int) -> None:
    """B3, bar: at most one retry; we make none."""
    with FakeEhr(status(code)) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == f"HTTP status {code}"
    assert len(ehr.calls) == 1


def test_a_response_that_makes_no_sense_is_no_data(asker: Asker) -> None:
    """B4, bar: treated as no data."""
    login = respond(b"<html><body>Please log in</body></html>", Content_Type="text/html")
    with FakeEhr(login) as ehr:
        reply = asker.ask_one(ehr.base)

    assert (reply.resources, reply.failure) == ((), "the response is HTML or XML, not JSON")


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


def test_a_fault_of_ours_is_not_taken_for_the_ehrs(asker: Asker) -> None:
    """What is no failure of a request is raised, not hidden in a Reply."""
    with FakeEhr(bundle()) as ehr, pytest.raises(TypeError):
        asker.ask(ehr.base, None)  # type: ignore[arg-type]


def test_pages_without_end_come_to_an_end(asker: Asker) -> None:
    """B5, bar: 10 pages."""
    numbers = count()

    def one_more(call: Call) -> None:
        bundle(next_page=f"?page={next(numbers)}")(call)

    with FakeEhr(one_more) as ehr:
        reply = asker.ask_one(ehr.base)

    assert reply.failure == f"more than {MAX_PAGES} pages"
    assert len(ehr.calls) == MAX_PAGES


def test_many_large_responses_are_too_large_together(asker: Asker) -> None:
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


@pytest.mark.cds_hooks("authorization-3")
@pytest.mark.crd("sec-1")
def test_a_token_is_not_used_once_it_has_expired() -> None:
    """B8, bar: no use after expiry; partial answer."""
    with asking(at_once=1) as asker:

        def respond_late(call: Call) -> None:
            asker.clock.forward += 20
            bundle(COVERAGE)(call)

        with FakeEhr(respond_late) as ehr:
            replies = asker.ask(ehr.base, QUERY, "Organization/5", patience=60, expires_in=20)

    assert [reply.failure for reply in replies] == ["", "the access token has expired"]
    assert len(ehr.calls) == 1


@pytest.mark.cds_hooks("authorization-3")
def test_a_next_page_is_not_asked_for_with_an_expired_token(asker: Asker) -> None:
    """B8, bar: no use after expiry."""
    with FakeEhr(status(500)) as ehr:

        def respond_late(call: Call) -> None:
            asker.clock.forward += 20
            bundle(COVERAGE, next_page="pages/2")(call)

        ehr.on(QUERY, respond_late)
        (reply,) = asker.ask(ehr.base, QUERY, patience=60, expires_in=20)

    assert (reply.resources, reply.failure) == ((), "the access token has expired")
    assert len(ehr.calls) == 1


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize(
    "fault",
    [
        faults.reset_before_response,
        faults.truncated,
        faults.redirect("http://canary.invalid/"),
        status(401),
    ],
    ids=["reset", "truncated", "redirect", "refused"],
)
def test_neither_patients_nor_tokens_get_into_failures_or_logs(
    asker: Asker, caplog: pytest.LogCaptureFixture, fault: Behaviour
) -> None:
    """R5, F9: what identifies somebody, or lets somebody in, is not said."""
    caplog.set_level(logging.DEBUG)
    with FakeEhr(fault) as ehr:
        reply = asker.ask_one(ehr.base)

    assert "canary" not in reply.failure + caplog.text
    assert str(ehr.port) not in reply.failure + caplog.text
