"""Leases: what each process on a store may let through of a client's limits without asking again.

A client's allowance fills by its rate, up to a second's worth less what processes hold of it: in
any stretch of time no more passes than the rate and one second's worth, whatever the number of
processes. What a process holds and does not use lapses, and so does all it held when it dies. Every
time here is by the database's clock.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    TextClause,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from cds_service.database.engine import writing
from cds_service.database.store_time import read_time
from cds_service.database.tables import ALLOWANCE, LEASE, POLICY_SET, UtcTime
from cds_service.database.time_limit import TimeLimit

TOKEN_SECONDS = 0.5  # that a process may hold what it does not use
SLOT_SECONDS = 5.0  # that the calls under way of a dead process are counted
_WORK_SECONDS = 1.0  # the most one exchange takes before its connection is cut
_LATELY = timedelta(seconds=35)  # since the last sign of life of a process that is there
_FORGOTTEN = timedelta(minutes=1)  # since a lease lapsed
# Made at need, full, and held from here to the end of the transaction; then it is `now`. Losing the
# last exchanges in a crash of the server loses no answer, so that they wait for no disk there.
_HOLD_ALLOWANCE = (
    "INSERT INTO allowance (client, tokens, at) VALUES (:client, :tokens, {now}) "
    "ON CONFLICT (client) DO UPDATE SET client = excluded.client RETURNING tokens, at, {now} AS now"
)
_NO_WAIT = ", set_config('synchronous_commit', 'off', true)"
_HOLD_LEASE = (
    "INSERT INTO lease (client, process, tokens, tokens_until, slots, slots_until) "
    "VALUES (:client, :process, :tokens, :tokens_until, :slots, :slots_until) "
    "ON CONFLICT (client, process) DO UPDATE SET tokens = excluded.tokens, "
    "tokens_until = excluded.tokens_until, slots = excluded.slots, "
    "slots_until = excluded.slots_until"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a process asks for one client, whose limits are `rate` and `concurrent`; 0 is none.

    It holds `kept` tokens of before. It needs `needed` calls' tokens at once and would like `spare`
    besides; of calls at a time it wants to hold `slots` from now on, in all.
    """

    client: str
    rate: int
    concurrent: int
    kept: int = 0
    needed: int = 0
    spare: int = 0
    slots: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What it gets: so many `tokens` more, so many `slots` in all.

    `wait` is the seconds until there is a token again.
    """

    client: str
    tokens: int
    slots: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The grants, and the number of `processes` that serve on this store."""

    processes: int
    grants: tuple[Grant, ...]


class StoreLeases:
    """The leases of one process, by the name `process`, which no other has."""

    def __init__(self, engine: Engine, process: str) -> None:
        self._engine, self._process = engine, process
        self._holding: set[str] = set()  # the clients of which rows may hold something
        self._limit = TimeLimit(_WORK_SECONDS)

    def exchange(self, wishes: Sequence[Wish]) -> Exchange | None:
        """Renew, ask and give back, all at once; None: the store is away."""
        try:
            with writing(self._engine) as connection, self._limit.on(connection):
                # In one order, so that two processes never wait for each other; and counted first,
                # so that nothing is held for longer than need be.
                count = _count_processes(connection)
                ordered = sorted(wishes, key=lambda wish: wish.client)
                grants = tuple(self._grant(connection, wish) for wish in ordered)
                return Exchange(processes=count, grants=grants)
        except SQLAlchemyError:
            return None

    def close(self) -> None:
        """Give back all, if the store is there; else it lapses."""
        with (
            suppress(SQLAlchemyError),
            writing(self._engine) as connection,
            self._limit.on(connection),
        ):
            lapsed = _lapsed(read_time(connection) - _FORGOTTEN)
            connection.execute(delete(LEASE).where((LEASE.c.process == self._process) | lapsed))
        self._limit.close()

    def _grant(self, connection: Connection, wish: Wish) -> Grant:
        tokens, at, now = _hold_allowance(connection, wish)
        tokens_held, slots_held = self._held_by_others(connection, wish.client, now)
        most = max(0, wish.rate - tokens_held - wish.kept)
        passed = max(0.0, (now - at).total_seconds())
        there = min(float(most), tokens + passed * wish.rate)
        granted = min(wish.needed + wish.spare, int(there))
        left = there - granted
        _set_allowance(connection, wish.client, left, now)
        slots = max(0, min(wish.slots, wish.concurrent - slots_held))
        unspent = max(0, wish.kept + granted - wish.needed)
        if unspent or slots or wish.client in self._holding:
            self._hold(connection, wish.client, tokens=unspent, slots=slots, now=now)
        wait = (1.0 - left) / wish.rate if wish.rate and left < 1.0 else 0.0
        return Grant(client=wish.client, tokens=granted, slots=slots, wait=wait)

    def _held_by_others(
        self, connection: Connection, client: str, now: datetime
    ) -> tuple[int, int]:
        tokens = func.sum(case((LEASE.c.tokens_until > now, LEASE.c.tokens), else_=0))
        slots = func.sum(case((LEASE.c.slots_until > now, LEASE.c.slots), else_=0))
        others = and_(LEASE.c.client == client, LEASE.c.process != self._process)
        found = connection.execute(select(tokens, slots).where(others)).one()
        return int(found[0] or 0), int(found[1] or 0)

    def _hold(
        self, connection: Connection, client: str, *, tokens: int, slots: int, now: datetime
    ) -> None:
        values = {"client": client, "process": self._process, "tokens": tokens, "slots": slots}
        until = {
            "tokens_until": now + timedelta(seconds=TOKEN_SECONDS),
            "slots_until": now + timedelta(seconds=SLOT_SECONDS),
        }
        statement = text(_HOLD_LEASE).bindparams(**values)
        connection.execute(_with_times(statement, until))
        if tokens or slots:
            self._holding.add(client)
        else:
            self._holding.discard(client)


def _hold_allowance(connection: Connection, wish: Wish) -> tuple[float, datetime, datetime]:
    """The tokens as of a time, and what time it is once no other process is at them."""
    values = {"client": wish.client, "tokens": float(wish.rate)}
    if connection.dialect.name == "sqlite":
        written = text(_HOLD_ALLOWANCE.format(now=":now")).bindparams(**values)
        statement = _with_times(written, {"now": read_time(connection)})
    else:
        written = text(_HOLD_ALLOWANCE.format(now="clock_timestamp()") + _NO_WAIT)
        statement = written.bindparams(**values)
    typed = statement.columns(tokens=Double(), at=UtcTime(), now=UtcTime())
    row = connection.execute(typed).one()
    return float(row.tokens), row.at, row.now


def _set_allowance(connection: Connection, client: str, tokens: float, now: datetime) -> None:
    mine = ALLOWANCE.c.client == client
    connection.execute(update(ALLOWANCE).where(mine).values(tokens=tokens, at=now))


def _count_processes(connection: Connection) -> int:
    """How many have given a sign of life lately and not stopped; at least this one."""
    is_server = connection.dialect.name == "postgresql"
    since = (func.clock_timestamp() if is_server else read_time(connection)) - _LATELY
    there = and_(POLICY_SET.c.ended.is_(None), POLICY_SET.c.seen > since)
    counted = select(func.count(POLICY_SET.c.instance.distinct())).where(there)
    return max(1, connection.execute(counted).scalar_one())


def _lapsed(before: datetime) -> ColumnElement[bool]:
    return and_(LEASE.c.tokens_until < before, LEASE.c.slots_until < before)


def _with_times(statement: TextClause, times: Mapping[str, datetime]) -> TextClause:
    """A time is written as in all other statements."""
    return statement.bindparams(
        *(bindparam(name, at, type_=UtcTime()) for name, at in times.items())
    )
