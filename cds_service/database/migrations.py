"""Migrations: from any schema of the past to the one of this release, forwards only.

A release adds what the next one needs, and takes away only what no running release still uses
(expand, then contract), so an old program may go on while a new one is rolled out. Each migration
says by `oldest_program` which may: the oldest, by the schema that it needs. The database keeps
that, so that an old program which is started later knows it too, though not what has been added.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, inspect, select

from cds_service.database.engine import SETTING, migrating, reading
from cds_service.database.tables import SERVED
from cds_service.errors import SettingError

COMMAND = "crd audit migrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What stands in a database: its revision, None for none, and that of this release.

    `is_known`: this release can tell what its revision means; `is_empty`: nothing is there at all.
    `oldest` is the schema needed by the oldest program that may serve it, empty if nobody says.
    """

    current: str | None
    head: str
    is_known: bool
    is_empty: bool
    oldest: str

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to migrate."""
        return self.current == self.head

    @property
    def is_served(self) -> bool:
        """Whether this release may serve it: it is its own, or a newer one that lets it."""
        return self.is_current or (not self.is_known and "" < self.oldest <= self.head)


def read_schema(engine: Engine) -> Schema:
    """The schema of a database.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    with reading(engine) as connection:
        return _schema(connection)


def migrate(engine: Engine) -> tuple[Schema, Schema]:
    """Bring a database to this release's schema; the schemas before and after.

    Two that migrate at once wait for each other, and the second has nothing to do; nor has a
    release that may serve a newer schema.

    Raises:
        SettingError: a newer release has been there, and this one may not serve what it left.
        SQLAlchemyError: it cannot be done, and nothing is changed.
    """
    with migrating(engine) as connection:
        before = _schema(connection)
        if before.is_served:
            return before, before
        if not before.is_known:
            raise _newer(before)
        _upgrade(connection)
        _note_oldest(connection)
        return before, _schema(connection)


def require_migrated(engine: Engine) -> None:
    """See that a database has a schema of this release; an empty SQLite file is given it.

    A newer one will do if it says so. A start asks `schema_check` first.

    Raises:
        SettingError: it has another one; the message names the command that migrates it.
        SQLAlchemyError: it cannot be read.
    """
    schema = read_schema(engine)
    if schema.is_empty and engine.dialect.name == "sqlite":
        _, schema = migrate(engine)
    if schema.is_served:
        return
    if not schema.is_known:
        raise _newer(schema)
    of = f"its schema is {schema.current}" if schema.current else "it has no schema yet"
    raise SettingError(
        SETTING, f"{of}, and this release needs {schema.head}: run `{COMMAND}` first"
    )


def _newer(schema: Schema) -> SettingError:
    return SettingError(
        SETTING,
        f"its schema {schema.current} is unknown to this release, which knows up to {schema.head}: "
        "a newer one has been there, and does not let this one serve what it left",
    )


def _schema(connection: Connection) -> Schema:
    scripts = _scripts()
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    tables = inspect(connection).get_table_names()
    oldest = connection.scalar(select(SERVED.c.oldest)) if SERVED.name in tables else ""
    return Schema(
        current=current,
        head=scripts.get_current_head() or "",
        is_known=current is None or current in known,
        is_empty=current is None and not tables,
        oldest=oldest or "",
    )


def _note_oldest(connection: Connection) -> None:
    """Keep which programs may serve what has been migrated: those that every migration lets."""
    scripts = _scripts().walk_revisions()
    oldest = max(getattr(script.module, "oldest_program", "") for script in scripts)
    connection.execute(delete(SERVED))
    connection.execute(insert(SERVED).values(oldest=oldest))


def _scripts() -> ScriptDirectory:
    home = Path(__file__).parent
    return ScriptDirectory(str(home), version_locations=[str(home / "versions")])


def _upgrade(connection: Connection) -> None:
    scripts = _scripts()
    # What Alembic's own `upgrade` does, less a file of settings and an `env.py` that runs as it is
    # imported.
    with EnvironmentContext(
        Config(),
        scripts,
        fn=lambda revision, _: scripts._upgrade_revs("head", revision),
    ) as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
