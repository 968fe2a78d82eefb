"""Databases of their own for tests, on the PostgreSQL server that is given to the suite."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from secrets import token_hex

import psycopg


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database on a server; it is dropped after the block."""
    name = f"crd_test_{token_hex(8)}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:  # on another connection: the server may have been started again meanwhile
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server: str, statement: str) -> None:
    with closing(psycopg.connect(server, autocommit=True, prepare_threshold=None)) as admin:
        admin.execute(statement)
