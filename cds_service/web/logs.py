"""Log lines: every record of the process in one shape, text or JSON, on one stream.

What is shown is an allow-list (reliability: 2, F9): our own messages, which hold nothing of a
request; the named values in `SHOWN`; of an exception its type and places. A message of a library is
shown without the texts in it, since those may be addresses, and addresses name patients.
"""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec

from cds_service.web.log_outlet import open_handler

OURS = "cds_service"
# What `extra` may hold, in the order in which it is shown.
SHOWN = (
    "event",
    "trace",
    "client",
    "hook",
    "version",
    "speaks",
    "status",
    "cause",
    "determinations",
    "reasons",
    "queries",
    "durations",
    "seconds",
    "count",
    "size",
    "route",
    "revision",
)
_LONGEST = 2000  # characters of one text
_AS_IT_IS = (int, float, bool, type(None))
_PLACES = 8  # of one exception, the last ones

_Trace = tuple[type[BaseException], BaseException, TracebackType | None]
_Shown = dict[str, Any]


class LineFormatter(logging.Formatter):
    """A record as one line: what is shown of it, in the way that `render` writes it."""

    def __init__(self, render: Callable[[_Shown], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return self._render(_show(record))


def configure_logs(log_format: str, level: str, stream: TextIO | None) -> None:
    """Have every record of this process written to `stream`, as `text` or as `json`.

    `level` is the least important of ours that is written; of libraries, warnings at the least. A
    second call takes the place of the first. Nobody waits for who reads the stream.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    handler = open_handler(stream)
    handler.addFilter(_is_wanted)
    handler.setFormatter(LineFormatter(_json if log_format == "json" else _text))
    root = logging.getLogger()
    for present in [*root.handlers]:
        if isinstance(present.formatter, LineFormatter):
            root.removeHandler(present)
            present.close()
    root.addHandler(handler)
    root.setLevel(max(least, logging.WARNING))
    logging.getLogger(OURS).setLevel(least)


def log_what_ends() -> None:
    """Have what ends a thread or the process written as a log line too, without its message.

    For a process that handles calls: such messages may hold values of a request.
    """
    _catch_what_ends(sys, threading)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Whether a record is ours or a warning: a library may have set its own level."""
    return _is_ours(record) or record.levelno >= logging.WARNING


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == OURS or record.name.startswith(f"{OURS}.")


def _show(record: logging.LogRecord) -> _Shown:
    """What is shown of a record, in its order."""
    shown: _Shown = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
    }
    if _is_ours(record):
        given = vars(record)
        shown.update({name: _plain(given[name]) for name in SHOWN if name in given})
    if record.exc_info and record.exc_info[1] is not None:
        shown["exception"] = _exception(record.exc_info)
    return shown


def _message(record: logging.LogRecord) -> str:
    """Our message, or that of a library with its numbers and without its texts."""
    template, values = str(record.msg), record.args
    if _is_ours(record):
        return _plain_text(template % values if values else template)
    # Without values it may have been put together before, so that no word of it can be told apart.
    place = f"{Path(record.pathname).name}:{record.lineno}"
    if not isinstance(values, tuple) or not values:
        return f"at {place}"
    filled = [value if isinstance(value, int | float) else "…" for value in values]
    return f"{_fill(template, filled)} (at {place})"


def _fill(template: str, values: list[Any]) -> str:
    try:
        return template % tuple(values)
    except (TypeError, ValueError):  # such as %d for a text
        return template


def _exception(raised: _Trace) -> str:
    """Type and places of an exception and of its causes, the first cause last; no message."""
    error: BaseException | None = raised[1]
    lines: list[str] = []
    while error is not None and len(lines) < _PLACES:
        lines.append(type_and_places(error))
        error = error.__cause__ or error.__context__
    return " < ".join(lines)


def type_and_places(error: BaseException) -> str:
    """The type of an exception and where it was raised, without its message."""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    places = " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {places or 'no place'}"


def _plain(value: Any) -> Any:
    """A value as a line can hold it: without what breaks lines, and not without end."""
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Mapping):
        return {_plain_text(str(name)): _plain(inner) for name, inner in value.items()}
    return _plain_text(str(value))


def _plain_text(text: str) -> str:
    if len(text) <= _LONGEST and text.isprintable():
        return text
    return "".join(filter(str.isprintable, text[:_LONGEST]))


def _json(shown: _Shown) -> str:
    return msgspec.json.encode(shown).decode()


def _text(shown: _Shown) -> str:
    """`time LEVEL message name=value …`; our own rooms need no naming."""
    shown = dict(shown)
    time, level = shown.pop("time"), shown.pop("level").upper()
    logger, message = shown.pop("logger"), shown.pop("message")
    source = "" if logger.startswith(OURS) else f"{logger}: "
    return " ".join([time, level, f"{source}{message}", *_pairs(shown)])


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_pair(value)}" for name, value in values.items() if value not in ("", {})]


def _pair(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_pair(inner)}" for name, inner in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)


# Any: to mypy a module is none that has these.
def _catch_what_ends(interpreter: Any, threads: Any) -> None:
    log = logging.getLogger(OURS)
    ends = (KeyboardInterrupt, SystemExit)

    def of_process(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, ends):
            log.critical("the process ends", exc_info=(kind, error, trace))

    def of_thread(ended: threading.ExceptHookArgs) -> None:
        if ended.exc_value is not None and not issubclass(ended.exc_type, ends):
            raised = (ended.exc_type, ended.exc_value, ended.exc_traceback)
            log.critical("a thread ends", exc_info=raised)

    interpreter.excepthook = of_process
    threads.excepthook = of_thread
