"""The kinds of a setting: each reads a text, or refuses it in words.

A kind is a click type, or a function that raises click.BadParameter.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from cds_service.errors import SettingError

_ADDRESS = re.compile(r"[^\s\"'<>?#]+")
_LONGEST_QUERIES = 9.0  # seconds; a second less than the slowest hook has (CRD found-2)
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

Kind = Callable[[Any], Any]


class Integer(click.IntRange):
    """A whole number within bounds."""

    name = "integer"


def seconds(text: str) -> float:
    """A time that the queries of a call may take."""
    number: float = click.FLOAT(text)
    # Not click.FloatRange: to it, `nan` is within any range.
    if not 0 < number <= _LONGEST_QUERIES:
        raise click.BadParameter(f"{text} is not between 0 and {_LONGEST_QUERIES:g} seconds")
    return number


def yes_or_no(text: str) -> bool:
    """A switch."""
    # Not click.BOOL: to it, an empty variable is a no.
    if text.lower() not in (*_YES, *_NO):
        raise click.BadParameter(f"`{text}` is not yes or no")
    return text.lower() in _YES


def directory(text: str) -> Path:
    """A directory, there or not; `~` is the user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # a home of nobody
        raise click.BadParameter(f"`{text}`: {error}") from error


def url(text: str) -> str:
    """An http or https URL, without a slash at its end; or nothing."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise click.BadParameter(f"`{text}` is not a URL: {error}") from error
    is_address = parts.scheme in ("http", "https") and parts.hostname and _ADDRESS.fullmatch(text)
    if text and not is_address:
        raise click.BadParameter(f"`{text}` is not an http or https URL with a host")
    return text.rstrip("/")


def read(name: str, kind: Kind, text: str, file: str = "") -> Any:
    """The value in `text` of the setting `name`; `file` is where it stands, if it stands in one.

    Raises:
        SettingError: it cannot be used.
    """
    try:
        return kind(text)
    except click.BadParameter as error:
        problem = error.message.rstrip(".") if text else "it is empty; leave it out for the default"
        raise SettingError(name, problem, file) from error
