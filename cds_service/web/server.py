"""The production server: waitress, one process, a thread a call.

Of six servers measured, waitress and hypercorn alone read whole requests before a thread is given
to them, so that slow clients hold up nobody; hypercorn takes a fifth more for a call, and drops
some at a stop. What waitress lacks (a stop that drops no call, time limits, strict framing, room
for the next client) fits in subclasses of its public classes.
"""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from flask import Flask

from cds_service.web.descriptors import fit_connections
from cds_service.web.listener import Listener
from cds_service.web.processes.shares import Share
from cds_service.web.server_limits import ServerLimits

_STOPS = (signal.SIGTERM, signal.SIGINT)
Stop = Callable[[], None]
_INPUT = 0  # the descriptor of standard input


def _nothing() -> None:
    """Nobody asks."""


def _nobody(_stop: Stop) -> None:
    """Nobody but signals asks for a stop."""


def end_at_once(number: int) -> None:
    """End this process, whatever is under way, as a signal does."""
    # No farewell: what was answered is durable, as after any crash.
    os.write(2, b"stopped at once; calls under way have no answer\n")
    os._exit(128 + number)


def serve_until_stopped(
    app: Flask,
    bound: socket.socket,
    *,
    limits: ServerLimits,
    ready: Callable[[], None],
    stopping: Callable[[], None],
    refused: Callable[[int], None],
    hung_up: Callable[[], None] = _nothing,
    stoppable: Callable[[Stop], None] = _nobody,
    again: Callable[[int], None] = end_at_once,
    share: Share | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer every call that has come, and close `bound`.

    `ready` is called once it listens; `stopping` when it is told to stop, while it still listens:
    from then on this process is not ready; `refused` gets the HTTP status of each request that the
    application never saw. `stoppable` is given, before `ready`, what asks for a stop as a signal
    does, from any thread. `again` gets the number of a second signal, and ends the process at once.
    `share` is this worker's, where several serve on `bound`.

    `hung_up` is called on SIGHUP, from its handler, so that it must not wait for a lock; where that
    means that the terminal is gone, the service stops.
    """
    # It would write a line for each call that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    fitting = replace(limits, connections=fit_connections(limits.connections))
    listener = Listener(app, bound, fitting, refused, share)
    stop = _Stop(listener.pull_trigger, again)
    with _signals(stop, hung_up):
        stoppable(stop.ask)
        ready()
        listener.run_until(lambda: stop.is_asked)
        stopping()
        listener.come_to_rest()


class _Stop:
    """Whether a stop is asked for; `wake` has the server look."""

    def __init__(self, wake: Callable[[], None], again: Callable[[int], None]) -> None:
        self.is_asked = False
        self._wake, self._again = wake, again

    def ask(self) -> None:
        """Ask for one; any thread may, any number of times."""
        if not self.is_asked:
            self.is_asked = True
            self._wake()

    def by_signal(self, number: int, _frame: FrameType | None) -> None:
        """Ask for one; a second time, not to wait for it."""
        if self.is_asked:
            self._again(number)
        self.ask()


@contextmanager
def _signals(stop: _Stop, hung_up: Callable[[], None]) -> Iterator[None]:
    """Signals ask for a stop; handlers are as before in the end."""
    in_terminal = os.isatty(_INPUT)

    def hang_up(number: int, frame: FrameType | None) -> None:
        if in_terminal and not os.isatty(_INPUT):  # its window was closed
            stop.by_signal(number, frame)
        else:
            hung_up()

    handlers = {**dict.fromkeys(_STOPS, stop.by_signal), signal.SIGHUP: hang_up}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
