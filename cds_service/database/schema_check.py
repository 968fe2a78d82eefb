"""The schema a start needs: a look at its name, and the machinery of migrations only for another.

That machinery takes a twentieth of a second to import, and nearly every start finds what it left.
"""

from pathlib import Path

from sqlalchemy import Engine, MetaData, Table, Text, inspect, select
from sqlalchemy.schema import Column

from cds_service.database.engine import reading

VERSION_TABLE = "alembic_version"
_DIGITS = 4  # of a revision, at the end of its file's name


def require_schema(engine: Engine) -> None:
    """See that a database has a schema of this release; an empty SQLite file is given it.

    Raises:
        SettingError: it has another one; the message names the command that migrates it.
        SQLAlchemyError: it cannot be read.
    """
    if stamped(engine) != [newest_revision()]:
        from cds_service.database.migrations import require_migrated  # noqa: PLC0415  # see above

        require_migrated(engine)


def newest_revision() -> str:
    """The revision of this release's schema: the last of the files beside this one."""
    files = (Path(__file__).parent / "versions").glob(f"*_{'[0-9]' * _DIGITS}.py")
    return max(file.stem[-_DIGITS:] for file in files)


def stamped(engine: Engine) -> list[str]:
    """The revisions that the database names its schema by: one, or none where there is no schema.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    table = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
    with reading(engine) as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return []
        return list(connection.scalars(select(table.c.version_num)))
