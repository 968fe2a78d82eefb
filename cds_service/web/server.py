"""The production server: waitress, one process, a thread a call.

It reads whole requests before a thread is given to them, so slow or half-open clients cannot keep others waiting.
"""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from flask import Flask
from waitress.server import create_server

_CONNECTIONS = 1000
_LARGEST_READ = 64 << 20  # above the limit the application answers with an OperationOutcome; this one only hangs up


def serve_until_stopped(app: Flask, *, host: str, port: int, threads: int, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish the calls under way; `started` is told the URL.

    Raises:
        OSError: the address cannot be listened on.
    """
    server: Any = create_server(
        app,
        host=host,
        port=port,
        threads=threads,
        connection_limit=_CONNECTIONS,
        channel_timeout=30,
        max_request_body_size=_LARGEST_READ,
        asyncore_use_poll=True,
        ident=None,
    )
    signal.signal(signal.SIGTERM, _stop)
    shown = f"[{host}]" if ":" in host else host
    started(f"http://{shown}:{server.effective_port}")
    server.run()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
