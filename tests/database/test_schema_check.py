"""The schema of a start: known by its name, and the machinery of migrations for another alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cds_service.audit.log import open_log
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate, read_schema
from cds_service.database.schema_check import newest_revision, stamped

_OPENING = """
import sys
from cds_service.audit.log import open_log
open_log(sys.argv[1]).close()
print("alembic" in sys.modules)
"""


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine of an empty database."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def test_the_newest_revision_is_the_one_that_migrations_lead_to(engine: Engine) -> None:
    """Its file is named by it."""
    assert newest_revision() == read_schema(engine).head


def test_a_database_is_stamped_with_its_revision(engine: Engine) -> None:
    """And with none before it has a schema."""
    assert stamped(engine) == []
    migrate(engine)

    assert stamped(engine) == [newest_revision()]


def test_a_store_with_this_schema_opens_without_the_machinery(tmp_path: Path) -> None:
    """One that has no schema yet needs it."""
    url = f"sqlite:///{tmp_path / 'crd.sqlite3'}"
    needed = [
        subprocess.run(
            [sys.executable, "-c", _OPENING, url], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert needed == ["True", "False"]
    open_log(url).close()
