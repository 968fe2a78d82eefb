"""Connections kept for the next request, and what happens when one is gone by then."""

from collections.abc import Iterator

import pytest
from fake_ehr import Call, FakeEhr, bundle
from outbound import faults
from outbound.getting import QUERY, Getter, getting

from cds_service.errors import ServerFailed


@pytest.fixture
def getter() -> Iterator[Getter]:
    with getting() as made:
        yield made


def _only_once(call: Call) -> None:
    if call.number > 1:
        call.reset()
    bundle()(call)


def _and_close(call: Call) -> None:
    bundle()(call)
    call.hang_up()


def test_connections_are_used_again(getter: Getter) -> None:
    """Requests one after another share a connection."""
    with FakeEhr(bundle()) as server:
        for _ in range(3):
            getter.get(server.base)

    assert (len(server.calls), server.connections) == (3, 1)


def test_a_kept_connection_that_is_gone_is_replaced_once(getter: Getter) -> None:
    """B3, bar: at most one retry. A used connection that is reset was idle too long: no failure."""
    with FakeEhr(_only_once) as server:
        statuses = [getter.get(server.base).status for _ in range(2)]

    assert statuses == [200, 200]
    assert (len(server.calls), server.connections) == (3, 2)


def test_a_connection_made_anew_is_not_taken_for_a_kept_one(getter: Getter) -> None:
    """B3: a server that closes after each response, then breaks a new connection, has failed."""
    with FakeEhr(faults.reset_before_response) as server:
        server.on(QUERY, _and_close)
        getter.get(server.base)
        server.has_lost(1)
        server.on(QUERY, faults.reset_before_response)
        failure = getter.failure(server.base)

    assert (type(failure), str(failure)) == (ServerFailed, "the connection broke")
    assert len(server.calls) == 2


def test_a_connection_is_replaced_no_more_than_once(getter: Getter) -> None:
    """B3, bar: at most one retry; when the new connection breaks too, the server has failed."""
    with FakeEhr(faults.reset_before_response) as server:
        server.on(QUERY, _only_once)
        getter.get(server.base)
        server.on(QUERY, faults.reset_before_response)
        failure = getter.failure(server.base)

    assert (type(failure), str(failure)) == (ServerFailed, "the connection broke")
    assert (len(server.calls), server.connections) == (3, 2)
