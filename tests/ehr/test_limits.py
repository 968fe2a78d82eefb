"""What calls share of an EHR: its connections, and a circuit breaker."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from ehr.asking import Asker, asking
from fake_ehr import PATIENCE, Call, FakeEhr, bundle, status
from outbound import faults
from outbound.getting import QUERY, SHORT

from cds_service.ehr.client import AT_ONCE, MAX_QUERIES, WORKERS
from cds_service.outbound.circuit_breaker import FAILURES_TO_OPEN, SECONDS_OPEN
from cds_service.outbound.response import LATE

LEFT_ALONE = "this server has failed too often just now"
BUSY = "too many requests to this server are under way"
MANY = tuple(f"Coverage?patient={number}" for number in range(AT_ONCE))


@pytest.fixture
def asker() -> Iterator[Asker]:
    with asking() as made:
        yield made


class Meeting:
    """A behaviour that responds only when so many calls are under way together."""

    def __init__(self, calls: int) -> None:
        self._barrier = threading.Barrier(calls)

    def __call__(self, call: Call) -> None:
        self._barrier.wait(PATIENCE)
        bundle()(call)


class Silence:
    """A behaviour that never responds; `begun` is over when so many calls are under way."""

    def __init__(self, calls: int) -> None:
        self._barrier = threading.Barrier(calls + 1)

    def begun(self) -> None:
        self._barrier.wait(PATIENCE)

    def __call__(self, call: Call) -> None:
        self.begun()
        faults.silent(call)


def test_the_queries_of_one_call_are_asked_at_the_same_time(asker: Asker) -> None:
    """None has a response before all are asked."""
    with FakeEhr(Meeting(AT_ONCE)) as ehr:
        replies = asker.ask(ehr.base, *MANY)

    assert [reply.failure for reply in replies] == [""] * AT_ONCE


def test_an_ehr_has_no_more_than_so_many_connections(asker: Asker) -> None:
    """Queries beyond the connections free wait for those of the same call before them."""
    with FakeEhr(bundle()) as ehr:
        replies = asker.ask(
            ehr.base, *(f"Coverage?patient={number}" for number in range(MAX_QUERIES))
        )

    assert [reply.failure for reply in replies] == [""] * MAX_QUERIES
    assert ehr.connections <= AT_ONCE


def test_an_ehr_that_holds_up_all_its_connections_holds_up_nobody_else(asker: Asker) -> None:
    """B1, bar: others unaffected; a call that finds no connection free is refused in a moment."""
    silence = Silence(AT_ONCE)
    with ThreadPoolExecutor(1) as background, FakeEhr(bundle()) as quick, FakeEhr(silence) as slow:
        background.submit(asker.ask, slow.base, *MANY)
        silence.begun()
        refused, served = asker.ask_one(slow.base), asker.ask_one(quick.base)

    assert (refused.failure, served.failure) == (BUSY, "")
    assert len(slow.calls) == AT_ONCE


def test_connections_are_free_again_as_soon_as_a_call_has_its_replies(asker: Asker) -> None:
    """One full call after another finds every connection."""
    with FakeEhr(bundle()) as ehr:
        failures = {reply.failure for _ in range(50) for reply in asker.ask(ehr.base, *MANY)}

    assert failures == {""}


def test_a_call_that_finds_no_worker_gives_its_connections_back(asker: Asker) -> None:
    """When silent EHRs hold up all workers the others are late, and served once that is over."""
    silence, servers = Silence(WORKERS), WORKERS // AT_ONCE
    with FakeEhr(bundle()) as quick:
        with ThreadPoolExecutor(servers) as background, ExitStack() as stack:
            for _ in range(servers):
                slow = stack.enter_context(FakeEhr(silence))
                background.submit(asker.ask, slow.base, *MANY)
            silence.begun()
            late = asker.ask(quick.base, *MANY, patience=SHORT)
        served = asker.ask_one(quick.base)

    assert {reply.failure for reply in late} == {LATE}
    assert served.failure == ""


def test_an_ehr_that_keeps_failing_is_left_alone(asker: Asker) -> None:
    """B1, bar: the breaker opens after at most five failures."""
    with FakeEhr(status(503)) as ehr:
        failures = [asker.ask_one(ehr.base).failure for _ in range(FAILURES_TO_OPEN + 2)]

    assert failures == ["HTTP status 503"] * FAILURES_TO_OPEN + [LEFT_ALONE] * 2
    assert len(ehr.calls) == FAILURES_TO_OPEN


def test_an_ehr_that_recovers_is_asked_again(asker: Asker) -> None:
    """After a pause one request is let through; when it has a response, so are the others."""
    with FakeEhr(status(503)) as ehr:
        asker.ask(ehr.base, *MANY)
        ehr.on(QUERY, bundle())
        left_alone = asker.ask_one(ehr.base)
        asker.clock.forward += SECONDS_OPEN
        failures = [asker.ask_one(ehr.base).failure for _ in range(3)]

    assert (left_alone.failure, failures) == (LEFT_ALONE, ["", "", ""])


def test_an_ehr_that_recovers_answers_all_queries_of_the_first_call(asker: Asker) -> None:
    """Half-open lets a call through: with one query of its several nobody is helped."""
    with FakeEhr(status(503)) as ehr:
        asker.ask(ehr.base, *MANY)
        together = Meeting(AT_ONCE)
        for query in MANY:
            ehr.on(query, together)
        asker.clock.forward += SECONDS_OPEN
        replies = asker.ask(ehr.base, *MANY)

    assert [reply.failure for reply in replies] == [""] * AT_ONCE


def test_an_ehr_that_does_not_recover_costs_one_call_a_pause(asker: Asker) -> None:
    """Half-open lets one through, however many are waiting."""
    with FakeEhr(status(503)) as ehr:
        for _ in range(FAILURES_TO_OPEN):
            asker.ask_one(ehr.base)
        asker.clock.forward += SECONDS_OPEN
        failures = [asker.ask_one(ehr.base).failure for _ in range(3)]

    assert failures == ["HTTP status 503", LEFT_ALONE, LEFT_ALONE]
    assert len(ehr.calls) == FAILURES_TO_OPEN + 1


def test_an_ehr_that_fails_over_one_token_is_asked_with_another(asker: Asker) -> None:
    """B3, bar: others unaffected. Some servers have no 401: they fall over a token they dislike."""
    with FakeEhr(status(500)) as ehr:
        asker.ask(ehr.base, *MANY, token="bad")  # noqa: S106
        ehr.on(QUERY, bundle())
        left_alone = asker.ask(ehr.base, QUERY, token="bad")  # noqa: S106
        served = asker.ask(ehr.base, QUERY, token="good")  # noqa: S106

    assert [reply.failure for reply in (*left_alone, *served)] == [LEFT_ALONE, ""]


def test_one_slow_server_under_many_paths_holds_up_no_more_than_under_one(asker: Asker) -> None:
    """Without a list of EHRs anybody may name paths of a server on this machine."""
    silence = Silence(AT_ONCE)
    with ThreadPoolExecutor(1) as background, FakeEhr(silence) as slow:
        background.submit(asker.ask, slow.base, *MANY)
        silence.begun()
        refused = [asker.ask_one(f"{slow.base}/{tenant}").failure for tenant in range(3)]

    assert refused == [BUSY] * 3
    assert len(slow.calls) == AT_ONCE


def test_one_broken_ehr_is_left_alone_and_not_the_others(asker: Asker) -> None:
    """B1, bar: others unaffected."""
    with FakeEhr(bundle()) as well, faults.refused() as broken:
        asker.ask(broken, *MANY)

        assert asker.ask_one(broken).failure == LEFT_ALONE
        assert asker.ask_one(well.base).failure == ""


def test_an_ehr_that_refuses_our_token_has_not_failed(asker: Asker) -> None:
    """B3: one client's bad token does not shut out the others."""
    with FakeEhr(status(401)) as ehr:
        failures = {reply.failure for _ in range(2) for reply in asker.ask(ehr.base, *MANY)}

    assert failures == {"HTTP status 401"}


def test_a_closed_client_has_let_go_of_everything() -> None:
    """No thread and no connection outlives the client, not even one whose response never came."""
    before = set(threading.enumerate())
    with FakeEhr(Meeting(AT_ONCE)) as ehr, FakeEhr(faults.slow_body) as slow:
        with asking() as asker:
            asker.ask(ehr.base, *MANY)
            asker.ask_in_a_hurry(slow.base, *MANY)

        assert ehr.has_lost(AT_ONCE)
        assert slow.has_lost(AT_ONCE)
    assert set(threading.enumerate()) == before
