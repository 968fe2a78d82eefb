"""What is held for each server between requests."""

from outbound.getting import Clock

from cds_service.outbound.connection_limits import ConnectionLimit
from cds_service.outbound.servers import Servers


def test_no_more_connections_are_acquired_than_are_free() -> None:
    """Whoever comes later has what is left, and does not wait."""
    limit = ConnectionLimit(free=3)

    assert [limit.acquire(2), limit.acquire(2), limit.acquire(2)] == [2, 1, 0]


def test_a_connection_released_is_free_again() -> None:
    """One at a time."""
    limit = ConnectionLimit(free=2)
    limit.acquire(2)
    limit.release()

    assert limit.acquire(2) == 1


def test_a_server_is_the_same_for_every_request_to_it() -> None:
    """What one request shows of a server, the next one knows."""
    servers = Servers(connections=1, clock=Clock())

    assert servers.at("http://127.0.0.1/a") is servers.at("http://127.0.0.1/a")


def test_servers_share_no_limit() -> None:
    """One that holds up its connections holds up no other's."""
    servers = Servers(connections=1, clock=Clock())
    servers.at("http://127.0.0.1/a").connection_limit.acquire(1)

    assert servers.at("http://127.0.0.1/b").connection_limit.acquire(1) == 1
