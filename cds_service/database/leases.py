"""Leases: what each process on a store may let through of a client's limits without asking again.

One exchange is for many clients, in as many statements as for one: a database that answers slowly
has each process wait for a few of them, whatever the number of its clients. What a process holds
lapses where it does not come back, and so does all it held when it dies. Every time here is by the
database's clock.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from cds_service.database.granting import Balance, Grant, Holding, Wish, bound_holding, grant
from cds_service.database.store_time import read_time, time_at_store
from cds_service.database.tables import ALLOWANCE, LEASE, POLICY_SET
from cds_service.database.time_limit import TimeLimit

_WORK_SECONDS = 1.0  # the most one exchange takes before its connection is cut
_LATELY = timedelta(seconds=35)  # since the last sign of life of a process that is there
_FORGOTTEN = timedelta(minutes=1)  # since a lease lapsed


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
            with self._limit.writing(self._engine) as connection:
                # Counted first, so that nothing is held for longer than need be.
                count = _count_processes(connection)
                grants = self._grant(connection, wishes) if wishes else ()
                return Exchange(processes=count, grants=grants)
        except SQLAlchemyError:
            return None

    def close(self) -> None:
        """Give back all, if the store is there; else it lapses."""
        with suppress(SQLAlchemyError), self._limit.writing(self._engine) as connection:
            lapsed = _lapsed(read_time(connection) - _FORGOTTEN)
            connection.execute(delete(LEASE).where((LEASE.c.process == self._process) | lapsed))
        self._limit.close()

    def _grant(self, connection: Connection, wishes: Sequence[Wish]) -> tuple[Grant, ...]:
        # In one order, so that two processes never wait for each other.
        ordered = sorted(wishes, key=lambda wish: wish.client)
        balances, now = _hold_balances(connection, ordered)
        holdings, misdated = _read_holdings(connection, list(balances), now)
        granted = [
            grant(wish, self._process, balances[wish.client], holdings.get(wish.client, ()), now)
            for wish in ordered
        ]
        _write(connection, ALLOWANCE, [_row_of(held, left) for _, left, held in granted])
        others = [holding for holding in misdated if holding.process != self._process]
        held_here = [held for _, _, held in granted if self._is_written(held)]
        _write(connection, LEASE, [asdict(held) for held in (*others, *held_here)])
        return tuple(given for given, _, _ in granted)

    def _is_written(self, held: Holding) -> bool:
        """Whether there is something to write: it holds something, or did when it last asked."""
        was_held = held.client in self._holding
        if held.tokens or held.slots:
            self._holding.add(held.client)
            return True
        self._holding.discard(held.client)
        return was_held


def _hold_balances(
    connection: Connection, wishes: Sequence[Wish]
) -> tuple[Mapping[str, Balance], datetime]:
    """What is left of each client's rate, and what time it is once no other process is at them.

    A balance is made at need, full, and held from here to the end of the transaction.
    """
    made = _insert(connection, ALLOWANCE).values(at=time_at_store(connection))
    held = made.on_conflict_do_update(
        index_elements=["client"], set_={"client": made.excluded.client}
    ).returning(ALLOWANCE, *_at_server(connection))
    full = [{"client": wish.client, "tokens": float(wish.rate)} for wish in wishes]
    rows = connection.execute(held, full).all()
    balances = {row.client: Balance(tokens=float(row.tokens), at=row.at) for row in rows}
    is_file = connection.dialect.name == "sqlite"
    return balances, read_time(connection) if is_file else max(row.now for row in rows)


def _at_server(connection: Connection) -> Sequence[ColumnElement[Any]]:
    """What time it is there, and that this exchange waits for no disk.

    Losing the last exchanges in a crash of the server loses no answer.
    """
    if connection.dialect.name == "sqlite":
        return ()
    no_wait: ColumnElement[Any] = literal_column("set_config('synchronous_commit', 'off', true)")
    return time_at_store(connection).label("now"), no_wait


def _read_holdings(
    connection: Connection, clients: Sequence[str], now: datetime
) -> tuple[Mapping[str, Sequence[Holding]], Sequence[Holding]]:
    """By client what processes hold that counts yet; and of these, what was misdated."""
    counts = or_(LEASE.c.tokens_until > ALLOWANCE.c.at, LEASE.c.slots_until > now)
    of_these = select(LEASE).join_from(LEASE, ALLOWANCE, LEASE.c.client == ALLOWANCE.c.client)
    rows = connection.execute(of_these.where(LEASE.c.client.in_(clients), counts)).all()
    found: dict[str, list[Holding]] = {}
    misdated = []
    for row in rows:
        written = Holding(**row._mapping)
        holding = bound_holding(written, now)
        found.setdefault(holding.client, []).append(holding)
        if holding != written:
            misdated.append(holding)
    return found, misdated


def _row_of(held: Holding, left: Balance) -> Mapping[str, Any]:
    return {"client": held.client, "tokens": left.tokens, "at": left.at}


def _write(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put these rows in the place of those with the same key."""
    if rows:
        put = _insert(connection, table)
        keys = [column.name for column in table.primary_key]
        values = {column.name: put.excluded[column.name] for column in table.c}
        connection.execute(put.on_conflict_do_update(index_elements=keys, set_=values), rows)


def _insert(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    return insert


def _count_processes(connection: Connection) -> int:
    """How many have given a sign of life lately and not stopped; at least this one."""
    now = time_at_store(connection)
    lately = time_at_store(connection, -_LATELY)
    there = and_(POLICY_SET.c.ended.is_(None), POLICY_SET.c.seen > lately)
    counted = func.count(POLICY_SET.c.instance.distinct())
    found = connection.execute(select(counted, func.max(POLICY_SET.c.seen), now).where(there)).one()
    count, last_seen, is_now = found
    if last_seen and last_seen > is_now + _LATELY:
        # The clock was set back: a process that has died since must not be there for as long.
        misdated = and_(there, POLICY_SET.c.seen > is_now + _LATELY)
        connection.execute(update(POLICY_SET).where(misdated).values(seen=is_now))
    return max(1, int(count))


def _lapsed(before: datetime) -> ColumnElement[bool]:
    return and_(LEASE.c.tokens_until < before, LEASE.c.slots_until < before)
