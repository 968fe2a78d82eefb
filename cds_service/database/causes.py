"""What a database error means: a row that cannot be kept, a database that is away, or damage.

The words for a cause come from here and never from the database, whose own may quote what was to be
written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

# What a statement with rows may raise. What is no SQLAlchemyError is a value no driver takes: half
# a character, a number too large.
UNWRITABLE = (SQLAlchemyError, ValueError, OverflowError, MemoryError)


class Trouble(StrEnum):
    """What there is to do about it."""

    ROW = "row"  # refuse the row, keep the others
    AWAY = "away"  # keep the batch elsewhere and try again later
    DAMAGED = "damaged"  # keep nothing, and call an operator


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with a database, and in which words an operator reads it."""

    trouble: Trouble
    words: str


_SQLITE: Mapping[str, Cause] = {
    "SQLITE_CONSTRAINT": Cause(Trouble.ROW, "a row breaks a rule of its table"),
    "SQLITE_MISMATCH": Cause(Trouble.ROW, "a value of the wrong type"),
    "SQLITE_TOOBIG": Cause(Trouble.ROW, "a value is too large"),
    "SQLITE_BUSY": Cause(Trouble.AWAY, "locked by another program"),
    "SQLITE_LOCKED": Cause(Trouble.AWAY, "locked by another program"),
    "SQLITE_FULL": Cause(Trouble.AWAY, "the disk is full"),
    "SQLITE_READONLY": Cause(Trouble.AWAY, "the file is read-only"),
    "SQLITE_CANTOPEN": Cause(Trouble.AWAY, "the file cannot be opened"),
    "SQLITE_IOERR": Cause(Trouble.AWAY, "the disk cannot be written or read"),
    "SQLITE_CORRUPT": Cause(Trouble.DAMAGED, "the file is damaged"),
    "SQLITE_NOTADB": Cause(Trouble.DAMAGED, "the file is no SQLite database"),
    "SQLITE_READONLY_DBMOVED": Cause(Trouble.DAMAGED, "the file was moved or removed"),
    "SQLITE_IOERR_SHORT_READ": Cause(Trouble.DAMAGED, "the file was cut short"),
}
# By SQLSTATE or its class (PostgreSQL, appendix A).
_POSTGRESQL: Mapping[str, Cause] = {
    "22": Cause(Trouble.ROW, "a value the database cannot hold"),
    "23": Cause(Trouble.ROW, "a row breaks a rule of its table"),
    "54": Cause(Trouble.ROW, "a value is too large"),
    "08": Cause(Trouble.AWAY, "the connection was lost"),
    "25006": Cause(Trouble.AWAY, "the server is read-only: a standby, or failing over"),
    "28": Cause(Trouble.AWAY, "the server refuses the user or password"),
    "3D": Cause(Trouble.AWAY, "the server has no database of this name"),
    "42": Cause(Trouble.AWAY, "its tables are missing, changed, or forbidden to this user"),
    "53": Cause(Trouble.AWAY, "the server has no connections, memory or disk left"),
    "53100": Cause(Trouble.AWAY, "the server's disk is full"),
    "55P03": Cause(Trouble.AWAY, "locked by another program"),
    "57014": Cause(Trouble.AWAY, "a statement took too long"),
    "57P": Cause(Trouble.AWAY, "the server is stopping or starting"),
    "58": Cause(Trouble.AWAY, "the server's disk cannot be written or read"),
}
_UNREACHABLE = Cause(Trouble.AWAY, "the server cannot be reached, or the connection was lost")


def find_cause(error: Exception) -> Cause:
    """What one of `UNWRITABLE` means."""
    if not isinstance(error, SQLAlchemyError):
        return Cause(Trouble.ROW, "a value the database cannot hold")
    if not isinstance(error, DBAPIError):
        return _unknown(error)
    if name := getattr(error.orig, "sqlite_errorname", ""):
        return _longest(_SQLITE, name) or _unknown(error)
    if state := getattr(error.orig, "sqlstate", ""):
        return _longest(_POSTGRESQL, state) or Cause(Trouble.AWAY, f"SQLSTATE {state}")
    if type(error.orig).__name__ == "DataError":  # found by the driver, such as a NUL in a text
        return _POSTGRESQL["22"]
    return _UNREACHABLE if type(error.orig).__name__ == "OperationalError" else _unknown(error)


def _unknown(error: SQLAlchemyError) -> Cause:
    return Cause(Trouble.AWAY, f"the database cannot be used ({type(error).__name__})")


def _longest(causes: Mapping[str, Cause], name: str) -> Cause | None:
    """The cause of the longest name that this one begins with."""
    names = [known for known in causes if name.startswith(known)]
    return causes[max(names, key=len)] if names else None
