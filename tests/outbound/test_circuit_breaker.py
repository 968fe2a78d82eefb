"""The circuit breaker: closed, open, half-open."""

from contextlib import suppress

import pytest
from outbound.getting import Clock

from cds_service.errors import RequestFailed, ServerFailed
from cds_service.outbound.circuit_breaker import FAILURES_TO_OPEN, SECONDS_OPEN, CircuitBreaker

LEFT_ALONE = "this server has failed too often just now"


def fail(breaker: CircuitBreaker, times: int = 1, token: str = "") -> None:
    """Have the server fail."""
    for _ in range(times):
        with pytest.raises(ServerFailed), breaker.guard(token=token):
            raise ServerFailed("down")


def lets_through(breaker: CircuitBreaker, call: object = None, token: str = "") -> bool:
    """Whether a request that would be answered is let through."""
    is_through = False
    with suppress(RequestFailed), breaker.guard(call=call, token=token):
        is_through = True
    return is_through


def half_open(clock: Clock) -> CircuitBreaker:
    """A breaker that has been open for its time."""
    breaker = CircuitBreaker(clock=clock)
    fail(breaker, FAILURES_TO_OPEN)
    clock.forward += SECONDS_OPEN
    return breaker


def test_an_open_breaker_lets_nothing_through() -> None:
    """After so many failures in a row the server is left alone."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, FAILURES_TO_OPEN)

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass


def test_only_failures_in_a_row_open_the_breaker() -> None:
    """A response in between starts the count again."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, FAILURES_TO_OPEN - 1)
    with breaker.guard():
        pass
    fail(breaker, FAILURES_TO_OPEN)

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass


def test_a_trial_that_succeeds_closes_the_breaker() -> None:
    """Then it takes as many failures as before to open it."""
    breaker = half_open(Clock())
    with breaker.guard():
        pass
    fail(breaker, FAILURES_TO_OPEN - 1)

    assert lets_through(breaker)


def test_a_trial_that_was_never_sent_is_left_to_the_next() -> None:
    """A failure of ours, such as an expired token, neither closes a breaker nor keeps it open."""
    breaker = half_open(Clock())
    with pytest.raises(RequestFailed, match="expired"), breaker.guard():
        raise RequestFailed("expired")
    fail(breaker)

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass


def test_a_trial_that_is_lost_is_followed_by_another() -> None:
    """Whatever becomes of the request let through, the next may try after another pause."""
    clock = Clock()
    breaker = half_open(clock)
    lost = breaker.guard()
    lost.__enter__()
    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard():
        pass
    clock.forward += SECONDS_OPEN

    assert lets_through(breaker)


def test_the_trial_is_a_whole_call() -> None:
    """Its queries go out together, before any has a response; those of another call do not."""
    breaker, ours, another = half_open(Clock()), object(), object()
    with breaker.guard(call=ours):
        under_way = lets_through(breaker, another), lets_through(breaker, ours)

    assert under_way == (False, True)


def test_a_trial_that_fails_is_over_for_the_rest_of_its_call() -> None:
    """A server that is still down gets no more than what was under way."""
    breaker, call = half_open(Clock()), object()
    with pytest.raises(ServerFailed), breaker.guard(call=call):
        raise ServerFailed("down")

    assert not lets_through(breaker, call)


def test_a_breaker_opened_by_one_token_is_closed_to_others() -> None:
    """A server may fail over a bad token: that says nothing of another client's."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, FAILURES_TO_OPEN, "bad")

    with pytest.raises(RequestFailed, match=LEFT_ALONE), breaker.guard(token="bad"):  # noqa: S106
        pass
    assert lets_through(breaker, token="good")  # noqa: S106


def test_a_server_that_fails_two_tokens_is_left_alone_by_all() -> None:
    """Then it is the server; and no token costs it more than a request."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, FAILURES_TO_OPEN, "one")
    fail(breaker, 1, "two")

    assert not lets_through(breaker, token="three")  # noqa: S106


def test_a_breaker_keeps_no_token() -> None:
    """R5: what is held to tell tokens apart does not give them away."""
    breaker = CircuitBreaker(clock=Clock())
    fail(breaker, 1, "canary-token")

    assert "canary" not in repr(breaker)
