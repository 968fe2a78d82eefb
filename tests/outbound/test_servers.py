"""What is held for each server between requests."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_ehr import PATIENCE
from outbound.getting import Clock

from cds_service.errors import ServerFailed
from cds_service.outbound.circuit_breaker import FAILURES_TO_OPEN, SECONDS_OPEN
from cds_service.outbound.connection_limits import ConnectionLimit
from cds_service.outbound.servers import MOST_SERVERS, Servers


def test_no_more_connections_are_acquired_than_are_free() -> None:
    """Whoever comes later has what is left, and waits only where nothing is."""
    limit = ConnectionLimit(3, patience=0.0)

    assert [limit.acquire(2), limit.acquire(2), limit.acquire(2)] == [2, 1, 0]


def test_a_connection_released_is_free_again() -> None:
    """One at a time."""
    limit = ConnectionLimit(2)
    limit.acquire(2)
    limit.release()

    assert limit.acquire(2) == 1


def test_whoever_finds_no_connection_waits_for_the_next_one() -> None:
    """An EHR that is well frees one in a moment: many calls at a time are no reason to refuse."""
    limit = ConnectionLimit(2, patience=PATIENCE, quiet=PATIENCE)
    limit.acquire(2)
    with ThreadPoolExecutor(1) as background:
        waiting = background.submit(limit.acquire, 2, PATIENCE)
        limit.release()

        assert waiting.result(PATIENCE) == 1


def test_nobody_waits_for_a_server_that_frees_no_connection() -> None:
    """One that is dead holds up nobody but those that found it so, and these for a moment."""
    limit = ConnectionLimit(2, patience=PATIENCE * 100, quiet=0.01)
    limit.acquire(2)

    assert limit.acquire(1, PATIENCE * 100) == 0


def test_a_slow_server_has_no_more_than_so_much_of_a_call() -> None:
    """It frees connections, but others are as quick to take them."""
    limit = ConnectionLimit(1, patience=0.01, quiet=PATIENCE * 100)
    limit.acquire(1)

    assert limit.acquire(1, PATIENCE * 100) == 0


def test_nobody_waits_for_longer_than_he_has() -> None:
    """Queries have a deadline."""
    limit = ConnectionLimit(2, patience=PATIENCE * 100, quiet=PATIENCE * 100)
    limit.acquire(2)

    assert limit.acquire(1, 0.01) == 0
    assert limit.acquire(1, -1.0) == 0


def test_nobody_waits_for_what_is_not_wanted() -> None:
    """A call with no query is not held up."""
    limit = ConnectionLimit(1, patience=PATIENCE * 100, quiet=PATIENCE * 100)
    limit.acquire(1)

    assert limit.acquire(0) == 0


def test_a_server_is_the_same_for_every_request_to_it() -> None:
    """What one request shows of a server, the next one knows."""
    servers = Servers(connections=1, clock=Clock())

    assert servers.at("http://127.0.0.1/a") is servers.at("http://127.0.0.1/a")


def test_servers_share_no_limit() -> None:
    """One that holds up its connections holds up no other's."""
    servers = Servers(connections=1, clock=Clock())
    servers.at("https://a.example.invalid/fhir").connection_limit.acquire(1)

    assert servers.at("https://b.example.invalid/fhir").connection_limit.acquire(1) == 1


@pytest.mark.parametrize(
    "other",
    [
        "https://ehr.example.invalid/fhir/tenant-2",
        "https://ehr.example.invalid:443",
        "HTTPS://EHR.example.invalid/fhir",
    ],
)
def test_a_server_has_one_limit_under_all_its_paths_and_spellings(other: str) -> None:
    """Whoever names many paths of a slow server holds up no more of us than by one."""
    servers = Servers(connections=1, clock=Clock())

    assert servers.at("https://ehr.example.invalid/fhir") is servers.at(other)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "LOCALHOST"])
def test_this_machine_is_one_server_by_whatever_name(host: str) -> None:
    """Its names are without number, and anybody may call it where no server is listed."""
    servers = Servers(connections=1, clock=Clock())

    assert servers.at("http://localhost:80/fhir") is servers.at(f"http://{host}/fhir")


def test_of_servers_without_number_the_last_ones_are_kept() -> None:
    """A client names servers; what is held for them has an end, and one in use is not lost."""
    servers = Servers(connections=1, clock=Clock())
    kept = servers.at("https://ehr.example.invalid")
    lost = servers.at("https://other.example.invalid")
    for number in range(MOST_SERVERS - 1):
        assert servers.at("https://ehr.example.invalid") is kept
        servers.at(f"https://ehr-{number}.example.invalid")

    assert servers.at("https://ehr.example.invalid") is kept
    assert servers.at("https://other.example.invalid") is not lost


def test_servers_are_counted_by_the_state_of_their_circuit_breaker() -> None:
    """Operators see how many are not asked just now, without a name."""
    clock = Clock()
    servers = Servers(connections=1, clock=clock)
    servers.at("https://well.example.invalid/fhir")
    breaker = servers.at("https://ill.example.invalid/fhir").circuit_breaker
    for _ in range(FAILURES_TO_OPEN):
        with pytest.raises(ServerFailed), breaker.guard():
            raise ServerFailed("down")

    assert servers.states() == {"closed": 1, "open": 1, "half-open": 0}
    clock.forward = SECONDS_OPEN + 1
    assert servers.states() == {"closed": 1, "open": 0, "half-open": 1}
