"""A refused start: one line that names the cause, as people or as programs read log lines."""

import logging
import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import click

from cds_service.errors import StartError
from cds_service.settings.sources import CONFIG, CONFIG_VARIABLE
from cds_service.web.logs import configure_logs

_LOG = logging.getLogger("cds_service.cli")
_SERVER = "serve"  # the command whose lines are collected; those of others are for people
_FORMAT, _FORMAT_VARIABLE = "log_format", "CRD_LOG_FORMAT"


def refuse_start(problem: str) -> NoReturn:
    """End the command with this problem and exit status 1.

    It is a JSON line on stderr where log lines are, else what click makes of it.
    """
    if _asked_format() != "json":
        raise click.ClickException(problem)
    configure_logs("json", "info", sys.stderr)
    cause = "; ".join(problem.splitlines())
    _LOG.critical("the start is refused", extra={"event": "start-refused", "cause": cause})
    raise SystemExit(1)


@contextmanager
def start_errors() -> Iterator[None]:
    """What prevents a start ends the command with one line and exit status 1.

    For a block, or for a function as `@start_errors()`.
    """
    try:
        yield
    except StartError as error:
        refuse_start(str(error))


def _asked_format() -> str:
    """The format of log lines that was asked for.

    The settings may be what is refused, so each place where it can be set is looked at by itself.
    """
    context = click.get_current_context(silent=True)
    if context is None or context.info_name != _SERVER:
        return "text"
    option = context.params.get(_FORMAT)
    file = context.params.get(CONFIG) or os.environ.get(CONFIG_VARIABLE)
    return str(option or os.environ.get(_FORMAT_VARIABLE) or _format_in(file))


def _format_in(file: str | None) -> str:
    if file:
        with suppress(OSError, RuntimeError, ValueError):
            table = tomllib.loads(Path(file).expanduser().read_text("utf-8"))
            return str(table.get(_FORMAT, "text"))
    return "text"
