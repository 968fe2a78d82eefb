"""Log lines as they are written: a stream that a test reads, and the state of logging put back."""

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cds_service.web.logs import OURS, configure_logs


@contextmanager
def written_logs(log_format: str = "json", level: str = "debug") -> Iterator[io.StringIO]:
    """What is logged inside; outside, logging is as it was."""
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = (list(root.handlers), root.level, ours.level)
    hooks = (sys.excepthook, threading.excepthook)
    stream = io.StringIO()
    configure_logs(log_format, level, stream)
    try:
        yield stream
    finally:
        root.handlers[:], root.level = before[0], before[1]
        root.setLevel(before[1])
        ours.setLevel(before[2])
        sys.excepthook, threading.excepthook = hooks


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """The JSON lines of a stream."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]
