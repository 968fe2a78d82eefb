"""Sets of policies for tests of going live: kept in a store, approved, and served by processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from small_library import organization, policy, write_library
from sqlalchemy import Engine

from cds_service.access.clients import Operator
from cds_service.audit.libraries import keep_library
from cds_service.database.engine import open_engine, writing
from cds_service.database.migrations import migrate
from cds_service.live.activations import Activation, Kind, Order, add_activation
from cds_service.live.serving import Instance, Serving, write_serving
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.snapshot import digest, pack

SOON = timedelta(seconds=5)
AT_ONCE = timedelta(0)


@contextmanager
def live_store(url: str) -> Iterator[Engine]:
    """A store of this release, in use."""
    opened = open_engine(url)
    migrate(opened)
    try:
        yield opened
    finally:
        opened.dispose()


def keep_set(engine: Engine, directory: Path, title: str = "A policy") -> str:
    """Keep a set of one policy, which differs by its title from others; its digest."""
    library = read_library([write_library(directory, organization(), policy(title=title))])
    name = digest(library)
    keep_library(engine, name, pack(library))
    return name


def order(digest: str = "sha256:a", kind: Kind = Kind.ACTIVATE) -> Order:
    """An order of somebody for a set."""
    return Order(kind=kind, digest=digest, who="user ada", why="a test")


def activate(
    engine: Engine, name: str = "sha256:a", lead: timedelta = AT_ONCE, kind: Kind = Kind.ACTIVATE
) -> Activation:
    """Write an order for a set."""
    return add_activation(engine, order(name, kind), lead=lead)


def serve(engine: Engine, host: str, served: Serving, seen: datetime) -> None:
    """Write that a process serves a set."""
    instance = Instance(id=host, host=host, process=1)
    with writing(engine) as connection:
        write_serving(connection, instance, served, seen)


def operator(name: str, key: Ed25519PrivateKey | None = None) -> Operator:
    """An operator, who can approve with this key."""
    public = key.public_key().public_bytes_raw() if key else b""
    return Operator(name=name, token_sha256=name.encode().ljust(32), approval_key=public)
