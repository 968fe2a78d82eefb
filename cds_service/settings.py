"""What an operator can set: one frozen table. Each field is an option of `crd serve` and a `CRD_…` variable."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cds_service.errors import SettingError

_ADDRESS = re.compile(r"[^\s\"'<>?#]+")
_LONGEST_ANSWER = 9.5  # CRD found-2 allows 10 s where it allows most
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _whole(key: str, value: str, low: int, high: int) -> int:
    try:
        number = int(value)
    except ValueError as error:
        raise SettingError(key, f"`{value}` is not a whole number") from error
    if not low <= number <= high:
        raise SettingError(key, f"{number} is not between {low} and {high}")
    return number


def _seconds(key: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError as error:
        raise SettingError(key, f"`{value}` is not a number of seconds") from error
    if not 0 < seconds <= _LONGEST_ANSWER:
        raise SettingError(key, f"{value} is not between 0 and {_LONGEST_ANSWER} seconds")
    return seconds


def _flag(key: str, value: str) -> bool:
    if value.lower() not in (*_TRUE, *_FALSE):
        raise SettingError(key, f"`{value}` is not yes or no")
    return value.lower() in _TRUE


def _directory(key: str, value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # a home of nobody
        raise SettingError(key, f"`{value}`: {error}") from error


def _directories(value: str) -> tuple[Path, ...]:
    return tuple(_directory("library", part) for part in value.split(os.pathsep) if part)


def _url(key: str, value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise SettingError(key, f"`{value}` is not a URL: {error}") from error
    if value and not (
        parts.scheme in ("http", "https") and parts.hostname and _ADDRESS.fullmatch(value)
    ):
        raise SettingError(key, f"`{value}` is not an http or https URL with a host")
    return value.rstrip("/")


def _auth(key: str, value: str) -> str:
    if value != "open":
        raise SettingError(key, f"`{value}` is not supported by this release; it knows: open")
    return value


def default_data_dir() -> str:
    """Where data goes if nobody says: the user's data directory (XDG Base Directory)."""
    return str(
        Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "crd-service"
    )


_PARSERS: Mapping[str, Any] = {
    "port": lambda value: _whole("port", value, 0, 65535),
    "threads": lambda value: _whole("threads", value, 1, 256),
    "max_body": lambda value: _whole("max_body", value, 1024, 1 << 30),
    "library": _directories,
    "ehr": lambda value: tuple(_url("ehr", part) for part in value.split()),
    "ehr_seconds": lambda value: _seconds("ehr_seconds", value),
    "builtin_library": lambda value: _flag("builtin_library", value),
    "allow_open": lambda value: _flag("allow_open", value),
    "base_url": lambda value: _url("base_url", value),
    "auth": lambda value: _auth("auth", value),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with its default; the `help` is what an operator reads."""

    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8000, metadata={"help": "port to listen on; 0 takes a free one"})
    library: tuple[Path, ...] = field(
        default=(), metadata={"help": "directory of policies, read after the built-in ones"}
    )
    builtin_library: bool = field(
        default=True, metadata={"help": "host the policies that come with the service"}
    )
    data_dir: str = field(
        default="", metadata={"help": "directory for the answer log; made if need be"}
    )
    database_url: str = field(
        default="", metadata={"help": "where answers are kept, such as sqlite:///FILE"}
    )
    auth: str = field(default="open", metadata={"help": "who may call: open (anyone)"})
    allow_open: bool = field(
        default=False, metadata={"help": "listen beyond this machine although anyone may call"}
    )
    base_url: str = field(
        default="", metadata={"help": "the URL clients reach this service under, for links"}
    )
    ehr: tuple[str, ...] = field(
        default=(), metadata={"help": "FHIR servers that may be queried; none: this machine's only"}
    )
    ehr_seconds: float = field(
        default=4.0, metadata={"help": "the most a call may spend on queries"}
    )
    threads: int = field(default=32, metadata={"help": "calls answered at the same time"})
    max_body: int = field(default=4 << 20, metadata={"help": "largest request body, in bytes"})

    @property
    def database(self) -> str:
        """The database URL: as set, or a file in the data directory."""
        data_dir = _directory("data_dir", self.data_dir or default_data_dir()).absolute()
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


def read_settings(environ: Mapping[str, str], options: Mapping[str, str]) -> Settings:
    """The settings from `CRD_…` variables, overruled by command line options given as strings.

    Raises:
        SettingError: a value cannot be used; names the setting.
    """
    named = {one.name: environ.get(f"CRD_{one.name.upper()}") for one in fields(Settings)}
    given = {name: value for name, value in {**named, **options}.items() if value is not None}
    settings = Settings(**{name: _PARSERS.get(name, str)(value) for name, value in given.items()})
    _check_reach(settings)
    return settings


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
