"""What the client holds for an EHR between calls: connections, lanes, and a breaker."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from ehr import faults
from ehr.asking import QUERY, Asker, Clock, asking
from ehr.certificates import Authority, make_signer
from fake_ehr import PATIENCE, Call, FakeEhr, bundle, status

from cds_service.ehr.client import AT_ONCE, MAX_QUERIES
from cds_service.outbound.circuit_breaker import FAILURES_TO_OPEN, SECONDS_OPEN, CircuitBreaker
from cds_service.outbound.failures import RequestFailed, ServerFailed

LEFT_ALONE = "this server has failed too often just now"
BUSY = "too many requests to this server are under way"
MANY = tuple(f"Coverage?patient={number}" for number in range(AT_ONCE))


@pytest.fixture
def asker() -> Iterator[Asker]:
    with asking() as made:
        yield made


class Meeting:
    """A behaviour that answers only when so many calls are under way together."""

    def __init__(self, calls: int) -> None:
        self._barrier = threading.Barrier(calls)

    def __call__(self, call: Call) -> None:
        self._barrier.wait(PATIENCE)
        bundle()(call)


class Silence:
    """A behaviour that never answers; `begun` is over when so many calls are under way."""

    def __init__(self, calls: int) -> None:
        self._barrier = threading.Barrier(calls + 1)

    def begun(self) -> None:
        self._barrier.wait(PATIENCE)

    def __call__(self, call: Call) -> None:
        self.begun()
        faults.silent(call)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    """Have an EHR fail."""
    for _ in range(times):
        with pytest.raises(ServerFailed), breaker.guard():
            raise ServerFailed("down")


def test_the_queries_of_one_call_are_asked_at_the_same_time(asker: Asker) -> None:
    """None is answered before all are asked."""
    with FakeEhr(Meeting(AT_ONCE)) as ehr:
        replies = asker.ask(ehr.base, *MANY)

    assert [reply.failure for reply in replies] == [""] * AT_ONCE


def test_an_ehr_has_no_more_than_so_many_connections(asker: Asker) -> None:
    """Queries beyond the lanes of an EHR wait for those of the same call before them."""
    with FakeEhr(bundle()) as ehr:
        replies = asker.ask(
            ehr.base, *(f"Coverage?patient={number}" for number in range(MAX_QUERIES))
        )

    assert [reply.failure for reply in replies] == [""] * MAX_QUERIES
    assert ehr.connections <= AT_ONCE


def test_an_ehr_that_holds_up_all_its_lanes_holds_up_nobody_else(asker: Asker) -> None:
    """B1, bar: others unaffected; a call that finds no lane is refused at once."""
    silence = Silence(AT_ONCE)
    with ThreadPoolExecutor(1) as background, FakeEhr(bundle()) as quick, FakeEhr(silence) as slow:
        background.submit(asker.ask, slow.base, *MANY)
        silence.begun()
        refused, served = asker.ask_one(slow.base), asker.ask_one(quick.base)

    assert (refused.failure, served.failure) == (BUSY, "")
    assert len(slow.calls) == AT_ONCE


def test_lanes_are_free_again_as_soon_as_a_call_is_answered(asker: Asker) -> None:
    """One full call after another finds every lane."""
    with FakeEhr(bundle()) as ehr:
        problems = {reply.failure for _ in range(50) for reply in asker.ask(ehr.base, *MANY)}

    assert problems == {""}


def test_connections_are_used_again(asker: Asker) -> None:
    """Calls one after another share a connection."""
    with FakeEhr(bundle()) as ehr:
        for _ in range(3):
            asker.ask_one(ehr.base)

    assert (len(ehr.calls), ehr.connections) == (3, 1)


def test_connections_over_tls_are_used_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Calls one after another share a handshake."""
    authority = Authority(
        tmp_path_factory.mktemp("certificates"), make_signer("authority.example.invalid")
    )
    with (
        FakeEhr(bundle(), tls=authority.server()) as ehr,
        asking(ca_file=authority.ca_file) as asker,
    ):
        problems = {asker.ask_one(ehr.base).failure for _ in range(3)}

    assert (problems, len(ehr.calls), ehr.connections) == ({""}, 3, 1)


def _only_once(call: Call) -> None:
    if call.number > 1:
        call.reset()
    bundle()(call)


def test_a_kept_connection_that_is_gone_is_replaced_once(asker: Asker) -> None:
    """B3, bar: at most one retry. A reset on a used connection is the EHR's idle timeout, not a failure."""
    with FakeEhr(_only_once) as ehr:
        replies = [asker.ask_one(ehr.base) for _ in range(2)]

    assert [reply.failure for reply in replies] == ["", ""]
    assert (len(ehr.calls), ehr.connections) == (3, 2)


def test_a_connection_made_anew_is_not_taken_for_a_kept_one(asker: Asker) -> None:
    """B3: an EHR that closes after each answer, then breaks a new connection, has failed."""
    with FakeEhr(faults.reset_before_answer) as ehr:
        ehr.on(QUERY, _and_close)
        asker.ask_one(ehr.base)
        ehr.has_lost(1)
        ehr.on(QUERY, faults.reset_before_answer)
        reply = asker.ask_one(ehr.base)

    assert reply.failure == "the connection broke"
    assert len(ehr.calls) == 2


def _and_close(call: Call) -> None:
    bundle()(call)
    call.hang_up()


def test_a_connection_is_replaced_no_more_than_once(asker: Asker) -> None:
    """B3, bar: at most one retry; when the new connection breaks too, the EHR has failed."""
    with FakeEhr(faults.reset_before_answer) as ehr:
        ehr.on(QUERY, _only_once)
        asker.ask_one(ehr.base)
        ehr.on(QUERY, faults.reset_before_answer)
        reply = asker.ask_one(ehr.base)

    assert reply.failure == "the connection broke"
    assert (len(ehr.calls), ehr.connections) == (3, 2)


def test_an_ehr_that_keeps_failing_is_left_alone(asker: Asker) -> None:
    """B1, bar: the breaker opens after at most five failures."""
    with FakeEhr(status(503)) as ehr:
        problems = [asker.ask_one(ehr.base).failure for _ in range(FAILURES_TO_OPEN + 2)]

    assert problems == ["HTTP status 503"] * FAILURES_TO_OPEN + [LEFT_ALONE] * 2
    assert len(ehr.calls) == FAILURES_TO_OPEN


def test_an_ehr_that_recovers_is_asked_again(asker: Asker) -> None:
    """After a pause one request is let through; when it is answered, so are the others."""
    with FakeEhr(status(503)) as ehr:
        asker.ask(ehr.base, *MANY)
        ehr.on(QUERY, bundle())
        left_alone = asker.ask_one(ehr.base)
        asker.clock.forward += SECONDS_OPEN
        problems = [asker.ask_one(ehr.base).failure for _ in range(3)]

    assert (left_alone.failure, problems) == (LEFT_ALONE, ["", "", ""])


def test_an_ehr_that_does_not_recover_costs_one_request_a_pause(asker: Asker) -> None:
    """Half-open lets one through, however many are waiting."""
    with FakeEhr(status(503)) as ehr:
        for _ in range(FAILURES_TO_OPEN):
            asker.ask_one(ehr.base)
        asker.clock.forward += SECONDS_OPEN
        replies = asker.ask(ehr.base, *MANY)

    assert sorted(reply.failure for reply in replies) == [
        "HTTP status 503",
        *[LEFT_ALONE] * (AT_ONCE - 1),
    ]
    assert len(ehr.calls) == FAILURES_TO_OPEN + 1


def test_one_broken_ehr_is_left_alone_and_not_the_others(asker: Asker) -> None:
    """B1, bar: others unaffected."""
    with FakeEhr(bundle()) as well, faults.refused() as broken:
        asker.ask(broken, *MANY)

        assert asker.ask_one(broken).failure == LEFT_ALONE
        assert asker.ask_one(well.base).failure == ""


def test_an_ehr_that_refuses_our_token_is_not_unwell(asker: Asker) -> None:
    """B3: one client's bad token does not shut out the others."""
    with FakeEhr(status(401)) as ehr:
        problems = {reply.failure for _ in range(2) for reply in asker.ask(ehr.base, *MANY)}

    assert problems == {"HTTP status 401"}


def test_only_failures_in_a_row_open_the_breaker() -> None:
    """An answer in between starts the count again."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, FAILURES_TO_OPEN - 1)
    with breaker.guard():
        pass
    fail(breaker, FAILURES_TO_OPEN)

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass


def test_a_trial_that_was_never_asked_is_left_to_the_next() -> None:
    """A problem of ours, such as an expired token, neither closes a breaker nor keeps it open."""
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    fail(breaker, FAILURES_TO_OPEN)
    clock.forward += SECONDS_OPEN
    with pytest.raises(RequestFailed, match="expired"), breaker.guard():
        raise RequestFailed("expired")
    fail(breaker)

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass


def test_a_trial_that_is_lost_is_followed_by_another() -> None:
    """Whatever becomes of the one let through, the next may try after another pause."""
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    fail(breaker, FAILURES_TO_OPEN)
    clock.forward += SECONDS_OPEN
    lost = breaker.guard()
    lost.__enter__()
    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass
    clock.forward += SECONDS_OPEN

    with breaker.guard():
        pass


def test_a_closed_client_has_let_go_of_everything() -> None:
    """No thread and no connection outlives the client, not even one whose answer never came."""
    before = set(threading.enumerate())
    with FakeEhr(Meeting(AT_ONCE)) as ehr, FakeEhr(faults.slow_body) as slow:
        with asking() as asker:
            asker.ask(ehr.base, *MANY)
            asker.ask_in_a_hurry(slow.base, *MANY)

        assert ehr.has_lost(AT_ONCE)
        assert slow.has_lost(AT_ONCE)
    assert set(threading.enumerate()) == before
