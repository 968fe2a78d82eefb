"""What an operator can set: one frozen table, in which a field is the whole setting.

Each setting is an option of the command, and a variable: `CRD_` and the field's name in capitals.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from cds_service.errors import SettingError

_ADDRESS = re.compile(r"[^\s\"'<>?#]+")
_LONGEST_QUERIES = 9.0  # seconds; a second less than the slowest hook has (CRD found-2)
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

# Reads the text of a setting: a click type, or a function that raises click.BadParameter.
Kind = Callable[[Any], Any]
_Default = TypeVar("_Default")


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


def _setting(
    default: _Default, option: str, kind: Kind, help_text: str, *, separator: str | None = None
) -> _Default:
    """A row of the table; `separator` stands between several values, None for any blanks."""
    row = {"option": option, "kind": kind, "help": help_text, "separator": separator}
    return field(default=default, metadata=row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set: its default, option, kind, and what an operator reads of it."""

    host: str = _setting("127.0.0.1", "--host", str, "address to listen on")
    port: int = _setting(8000, "--port", Integer(0, 65535), "port to listen on; 0 takes a free one")
    library: tuple[Path, ...] = _setting(
        (),
        "--library",
        directory,
        "directory of policies, read after the built-in ones",
        separator=os.pathsep,
    )
    builtin_library: bool = _setting(
        True,
        "--builtin-library/--no-builtin-library",
        yes_or_no,
        "host the policies that come with the service",
    )
    data_dir: str = _setting("", "--data-dir", str, "directory for the answer log; made if need be")
    database_url: str = _setting(
        "", "--database", str, "where answers are kept, such as sqlite:///FILE"
    )
    authorizations: str = _setting(
        "", "--authorizations", str, "JSON file of prior authorizations that payers granted"
    )
    auth: str = _setting("open", "--auth", click.Choice(["open"]), "who may call: open (anyone)")
    allow_open: bool = _setting(
        False,
        "--allow-open/--no-allow-open",
        yes_or_no,
        "listen beyond this machine although anyone may call",
    )
    base_url: str = _setting(
        "", "--base-url", url, "the URL clients reach this service under, for links"
    )
    ehr: tuple[str, ...] = _setting(
        (), "--ehr", url, "FHIR servers that may be queried; none: this machine's only"
    )
    ehr_seconds: float = _setting(
        4.0,
        "--ehr-seconds",
        seconds,
        "the most a call may spend on queries, up to 9; they end a second before the response is "
        "due, which is 5 seconds after the call, or 10 for appointment-book",
    )
    threads: int = _setting(32, "--threads", Integer(1, 256), "calls answered at the same time")
    max_body: int = _setting(
        4 << 20, "--max-body", Integer(1024, 1 << 30), "largest request body, in bytes"
    )

    @property
    def database(self) -> str:
        """The database URL: as set, or a file in the data directory."""
        data_dir = _read("data_dir", directory, self.data_dir or default_data_dir()).absolute()
        return self.database_url or f"sqlite:///{data_dir / 'crd.sqlite3'}"

    @property
    def links_base(self) -> str:
        """Where links to policy pages lead."""
        return self.base_url or self.local_url

    @property
    def local_url(self) -> str:
        """Where this process listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table, by which options are made and values read."""

    name: str
    default: object
    option: str
    kind: Kind
    help: str
    separator: str | None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"CRD_{self.name.upper()}"

    @property
    def takes_several(self) -> bool:
        """Whether it has any number of values: its option repeats, its variable is a list."""
        return isinstance(self.default, tuple)

    def join(self, texts: Iterable[str]) -> str:
        """Several values in one text, as the variable has them."""
        return (self.separator or " ").join(texts)

    def read(self, text: str) -> Any:
        """The value, or the tuple of values, in a text.

        Raises:
            SettingError: it cannot be used.
        """
        if not self.takes_several:
            return _read(self.name, self.kind, text)
        parts = text.split(self.separator)
        return tuple(_read(self.name, self.kind, part) for part in parts if part)


def all_settings() -> tuple[Setting, ...]:
    """The rows of the table, in its order."""
    return tuple(
        Setting(name=row.name, default=row.default, **row.metadata) for row in fields(Settings)
    )


def read_settings(environ: Mapping[str, str], options: Mapping[str, str]) -> Settings:
    """The settings from `CRD_…` variables, overruled by command line options given as strings.

    Raises:
        SettingError: a value cannot be used; names the setting.
    """
    values = {}
    for setting in all_settings():
        text = options.get(setting.name, environ.get(setting.variable))
        if text is not None:
            values[setting.name] = setting.read(text)
    settings = Settings(**values)
    _check_reach(settings)
    return settings


def _read(key: str, kind: Kind, text: str) -> Any:
    try:
        return kind(text)
    except click.BadParameter as error:
        raise SettingError(key, error.message.rstrip(".")) from error


def default_data_dir() -> str:
    """Where data goes if nobody says: the user's data directory (XDG Base Directory)."""
    shared = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(_read("data_dir", directory, shared) / "crd-service")


def _check_reach(settings: Settings) -> None:
    """Open access is for this machine alone, unless an operator says otherwise in so many words."""
    if not settings.allow_open and not _is_loopback(settings.host):
        raise SettingError(
            "host",
            f"{settings.host} is reachable by others and access is open; set allow_open to do so",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
