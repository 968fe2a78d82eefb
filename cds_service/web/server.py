"""The production server: waitress, one process, a thread a call.

It reads whole requests before a thread is given to them, so slow or half-open clients cannot keep
others waiting.
"""

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from flask import Flask
from waitress.server import create_server

_CONNECTIONS = 1000
_IDLE_SECONDS = 30
# Above the setting `max_body` the application answers with an OperationOutcome; above this the
# server hangs up.
_LARGEST_READ = 64 << 20


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
    app: Flask, bound: socket.socket, *, threads: int, ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the calls under way.

    `ready` is called once it listens.
    """
    server = create_server(
        app,
        sockets=[bound],
        threads=threads,
        connection_limit=_CONNECTIONS,
        channel_timeout=_IDLE_SECONDS,
        max_request_body_size=_LARGEST_READ,
        asyncore_use_poll=True,
        ident=None,
    )
    signal.signal(signal.SIGTERM, _stop)
    ready()
    server.run()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
