"""Purging: records that are older than their class is kept, but for those that are held.

Their rows and mentions are deleted, and with a row its salt, so that nobody can find out from the
leaf what stood there. The leaf stays: the proofs of all other records hold on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, func, not_, select

from cds_service.audit.holds import is_held
from cds_service.audit.retention import Period
from cds_service.database.engine import reading, writing
from cds_service.database.tables import LEAF, MENTION, RECORD

BATCH = 500  # records deleted in one transaction, and named in one record of the change

_CLASS = RECORD.c["class"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is due of one class: records from `oldest` to `newest`, all before `before`.

    `held` are as old, and stay for a legal hold.
    """

    period: Period
    before: datetime
    count: int
    oldest: datetime | None
    newest: datetime | None
    held: int


def find_due(engine: Engine, periods: Iterable[Period], now: datetime) -> tuple[Due, ...]:
    """What is due by each period, whether or not there is anything."""
    with reading(engine) as connection:
        return tuple(_due(connection, period, period.start(now)) for period in periods)


def _due(connection: Connection, period: Period, before: datetime) -> Due:
    old, held = _is_old(period, before), is_held()
    times = select(func.count(), func.min(RECORD.c.at), func.max(RECORD.c.at))
    count, oldest, newest = connection.execute(times.where(and_(old, not_(held)))).one()
    staying = select(func.count()).select_from(RECORD).where(and_(old, held))
    return Due(
        period=period,
        before=before,
        count=count,
        oldest=oldest,
        newest=newest,
        held=connection.execute(staying).scalar_one(),
    )


def purge_due(
    engine: Engine, due: Due, note: Callable[[Sequence[str]], None], *, batch: int = BATCH
) -> Iterator[int]:
    """Delete what is due, in batches of at most `batch`; gives the number of records of each.

    `note` makes durable, before a batch is deleted, that these ids are purged. So nothing is ever
    missing that no record names; where a purge is cut off between the two, the next one deletes
    what was named.
    """
    while True:
        with reading(engine) as connection:
            identities = _next_batch(connection, due, batch)
        if not identities:
            return
        note(identities)
        yield _delete(engine, identities)


def _delete(engine: Engine, identities: Sequence[str]) -> int:
    """Delete these records, but for what a hold has come on since; how many there were."""
    with writing(engine) as connection:
        deleted = connection.execute(
            delete(RECORD).where(RECORD.c.id.in_(identities), not_(is_held()))
        )
        gone = ~exists().where(RECORD.c.id == MENTION.c.record_id)
        connection.execute(delete(MENTION).where(MENTION.c.record_id.in_(identities), gone))
    return deleted.rowcount


def _next_batch(connection: Connection, due: Due, batch: int) -> list[str]:
    wanted = and_(_is_old(due.period, due.before), not_(is_held()))
    found = select(RECORD.c.id).where(wanted).order_by(RECORD.c.at, RECORD.c.id).limit(batch)
    return list(connection.execute(found).scalars())


def _is_old(period: Period, before: datetime) -> ColumnElement[bool]:
    """Old enough; what the sequencer has not numbered yet is left to the next purge."""
    numbered = exists().where(LEAF.c.record_id == RECORD.c.id, LEAF.c.number.is_not(None))
    return and_(_CLASS.in_([period.kind.value]), RECORD.c.at < before, numbered)
