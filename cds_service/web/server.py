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
from cds_service.web.listener import Listener, ServerLimits

_STOPS = (signal.SIGTERM, signal.SIGINT)
_INPUT = 0  # the descriptor of standard input


def _nothing() -> None:
    """Nobody asks."""


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one.

    Raises:
        OSError: the address cannot be had.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def serve_until_stopped(
    app: Flask,
    bound: socket.socket,
    *,
    limits: ServerLimits,
    ready: Callable[[], None],
    stopping: Callable[[], None],
    refused: Callable[[int], None],
    hung_up: Callable[[], None] = _nothing,
) -> None:
    """Serve until SIGTERM or SIGINT, then answer every call that has come, and close `bound`.

    `ready` is called once it listens; `stopping` when it is told to stop, while it still listens:
    from then on this process is not ready; `refused` gets the HTTP status of each request that the
    application never saw. A second signal ends the process at once.

    `hung_up` is called on SIGHUP, from its handler, so that it must not wait for a lock; where that
    means that the terminal is gone, the service stops.
    """
    # It would write a line for each call that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    fitting = replace(limits, connections=fit_connections(limits.connections))
    listener = Listener(app, bound, fitting, refused)
    with _stop_asked(listener.pull_trigger, hung_up) as is_asked:
        ready()
        listener.run_until(is_asked)
        stopping()
        listener.come_to_rest()


@contextmanager
def _stop_asked(
    wake: Callable[[], None], hung_up: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Whether a signal has asked for a stop; handlers are as before in the end."""
    asked = list[int]()

    def ask(number: int, _frame: FrameType | None) -> None:
        if asked:
            # No farewell: what was answered is durable, as after any crash.
            os.write(2, b"stopped at once; calls under way have no answer\n")
            os._exit(128 + number)
        asked.append(number)
        wake()

    in_terminal = os.isatty(_INPUT)

    def hang_up(number: int, frame: FrameType | None) -> None:
        if in_terminal and not os.isatty(_INPUT):  # its window was closed
            ask(number, frame)
        else:
            hung_up()

    handlers = {**dict.fromkeys(_STOPS, ask), signal.SIGHUP: hang_up}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
