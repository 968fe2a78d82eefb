"""Migration of a store: the schema of this release, and the records of the former one with it."""

from dataclasses import dataclass

from sqlalchemy import Engine, inspect
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.former import FORMER_TABLES, Progress, copy_former
from cds_service.database.causes import find_cause
from cds_service.database.engine import SETTING, open_engine, reading, shown_url
from cds_service.database.migrations import Schema, migrate, read_schema
from cds_service.database.schema_check import VERSION_TABLE
from cds_service.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What was done: the revisions before and after, None for none, and former records copied."""

    before: str | None
    after: str | None
    copied: int


def migrate_store(url: str, audit_key: bytes, progress: Progress) -> Migration:
    """Bring the database of a URL to this release's schema, and copy what a former release kept.

    `progress` is called with the number of records copied so far.

    Raises:
        SettingError: it cannot be used, a newer release has been there, or another program.
        AuditError: a former record cannot be copied.
    """
    engine = open_engine(url)
    try:
        check_nobody_elses(engine)
        before, after = migrate(engine)
        copied = copy_former(engine, audit_key, progress)
    except SQLAlchemyError as error:
        raise _unusable(url, error) from error
    finally:
        engine.dispose()
    return Migration(before=before.current, after=after.current, copied=copied)


def check_nobody_elses(engine: Engine) -> None:
    """Pass a database that is empty, or that a release has used: most often it is a wrong URL.

    Raises:
        SettingError: another program has tables there.
        SQLAlchemyError: it cannot be read.
    """
    with reading(engine) as connection:
        tables = set(inspect(connection).get_table_names())
    if tables and VERSION_TABLE not in tables and not tables >= FORMER_TABLES:
        raise SettingError(
            SETTING,
            f"another program has tables there, such as `{min(tables)}`; name a database that is "
            "empty, or that this service has used",
        )


def find_schema(url: str) -> Schema:
    """The schema that the database of a URL has, and the one of this release.

    Raises:
        SettingError: it cannot be read.
    """
    engine = open_engine(url)
    try:
        return read_schema(engine)
    except SQLAlchemyError as error:
        raise _unusable(url, error) from error
    finally:
        engine.dispose()


def _unusable(url: str, error: SQLAlchemyError) -> SettingError:
    return SettingError(SETTING, f"cannot use {shown_url(url)}: {find_cause(error).words}")
