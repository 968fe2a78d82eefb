"""Checkpoints on their way out of the database: each, in order, until it has been taken."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select, text, update

from cds_service.audit.witnesses import CheckpointFile, Outside, Witness
from cds_service.database.engine import reading, sqlite_path, writing
from cds_service.database.tables import CHECKPOINT
from cds_service.database.time_limit import idle
from cds_service.errors import NotPublished

_PAGE = 1000  # notes at a time
_PER_TURN = 10  # notes that witnesses are offered before leaves are numbered again
_LOCK = 0x637264_70756273  # of whoever publishes, among the advisory locks of the database


def count_unpublished(engine: Engine) -> int:
    """How many checkpoints have not been taken by all that they are due to."""
    with reading(engine) as connection:
        counted = select(func.count()).select_from(CHECKPOINT)
        return connection.execute(counted.where(CHECKPOINT.c.published.is_(None))).scalar_one()


def publish_due(engine: Engine, outside: Outside, at: datetime) -> None:
    """Bring the file up to date, then offer the witnesses what they have not taken yet.

    What was published before a crash and not marked so is offered once more.

    Raises:
        NotPublished: something was not taken; nothing after it has been offered.
        TamperError: the file outside holds something else.
        SQLAlchemyError: the database cannot be used just now.
    """
    _complete_file(engine, outside.file)
    if _first_due(engine) is None:
        return
    if not outside.witnesses:
        _mark(engine, at, up_to=_size_outside(outside.file))
        return
    with _turn(engine) as is_ours:
        for _ in range(_PER_TURN if is_ours else 0):
            due = _first_due(engine)
            if due is None:
                return
            size, note = due
            _offer(note, outside.witnesses)
            _mark(engine, at, up_to=size)


def _complete_file(engine: Engine, file: CheckpointFile) -> None:
    size = _size_outside(file)
    while notes := _notes_after(engine, size):
        file.append([note for _, note in notes])
        size = notes[-1][0]


def _size_outside(file: CheckpointFile) -> int:
    try:
        last = file.last()
    except OSError as error:
        raise NotPublished(f"the file cannot be read: {error.strerror}") from error
    return last.size if last else 0


def _notes_after(engine: Engine, size: int) -> list[tuple[int, str]]:
    later = select(CHECKPOINT.c.size, CHECKPOINT.c.note).where(CHECKPOINT.c.size > size)
    with reading(engine) as connection:
        rows = connection.execute(later.order_by(CHECKPOINT.c.size).limit(_PAGE))
        return [(row.size, row.note) for row in rows]


def _first_due(engine: Engine) -> tuple[int, str] | None:
    due = select(CHECKPOINT.c.size, CHECKPOINT.c.note).where(CHECKPOINT.c.published.is_(None))
    with reading(engine) as connection:
        row = connection.execute(due.order_by(CHECKPOINT.c.size).limit(1)).one_or_none()
        return (row.size, row.note) if row else None


def _offer(note: str, witnesses: tuple[Witness, ...]) -> None:
    for witness in witnesses:
        witness.publish(note)


def _mark(engine: Engine, at: datetime, *, up_to: int) -> None:
    due = CHECKPOINT.c.published.is_(None)
    with writing(engine) as connection:
        connection.execute(
            update(CHECKPOINT).where(due, CHECKPOINT.c.size <= up_to).values(published=at)
        )


@contextmanager
def _turn(engine: Engine) -> Iterator[bool]:
    """Whether it is this process that publishes: two at once could change the order."""
    path = sqlite_path(engine)
    with _file_turn(path) if path else _server_turn(engine) as is_ours:
        yield is_ours


@contextmanager
def _file_turn(path: Path) -> Iterator[bool]:
    # A lock in the database itself would make writers wait for a slow witness.
    descriptor = os.open(path.with_name(f"{path.name}-publishing"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _server_turn(engine: Engine) -> Iterator[bool]:
    lock = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=_LOCK)
    with writing(engine) as connection:
        is_ours = bool(connection.execute(lock).scalar_one())
        with idle(connection):  # witnesses are slow at times
            yield is_ours
