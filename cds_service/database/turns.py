"""Turns: several processes write in one SQLite file, one at a time."""

import sqlite3
import time

_LOOK_AGAIN = 0.001  # seconds between two looks whether another process has ended its write
_PRIMARY = 0xFF  # of an extended code of SQLite


def begin_in_turn(cursor: sqlite3.Cursor, begin: str, seconds: float) -> None:
    """Begin to write in a SQLite file once no other process does.

    SQLite itself looks ever more seldom for its turn, up to a tenth of a second: of two workers
    that commit all the time one may lose it again and again. Looks in an even measure are fair.

    Raises:
        OperationalError: others have written for so many seconds.
    """
    until = time.monotonic() + seconds
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute(begin)
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & _PRIMARY == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() >= until:
                    raise
                time.sleep(_LOOK_AGAIN)
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
