"""`crd serve` as it is measured: on a database, with or without tokens, by so many workers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarking.servers import Command, finish
from benchmarking.signing import Client

from cds_service.access.token_key import FILE_NAME, open_token_key
from cds_service.audit.audit_key import open_audit_key
from cds_service.audit.signing_key import open_signer
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate

BASE_URL = "https://payer.example.invalid/crd"
_CRD = ("-m", "cds_service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a service is run: its workers, the URL of its database (empty: SQLite), who may call."""

    workers: int = 1
    database: str = ""
    client: Client | None = None
    library: Path | None = None


def service(directory: Path, shape: Shape) -> Command:
    """The service on a database that is migrated; its keys and its answers are in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    audit, checkpoint = directory / "audit.key", directory / "checkpoint.key"
    open_audit_key(audit)
    open_signer(checkpoint)
    open_token_key("", directory)
    url = shape.database or f"sqlite:///{directory / 'crd.sqlite3'}"
    _migrate(url)
    serve = ("serve", "--port", "0", "--base-url", BASE_URL, "--data-dir", str(directory))
    keys = ("--audit-key", str(audit), "--checkpoint-key", str(checkpoint), "--database", url)
    return Command(arguments=(*_CRD, *serve, *keys, *_more(directory, shape)), directory=directory)


def _more(directory: Path, shape: Shape) -> tuple[str, ...]:
    workers = ("--workers", str(shape.workers)) if has_option("serve", "--workers") else ()
    library = ("--library", str(shape.library)) if shape.library else ()
    if shape.client is None:
        return (*workers, *library)
    keys = ("--auth", "jwt", "--token-key", str(directory / FILE_NAME))
    return (*workers, *library, *keys, "--clients", str(shape.client.file))


def _migrate(url: str) -> None:
    engine = open_engine(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


@cache
def has_option(command: str, option: str) -> bool:
    """Whether this checkout's command has an option."""
    return option in finish((*_CRD, command, "--help")).stdout


def seal(library: Path) -> str:
    """Have `crd check` prove a library and seal it; what it found, or nothing."""
    run = finish((*_CRD, "check", "--seal", str(library)))
    return "" if run.returncode == 0 else (run.stdout + run.stderr)[-500:]
