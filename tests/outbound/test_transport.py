"""One GET, whatever a server does on real sockets (reliability: 1.2, table B)."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_ehr import Behaviour, FakeEhr, bundle, respond, status
from outbound import faults
from outbound.getting import MEDIA_TYPE, QUERY, SHORT, TOKEN, Getter, getting

from cds_service.errors import ServerFailed
from cds_service.outbound.access import Access
from cds_service.outbound.response import LATE, MAX_RESPONSE

BROKEN = (
    faults.reset_before_response,
    faults.reset_mid_body,
    faults.truncated,
    faults.not_http,
    faults.endless_line,
)
REDIRECTS = (
    *((code, "{elsewhere}") for code in (301, 302, 303, 307, 308)),
    (302, "http://169.254.169.254/latest/meta-data"),
    (302, "file:///etc/passwd"),
    (302, "/fhir/Coverage"),
    (302, ""),
)


@pytest.fixture
def getter() -> Iterator[Getter]:
    with getting() as made:
        yield made


def test_a_response_comes_whole(getter: Getter) -> None:
    """Status and body are the server's, whatever the status says."""
    with FakeEhr(respond(b"gone", code=410)) as server:
        response = getter.get(server.base)

    assert (response.status, response.body) == (410, b"gone")


def test_a_request_names_the_media_type_and_bears_the_token(getter: Getter) -> None:
    """One address, one token, one kind of response."""
    with FakeEhr(bundle()) as server:
        getter.get(server.base)

    (call,) = server.calls
    assert call.path == f"/fhir/{QUERY}"
    assert (call.headers["accept"], call.headers["authorization"]) == (
        MEDIA_TYPE,
        f"Bearer {TOKEN}",
    )


def test_a_request_bears_the_trace_of_the_call_it_is_made_for(getter: Getter) -> None:
    """Each request is a span of its own in it (W3C Trace Context)."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with FakeEhr(bundle()) as server:
        now = getter.clock()
        access = Access(base=server.base, token=TOKEN, expires=now + 30.0, trace_id=trace)
        for _ in range(2):
            getter.transport.get(f"{server.base}/{QUERY}", access, now + 10.0)
        getter.get(server.base)

    first, second, untraced = (call.headers.get("traceparent", "") for call in server.calls)
    assert re.fullmatch(f"00-{trace}-[0-9a-f]{{16}}-01", first)
    assert first != second
    assert untraced == ""


def test_a_server_that_refuses_connections_has_failed(getter: Getter) -> None:
    """B1, bar: an answer within the budget."""
    with faults.refused() as base:
        failure = getter.failure(base)

    assert (type(failure), str(failure)) == (ServerFailed, "the server refuses connections")


def test_a_server_behind_a_black_hole_is_late(getter: Getter) -> None:
    """B1, bar: an answer within the budget."""
    with faults.black_hole() as base:
        failure = getter.failure(base, patience=SHORT)

    assert (type(failure), str(failure)) == (ServerFailed, LATE)


@pytest.mark.parametrize("fault", faults.NEVER_DONE, ids=lambda fault: fault.__name__)
def test_a_response_that_does_not_end_is_late_and_cut_off(getter: Getter, fault: Behaviour) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(fault) as server:
        failure = getter.failure(server.base, patience=SHORT)

        assert (type(failure), str(failure)) == (ServerFailed, LATE)
        assert server.has_lost(1)


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault.__name__)
def test_a_broken_response_is_not_asked_for_again(getter: Getter, fault: Behaviour) -> None:
    """B2, B6, bar: an answer within the budget, no retry on a connection that was new."""
    with FakeEhr(fault) as server:
        failure = getter.failure(server.base)

    assert type(failure) is ServerFailed
    assert len(server.calls) == 1


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_a_server_that_says_it_is_in_trouble_has_failed(getter: Getter, code: int) -> None:
    """B3, bar: at most one retry; we make none."""
    with FakeEhr(status(code)) as server:
        failure = getter.failure(server.base)

    assert (type(failure), str(failure)) == (ServerFailed, f"HTTP status {code}")
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "fault", [faults.endless_body, faults.endless_chunks], ids=lambda fault: fault.__name__
)
def test_a_response_too_large_is_cut_off(getter: Getter, fault: Behaviour) -> None:
    """B5, bar: 2 MB a response."""
    with FakeEhr(fault) as server:
        failure = getter.failure(server.base)

        assert str(failure) == "the response is too large"
        assert server.has_lost(1)


def test_a_response_may_be_just_as_large_as_allowed(getter: Getter) -> None:
    """B5, bar: 2 MB a response."""
    with FakeEhr(respond(b" " * MAX_RESPONSE)) as server:
        response = getter.get(server.base)

    assert len(response.body) == MAX_RESPONSE


def test_a_response_one_byte_larger_is_too_large(getter: Getter) -> None:
    """B5, bar: 2 MB a response."""
    with FakeEhr(respond(b" " * (MAX_RESPONSE + 1))) as server:
        failure = getter.failure(server.base)

    assert str(failure) == "the response is too large"


def test_a_gzip_bomb_is_not_unpacked(getter: Getter) -> None:
    """B5, bar: memory stays small. We ask for no compression and read none."""
    with FakeEhr(faults.gzip_bomb()) as server:
        failure = getter.failure(server.base)

    assert server.calls[0].headers["accept-encoding"] == "identity"
    assert str(failure) == "the response is compressed, which we did not ask for"


@pytest.mark.parametrize(("code", "target"), REDIRECTS)
def test_no_redirect_is_followed(getter: Getter, code: int, target: str) -> None:
    """B7, bar: not followed; token not sent."""
    with FakeEhr(bundle()) as elsewhere, FakeEhr(faults.redirect("")) as server:
        server.on(QUERY, faults.redirect(target.format(elsewhere=elsewhere.base), code))
        response = getter.get(server.base)

    assert response.status == code
    assert (len(server.calls), elsewhere.connections) == (1, 0)


def test_no_environment_and_no_cookie_gets_into_a_request(
    getter: Getter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies and netrc are not read, and what a server sets once it does not see again."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary")
    with (
        FakeEhr(bundle()) as proxy,
        FakeEhr(respond(b"{}", Set_Cookie="seen=yes; Path=/")) as server,
    ):
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HTTP_PROXY", proxy.base)
        monkeypatch.setenv("ALL_PROXY", proxy.base)
        responses = [getter.get(server.base, token="") for _ in range(2)]

    assert [response.status for response in responses] == [200, 200]
    assert proxy.connections == 0
    assert all({"authorization", "cookie"}.isdisjoint(call.headers) for call in server.calls)


def test_headers_that_make_no_sense_do_not_get_an_address_logged(
    getter: Getter, caplog: pytest.LogCaptureFixture
) -> None:
    """F9: urllib3 would warn about them, with the whole address."""
    caplog.set_level(logging.DEBUG)
    with FakeEhr(faults.broken_headers) as server:
        getter.get(server.base)

    assert caplog.text == ""
