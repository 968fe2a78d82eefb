"""What went live where: each process on a store writes which set it serves, and signs of life."""

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, insert, select, update

from cds_service.database.engine import reading
from cds_service.database.tables import POLICY_SET

SEEN_EVERY = 10.0  # seconds between two signs of life
_LATELY = timedelta(seconds=35)  # three of those, and a little


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One process from its start on; `id` is no other's."""

    id: str
    host: str
    process: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a process serves: the set, by whose word, and why not another, if it should.

    `approvals` is how many it asks for.
    """

    digest: str
    source: str
    since: datetime
    problem: str = ""
    approvals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A set that a process serves or served: when it was `seen` last, and when it `ended`."""

    instance: Instance
    serving: Serving
    seen: datetime
    ended: datetime | None


def this_instance(identity: str) -> Instance:
    """This process."""
    return Instance(id=identity, host=socket.gethostname(), process=os.getpid())


def write_serving(
    connection: Connection, instance: Instance, serving: Serving, seen: datetime
) -> None:
    """Write what a process serves now: a row for each set, kept when another takes its place.

    Raises:
        SQLAlchemyError: it cannot be written.
    """
    values = {
        "source": serving.source,
        "problem": serving.problem,
        "approvals": serving.approvals,
        "seen": seen,
    }
    here = POLICY_SET.c.instance == instance.id
    same = and_(here, POLICY_SET.c.since == serving.since)
    if connection.execute(update(POLICY_SET).where(same).values(**values)).rowcount:
        return
    connection.execute(
        update(POLICY_SET).where(here, POLICY_SET.c.ended.is_(None)).values(ended=serving.since)
    )
    connection.execute(
        insert(POLICY_SET).values(
            instance=instance.id,
            host=instance.host,
            process=instance.process,
            digest=serving.digest,
            since=serving.since,
            **values,
        )
    )


def write_end(connection: Connection, instance: Instance, at: datetime) -> None:
    """Write that a process has stopped.

    Raises:
        SQLAlchemyError: it cannot be written.
    """
    mine = (POLICY_SET.c.instance == instance.id, POLICY_SET.c.ended.is_(None))
    connection.execute(update(POLICY_SET).where(*mine).values(ended=at))


def find_served(engine: Engine, now: datetime) -> tuple[Served, ...]:
    """What the processes serve that are there now, by host and process.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    there = select(POLICY_SET).where(
        POLICY_SET.c.ended.is_(None), POLICY_SET.c.seen > now - _LATELY
    )
    with reading(engine) as connection:
        rows = connection.execute(there.order_by(POLICY_SET.c.host, POLICY_SET.c.process)).all()
    return tuple(map(_served, rows))


def list_served(engine: Engine, limit: int) -> Sequence[Served]:
    """So many of the sets that processes have served, those that went live last first.

    Raises:
        SQLAlchemyError: they cannot be read.
    """
    latest = select(POLICY_SET).order_by(POLICY_SET.c.since.desc(), POLICY_SET.c.instance)
    with reading(engine) as connection:
        return [_served(row) for row in connection.execute(latest.limit(limit))]


def find_former(engine: Engine, digest: str, before: datetime) -> str:
    """The set that went live last before a time, this one aside; empty if there was none.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    others = select(POLICY_SET.c.digest).where(
        POLICY_SET.c.digest != digest, POLICY_SET.c.since < before
    )
    with reading(engine) as connection:
        return connection.scalar(others.order_by(POLICY_SET.c.since.desc()).limit(1)) or ""


def present_digests(served: Iterable[Served]) -> tuple[str, ...]:
    """The sets that these processes serve, that which most of them do first."""
    digests = [found.serving.digest for found in served]
    return tuple(sorted(set(digests), key=lambda digest: (-digests.count(digest), digest)))


def _served(row: Row[Any]) -> Served:
    return Served(
        instance=Instance(id=row.instance, host=row.host, process=row.process),
        serving=Serving(
            digest=row.digest,
            source=row.source,
            since=row.since,
            problem=row.problem,
            approvals=row.approvals,
        ),
        seen=row.seen,
        ended=row.ended,
    )
