"""A host whose clock is not the database's answers nothing, is not ready, and has it logged."""

import logging
from datetime import timedelta

import pytest
from fakes import NOON

from cds_service.errors import ClockWrong
from cds_service.live.host_clock import HostClock
from cds_service.live.store_clock import StoreClock


def set_store() -> StoreClock:
    """A store where it is noon, and stays so."""
    clock = StoreClock(lambda: 0.0)
    clock.set(NOON, 0.0)
    return clock


@pytest.mark.parametrize("seconds", [3600, -3600, 61, -61])
def test_a_clock_that_is_off_refuses_calls(seconds: int, caplog: pytest.LogCaptureFixture) -> None:
    """An hour, and a minute: 503, a cause for /readyz, one line."""
    clock = HostClock(set_store(), lambda: NOON + timedelta(seconds=seconds))

    with caplog.at_level(logging.INFO, "cds_service"):
        for _ in range(3):
            with pytest.raises(ClockWrong) as caught:
                clock.time_of_call()

    assert caught.value.status == 503
    assert f"{abs(seconds)} seconds" in clock.why()
    assert clock.offset() == seconds
    assert [record.__dict__["event"] for record in caplog.records] == ["clock-off"]


@pytest.mark.parametrize("seconds", [0, 59, -59])
def test_clocks_may_differ_as_those_of_clients_may(seconds: int) -> None:
    """Less than a minute is nothing to be out of service for."""
    clock = HostClock(set_store(), lambda: NOON + timedelta(seconds=seconds))
    clock.time_of_call()

    assert clock.why() == ""


def test_a_clock_that_is_right_again_lets_calls_in(caplog: pytest.LogCaptureFixture) -> None:
    """By itself, with a line."""
    ahead = [timedelta(hours=1)]
    clock = HostClock(set_store(), lambda: NOON + ahead[0])
    with caplog.at_level(logging.INFO, "cds_service"):
        clock.why()
        ahead[0] = timedelta()
        clock.time_of_call()

    events = [record.__dict__["event"] for record in caplog.records]
    assert events == ["clock-off", "clock-right"]


def test_a_store_without_a_clock_has_nothing_against_this_one() -> None:
    """A SQLite file has the clock of its machine."""
    clock = HostClock(None, lambda: NOON)
    clock.time_of_call()

    assert (clock.offset(), clock.why()) == (0.0, "")
