"""Activations: which set of policies all processes on a store serve, and from which instant.

The one in force is the latest that has begun and is not cancelled. Instants are by the clock of the
database server; of a SQLite file, by this machine's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from cds_service.database.engine import reading, writing
from cds_service.database.store_time import read_time
from cds_service.database.tables import ACTIVATION
from cds_service.errors import AuditError

_LATEST = 50  # activations that a process looks at
_MOST_PLANNED = 20  # so that the one in force is always among those


class Kind(StrEnum):
    """What was asked for."""

    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    FOLLOW = "follow"  # the directories that each process was started with


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody asks for; `digest` names the set, empty for the directories.

    `changes` is how the set differs from what was in service, in words.
    """

    kind: Kind
    digest: str
    who: str
    why: str = ""
    changes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """An order as it is kept. `starts` is its instant, which was named if it is `planned`."""

    number: int
    order: Order
    starts: datetime
    at: datetime
    planned: bool
    cancelled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The activations that are not cancelled, the latest to begin first, as of a time."""

    now: datetime
    activations: tuple[Activation, ...]

    @property
    def current(self) -> Activation | None:
        """The one in force; None before the first."""
        return next((found for found in self.activations if found.starts <= self.now), None)

    @property
    def coming(self) -> tuple[Activation, ...]:
        """Those that have not begun, the next one first."""
        return tuple(found for found in reversed(self.activations) if found.starts > self.now)


def read_plan(connection: Connection, now: datetime) -> Plan:
    """The plan of a store, where it is `now`.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    rows = connection.execute(
        select(ACTIVATION)
        .where(ACTIVATION.c.cancelled.is_(None))
        .order_by(ACTIVATION.c.starts.desc(), ACTIVATION.c.number.desc())
        .limit(_LATEST)
    ).all()
    return Plan(now, tuple(map(_activation, rows)))


def find_plan(engine: Engine) -> Plan:
    """The plan of a store as of now, in a transaction of its own.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    with reading(engine) as connection:
        return read_plan(connection, read_time(connection))


def add_activation(
    engine: Engine, order: Order, *, lead: timedelta, at: datetime | None = None
) -> Activation:
    """Write an order, to begin `at` an instant, else as long from now as `lead`.

    Orders are numbered as they come. One without an instant takes the place of those that have none
    either and have not begun, however long their lead: the later order wins.

    Raises:
        AuditError: the instant has passed, or too many are planned.
        SQLAlchemyError: it cannot be written.
    """
    with writing(engine) as connection:
        _come_alone(connection)
        now = read_time(connection)
        if at is not None and at <= now:
            raise AuditError(f"{at.isoformat()} has passed: at the store it is {now.isoformat()}")
        _make_room(connection, now, is_planned=at is not None)
        newest = connection.scalar(select(func.max(ACTIVATION.c.number))) or 0
        row = {
            "number": newest + 1,
            "kind": order.kind.value,
            "digest": order.digest,
            "starts": at or now + lead,
            "at": now,
            "who": order.who,
            "why": order.why,
            "changes": order.changes,
            "planned": at is not None,
        }
        connection.execute(insert(ACTIVATION).values(row))
        found = connection.execute(select(ACTIVATION).where(ACTIVATION.c.number == row["number"]))
        return _activation(found.one())


def cancel_activation(engine: Engine, number: int) -> Activation:
    """Cancel an activation that has not begun.

    Raises:
        AuditError: there is none such.
        SQLAlchemyError: it cannot be written.
    """
    with writing(engine) as connection:
        _come_alone(connection)
        now = read_time(connection)
        row = connection.execute(select(ACTIVATION).where(ACTIVATION.c.number == number)).first()
        if row is None:
            raise AuditError(f"there is no activation {number}; see `crd policy history`")
        if row.cancelled is not None or row.starts <= now:
            how = "is cancelled already" if row.cancelled else "has begun; roll it back instead"
            raise AuditError(f"activation {number} {how}")
        changed = update(ACTIVATION).where(ACTIVATION.c.number == number).values(cancelled=now)
        connection.execute(changed)
        return _activation(row)


def list_activations(engine: Engine, limit: int) -> Sequence[Activation]:
    """So many of the newest activations, cancelled ones too, the newest first.

    Raises:
        SQLAlchemyError: they cannot be read.
    """
    newest = select(ACTIVATION).order_by(ACTIVATION.c.number.desc()).limit(limit)
    with reading(engine) as connection:
        return [_activation(row) for row in connection.execute(newest)]


def _come_alone(connection: Connection) -> None:
    """One writes at a time, so that a later number never has an earlier time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE activation IN SHARE ROW EXCLUSIVE MODE")


def _make_room(connection: Connection, now: datetime, *, is_planned: bool) -> None:
    coming = (ACTIVATION.c.cancelled.is_(None), ACTIVATION.c.starts > now)
    if is_planned:
        planned = select(func.count()).select_from(ACTIVATION).where(*coming)
        if connection.execute(planned).scalar_one() >= _MOST_PLANNED:
            raise AuditError(f"{_MOST_PLANNED} activations are planned; cancel one first")
        return
    replaced = update(ACTIVATION).where(*coming, ACTIVATION.c.planned.is_(False))
    connection.execute(replaced.values(cancelled=now))


def _activation(row: Row[Any]) -> Activation:
    return Activation(
        number=row.number,
        order=Order(
            kind=Kind(row.kind),
            digest=row.digest,
            who=row.who,
            why=row.why,
            changes=row.changes,
        ),
        starts=row.starts,
        at=row.at,
        planned=bool(row.planned),
        cancelled=row.cancelled,
    )
