"""The pages of a SQLite file: whether they hang together."""

import time

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from cds_service.database.causes import find_cause
from cds_service.database.engine import reading, sqlite_path

_STEPS = 10_000  # of SQLite's machine between two looks at the clock


def check_pages(engine: Engine, seconds: float | None = None) -> str:
    """What is wrong with the pages of a SQLite file, in words for an operator; empty if nothing is.

    A file that takes longer than so many seconds to read is checked in part; None: it is read
    whole. No other kind of database is checked.
    """
    path = sqlite_path(engine)
    if path is None:
        return ""
    end = None if seconds is None else time.monotonic() + seconds
    try:
        with reading(engine) as connection:
            return _check(connection, end)
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            return ""  # the time is up, and nothing was found in it
        return f"{path.name}: {find_cause(error).words}"


def check_length(engine: Engine) -> str:
    """What is wrong with a SQLite file that has become shorter; empty if it was made compact."""
    path = sqlite_path(engine)
    if path is None:
        return ""
    engine.dispose()  # a connection that is kept has its pages in memory
    try:
        with reading(engine) as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    except DBAPIError as error:
        return f"{path.name}: {find_cause(error).words}"
    if pages and path.stat().st_size >= pages * size:
        return ""
    return check_pages(engine) if pages else f"{path.name}: the file was emptied"


def _check(connection: Connection, end: float | None) -> str:
    driver = connection.connection.driver_connection
    if end is not None and driver is not None:
        driver.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    finally:
        if driver is not None:
            driver.set_progress_handler(None, 0)
    return "" if found == "ok" else "the file is damaged: its pages do not hang together"
