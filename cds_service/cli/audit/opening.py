"""The store opened for one command: under whose name it is read, and errors in one line."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from cds_service.audit.audit_key import FILE_NAME, read_audit_key
from cds_service.audit.desk import Desk, store_errors, write_at_once
from cds_service.audit.identity import new_id
from cds_service.audit.key_check import OTHER_KEY, key_fits
from cds_service.audit.migration import check_nobody_elses
from cds_service.audit.record import Recorder
from cds_service.cli.options import with_some_settings
from cds_service.database.engine import open_engine
from cds_service.database.migrations import read_schema
from cds_service.database.schema_check import require_schema
from cds_service.database.store_time import ask_time
from cds_service.errors import AuditError, NotRecorded, SettingError, StartError
from cds_service.settings import Settings
from cds_service.version import VERSION

with_store = with_some_settings("data_dir", "database_url", "audit_key")


@contextmanager
def opened_desk(
    settings: Settings, *, needs_key: bool = False, of_any_release: bool = False
) -> Iterator[Desk]:
    """The store of these settings, read by the user of this machine; closed after the block.

    `needs_key`: the command looks for patients or members. `of_any_release`: it does without this
    release's schema. What goes wrong ends the command with one line and exit status 1.
    """
    with command_errors():
        engine = open_engine(settings.database)
        try:
            _check_there(engine)
            if of_any_release:
                check_nobody_elses(engine)
            else:
                require_schema(engine)
            audit_key = _audit_key(settings, needed=needs_key)
            if needs_key and not key_fits(engine, audit_key):
                click.echo(f"--audit-key: {OTHER_KEY}", err=True)
            yield Desk(
                engine=engine,
                recorder=Recorder(
                    program=VERSION,
                    library="",
                    base_url=settings.links_base,
                    audit_key=audit_key,
                ),
                who=user_name(),
                write=write_at_once(engine),
                # Whether a record is old enough to be purged is not this machine's to tell.
                now=partial(ask_time, engine),
                new_id=new_id,
            )
        finally:
            engine.dispose()


@contextmanager
def command_errors() -> Iterator[None]:
    """What a command about the store cannot do ends it with one line and exit status 1."""
    try:
        with store_errors():
            yield
    except (StartError, AuditError, NotRecorded) as error:
        raise click.ClickException(str(error)) from error


def user_name() -> str:
    """The user this process runs as: by the system, for an environment says what one likes."""
    try:
        return f"user {pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"user {os.getuid()}"


def _check_there(engine: Any) -> None:
    """Pass a database that holds records; an empty one is most often another than was meant."""
    if read_schema(engine).is_empty:
        raise SettingError("database_url", "nothing has been recorded there; is it the right one?")


def _audit_key(settings: Settings, *, needed: bool) -> bytes:
    """The key by which patients are found; empty if there is none and none is needed."""
    named = settings.audit_key
    path = Path(named).expanduser() if named else settings.data_path / FILE_NAME
    return read_audit_key(path) if needed or path.exists() else b""
