"""A server: at rest it writes to nobody's descriptor, and as long as it lives it shows that."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest
from flask import Flask

from cds_service.web.binding import bind
from cds_service.web.listener import Listener
from cds_service.web.processes.shares import Share, make_shares
from cds_service.web.server import Stop, serve_until_stopped
from cds_service.web.server_limits import ServerLimits

LIMITS = ServerLimits(threads=1)
PIPES = 50  # more than a server has had descriptors
SOON = 10.0  # seconds


@contextmanager
def reused_descriptors() -> Iterator[list[int]]:
    """Pipes on the descriptors that are free by now; the ends to read from."""
    pipes = [os.pipe() for _ in range(PIPES)]
    try:
        yield [reading for reading, _ in pipes]
    finally:
        for pipe in pipes:
            for end in pipe:
                os.close(end)


def written(ends: list[int]) -> bytes:
    """All that can be read from these."""
    found = b""
    for end in ends:
        os.set_blocking(end, False)
        with suppress(BlockingIOError):
            found += os.read(end, 1024)
    return found


def listener(share: Share | None = None, limits: ServerLimits = LIMITS) -> Listener:
    """A listener over an application of no pages."""
    app, bound = Flask(__name__, static_folder=None), bind("127.0.0.1", 0)
    return Listener(app, bound, limits, share=share)


def test_a_stop_that_is_asked_for_again_at_rest_writes_nowhere() -> None:
    """By the thread that hears the processes above, or by a signal; the store may be there."""
    stops = list[Stop]()
    serve_until_stopped(
        Flask(__name__, static_folder=None),
        bind("127.0.0.1", 0),
        limits=LIMITS,
        ready=lambda: stops[0](),  # noqa: PLW0108  # it is there by then
        stopping=lambda: None,
        refused=lambda _status: None,
        stoppable=stops.append,
    )
    with reused_descriptors() as ends:
        stops[0]()
        found = written(ends)

    assert found == b""


def test_a_thread_that_is_done_only_at_rest_writes_nowhere() -> None:
    """As one whose call was given up."""
    resting = listener()
    resting.come_to_rest()
    with reused_descriptors() as ends:
        resting.pull_trigger()
        found = written(ends)

    assert found == b""


def test_a_loop_that_turns_shows_life() -> None:
    """Whoever calls or does not."""
    (share,) = make_shares(1)
    living = listener(share)
    living.run_until(lambda: share.beats > 0)
    living.come_to_rest()

    assert share.beats > 0


class Hanging:
    """A call whose thread does not come back."""

    def __init__(self, go: Event) -> None:
        self.requests = [SimpleNamespace(error=None, command="POST", size=0)]
        self._go = go

    def service(self) -> None:
        """Hang."""
        self._go.wait(SOON)

    def cancel(self) -> None:
        """Nobody waits for it."""


@pytest.mark.long
def test_a_loop_that_turns_over_threads_that_hang_shows_none() -> None:
    """Calls wait, and none is answered."""
    (share,), go = make_shares(1), Event()
    hanging = listener(share, replace(LIMITS, stuck_seconds=0.05))
    for _ in range(2):
        hanging.task_dispatcher.add_task(Hanging(go))
    time.sleep(0.1)
    until = time.monotonic() + 2.5
    hanging.run_until(lambda: time.monotonic() > until)
    go.set()
    hanging.come_to_rest()

    assert share.beats == 0
