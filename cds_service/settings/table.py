"""What an operator can set: one frozen table, in which a field is the whole setting.

Each setting is an option of the command, a variable, which is `CRD_` and the field's name in
capitals, and a key of the settings file, which is the field's name.
"""

import os
from dataclasses import dataclass, fields
from pathlib import Path

import click

from cds_service.errors import SettingError
from cds_service.settings.kinds import Integer, directory, read, seconds, url, yes_or_no
from cds_service.settings.row import Setting, row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set: its default, option, kind, and what an operator reads of it."""

    host: str = row_of("127.0.0.1", "--host", str, "address to listen on")
    port: int = row_of(8000, "--port", Integer(0, 65535), "port to listen on; 0 takes a free one")
    library: tuple[Path, ...] = row_of(
        (),
        "--library",
        directory,
        "directory of policies, read after the built-in ones",
        separator=os.pathsep,
    )
    builtin_library: bool = row_of(
        True,
        "--builtin-library/--no-builtin-library",
        yes_or_no,
        "host the policies that come with the service",
    )
    watch: bool = row_of(
        True,
        "--watch/--no-watch",
        yes_or_no,
        "put policies in service when their files change; without, only when asked: SIGHUP or "
        "POST /admin/reload",
    )
    data_dir: str = row_of("", "--data-dir", str, "directory for the answer log; made if need be")
    database_url: str = row_of(
        "", "--database", str, "where answers are kept, such as sqlite:///FILE"
    )
    audit_key: str = row_of(
        "",
        "--audit-key",
        str,
        "file with the key by which patients are found in the store; "
        "default: made in the data directory",
    )
    checkpoint_key: str = row_of(
        "",
        "--checkpoint-key",
        str,
        "file with the Ed25519 key that signs checkpoints of the store; "
        "default: made in the data directory",
    )
    checkpoints: str = row_of(
        "",
        "--checkpoints",
        str,
        "where checkpoints go, out of the reach of the database's owner: a file, an https URL, or "
        "`exec:COMMAND`; default: a file in the data directory",
    )
    journal: str = row_of(
        "",
        "--journal",
        str,
        "directory that takes records while the database is away; default: in the data directory",
    )
    journal_max: int = row_of(
        256 << 20, "--journal-max", Integer(0, 1 << 40), "most bytes in the journal; 0: no journal"
    )
    retention: tuple[str, ...] = row_of(
        (),
        "--retention",
        str,
        "how long records are kept by class, such as answer=10y; default: for ever",
    )
    authorizations: str = row_of(
        "", "--authorizations", str, "JSON file of prior authorizations that payers granted"
    )
    auth: str = row_of(
        "open",
        "--auth",
        click.Choice(["open", "jwt"]),
        "who may call: open (anyone), jwt (the clients in --clients)",
    )
    clients: str = row_of(
        "", "--clients", str, "TOML file of the clients and operators that may call"
    )
    approvals: int = row_of(
        0,
        "--approvals",
        Integer(0, 10),
        "operators, of those in --clients, who must have approved a set of policies before it goes "
        "live; 0: none need to",
    )
    token_key: str = row_of(
        "",
        "--token-key",
        str,
        "file with the ES384 key that signs the access tokens we give out, the same on all hosts; "
        "default: made in the data directory",
    )
    allow_open: bool = row_of(
        False,
        "--allow-open/--no-allow-open",
        yes_or_no,
        "listen beyond this machine although anyone may call",
    )
    base_url: str = row_of(
        "", "--base-url", url, "the URL clients reach this service under, for links"
    )
    ehr: tuple[str, ...] = row_of(
        (), "--ehr", url, "FHIR servers that may be queried; none: this machine's only"
    )
    policy_server: tuple[str, ...] = row_of(
        (),
        "--policy-server",
        url,
        "FHIR servers that policies may be imported from; none: this machine's only",
    )
    ca_file: str = row_of(
        "",
        "--ca-file",
        str,
        "PEM file of the authorities that EHRs and key servers are trusted by; "
        "default: the public ones",
    )
    ehr_seconds: float = row_of(
        4.0,
        "--ehr-seconds",
        seconds,
        "the most a call may spend on queries, up to 9; they end a second before the response is "
        "due, which is 5 seconds after the call, or 10 for appointment-book",
    )
    workers: int = row_of(
        0,
        "--workers",
        Integer(0, 256),
        "processes that answer on the one port; 0: as many as this program may use cores",
    )
    threads: int = row_of(
        32, "--threads", Integer(1, 256), "calls answered at the same time, by each worker"
    )
    max_body: int = row_of(
        4 << 20, "--max-body", Integer(1024, 1 << 30), "largest request body, in bytes"
    )
    max_depth: int = row_of(
        100, "--max-depth", Integer(10, 500), "deepest nesting of a request's JSON"
    )
    max_entries: int = row_of(
        5_000, "--max-entries", Integer(10, 1_000_000), "most resources in a request"
    )
    connections: int = row_of(
        1000,
        "--connections",
        Integer(1, 100_000),
        "connections held open at the same time, by each worker",
    )
    request_seconds: int = row_of(
        20, "--request-seconds", Integer(1, 600), "the most a request may take to arrive whole"
    )
    large_bodies: int = row_of(
        2, "--large-bodies", Integer(1, 64), "calls with a large body answered at the same time"
    )
    stop_seconds: int = row_of(
        30, "--stop-seconds", Integer(1, 600), "the most a stop waits for calls under way"
    )
    rate: int = row_of(
        0, "--rate", Integer(0, 100_000), "most calls a client makes a second; 0: no limit"
    )
    concurrent: int = row_of(
        0, "--concurrent", Integer(0, 10_000), "most calls of a client at a time; 0: no limit"
    )
    log_format: str = row_of(
        "text", "--log-format", click.Choice(["text", "json"]), "how log lines are written"
    )
    log_level: str = row_of(
        "info",
        "--log-level",
        click.Choice(["debug", "info", "warning", "error"]),
        "the least important lines that are written",
    )

    @property
    def data_path(self) -> Path:
        """The data directory, there or not: as set, or the user's own (XDG Base Directory).

        Raises:
            SettingError: something else stands there.
        """
        path = Path(read("data_dir", directory, self.data_dir or default_data_dir())).absolute()
        if path.exists() and not path.is_dir():
            raise SettingError("data_dir", f"{path} is not a directory")
        return path

    @property
    def database(self) -> str:
        """The database URL: as set, or a file in the data directory."""
        return self.database_url or f"sqlite:///{self.data_path / 'crd.sqlite3'}"

    @property
    def links_base(self) -> str:
        """Where links to policy pages lead."""
        return self.base_url or self.local_url

    @property
    def local_url(self) -> str:
        """Where this process listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def all_settings() -> tuple[Setting, ...]:
    """The rows of the table, in its order."""
    return tuple(
        Setting(name=row.name, default=row.default, **row.metadata) for row in fields(Settings)
    )


def default_data_dir() -> str:
    """Where data goes if nobody says: the user's data directory (XDG Base Directory)."""
    shared = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return str(read("data_dir", directory, shared) / "crd-service")
