"""Databases of their own for tests, on the PostgreSQL server that is given to the suite."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from secrets import token_hex

import psycopg


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The URL of a new, empty database on a server; it is dropped after the block."""
    name = f"crd_test_{token_hex(8)}"
    with closing(psycopg.connect(server, autocommit=True, prepare_threshold=None)) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
