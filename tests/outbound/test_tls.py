"""TLS as servers speak it, rightly or not (reliability: table B)."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fake_ehr import Behaviour, FakeEhr, bundle, reset
from outbound import faults
from outbound.certificates import Authority, make_signer
from outbound.getting import QUERY, SHORT, TOKEN, Getter, getting

from cds_service.errors import ServerFailed
from cds_service.outbound.response import LATE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(
        tmp_path_factory.mktemp("certificates"), make_signer("authority.example.invalid")
    )


@pytest.fixture
def getter(authority: Authority) -> Iterator[Getter]:
    with getting(ca_file=authority.ca_file) as made:
        yield made


@pytest.fixture
def stranger() -> Iterator[Getter]:
    """One who does not know the authority."""
    with getting() as made:
        yield made


@pytest.mark.cds_hooks("security-2")
@pytest.mark.crd("sec-2")
def test_a_certificate_we_trust_is_accepted(getter: Getter, authority: Authority) -> None:
    """B6: TLS that is in order works."""
    with FakeEhr(bundle(), tls=authority.server()) as server:
        response = getter.get(server.base)

    assert response.status == 200


@pytest.mark.cds_hooks("security-2")
@pytest.mark.crd("sec-2", "sec-3")
@pytest.mark.parametrize(
    ("flaw", "cause"),
    [
        ({"days": -1}, "certificate has expired"),
        ({"self_signed": True}, "self-signed certificate"),
        ({"host": "other.example.invalid"}, "it is for another host"),
    ],
)
def test_a_bad_certificate_is_refused(
    getter: Getter, authority: Authority, flaw: dict[str, Any], cause: str
) -> None:
    """B6, bar: refused; message names the cause."""
    with FakeEhr(bundle(), tls=authority.server(**flaw)) as server:
        failure = getter.failure(server.base)

    named = str(failure).replace("self signed", "self-signed")  # as older OpenSSL writes it
    assert named == f"the server's certificate is refused: {cause}"
    assert server.calls == []


@pytest.mark.crd("sec-2", "sec-3")
def test_a_certificate_of_an_authority_we_do_not_know_is_refused(
    stranger: Getter, authority: Authority
) -> None:
    """B6, bar: refused. Only the authorities named, or requests' own, are trusted."""
    with FakeEhr(bundle(), tls=authority.server()) as server:
        failure = stranger.failure(server.base)

    assert str(failure).startswith("the server's certificate is refused: ")
    assert server.calls == []


@pytest.mark.crd("sec-3")
def test_old_tls_is_refused(getter: Getter, authority: Authority) -> None:
    """B6, bar: never downgraded."""
    with FakeEhr(bundle(), tls=authority.old_server()) as server:
        failure = getter.failure(server.base)

    assert str(failure).startswith("TLS failed: ")
    assert server.calls == []


@pytest.mark.cds_hooks("security-2")
@pytest.mark.crd("sec-2", "sec-3")
def test_a_server_without_tls_is_not_asked_without_it(getter: Getter) -> None:
    """B6, bar: never downgraded."""
    with FakeEhr(
        bundle(), greet=lambda plain: plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    ) as server:
        failure = getter.failure(server.base.replace("http:", "https:"))

    assert str(failure).startswith("TLS failed: ")
    assert TOKEN not in str([call.headers for call in server.calls])


@pytest.mark.crd("sec-2", "sec-3")
def test_no_redirect_leads_from_tls_to_where_there_is_none(
    getter: Getter, authority: Authority
) -> None:
    """B7, bar: not followed; token not sent."""
    with FakeEhr(bundle()) as plain, FakeEhr(bundle(), tls=authority.server()) as server:
        server.on(QUERY, faults.redirect(f"{plain.base}/{QUERY}"))
        response = getter.get(server.base)

    assert response.status == 302
    assert (len(server.calls), plain.connections) == (1, 0)


def test_a_reset_in_the_handshake_is_a_failure(getter: Getter, authority: Authority) -> None:
    """B6, bar: refused; one connection and no more."""
    with FakeEhr(bundle(), tls=authority.server(), greet=reset) as server:
        failure = getter.failure(server.base)

    assert type(failure) is ServerFailed
    assert server.connections == 1


def test_a_handshake_that_does_not_end_is_late_and_cut_off(
    getter: Getter, authority: Authority
) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(bundle(), tls=authority.server(), greet=_ignore) as server:
        failure = getter.failure(server.base, patience=SHORT)

        assert (type(failure), str(failure)) == (ServerFailed, LATE)
        assert server.has_lost(1)


def _ignore(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("fault", faults.NEVER_DONE, ids=lambda fault: fault.__name__)
def test_a_response_over_tls_that_does_not_end_is_late_and_cut_off(
    getter: Getter, authority: Authority, fault: Behaviour
) -> None:
    """B2, bar: an answer within the budget; connection closed."""
    with FakeEhr(fault, tls=authority.server()) as server:
        failure = getter.failure(server.base, patience=SHORT)

        assert (type(failure), str(failure)) == (ServerFailed, LATE)
        assert server.has_lost(1)


def test_connections_over_tls_are_used_again(getter: Getter, authority: Authority) -> None:
    """Requests one after another share a handshake."""
    with FakeEhr(bundle(), tls=authority.server()) as server:
        statuses = {getter.get(server.base).status for _ in range(3)}

    assert (statuses, len(server.calls), server.connections) == ({200}, 3, 1)
