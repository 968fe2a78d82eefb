"""What we aim at, beside what was measured; an aim without a figure is not shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarking.contenders import CONSTANT, DURABLE, HEALTHCHAIN, SERVICE, SQLITE, Name
from benchmarking.kinds import BARE, ICARE, UNSENT
from benchmarking.matrix import Cell, Shares
from benchmarking.rows import Row, floor_cell, one_worker_cell, ratio
from benchmarking.starting import SEALED, SHIPPED, UNSEALED, Started

_CONNECTIONS = 8
_CPU = 1.0e-3  # seconds a call
_TO_FLOOR = 0.5
_BY_TWO = 1.8
_TAIL = 3.0  # times p50
# Seconds until a library is ready, by its size and seal.
_READY = {(2, SHIPPED): 0.6, (10_000, SEALED): 5.0, (10_000, UNSEALED): 20.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One aim, what was measured, and whether that is it."""

    aim: str
    measured: str
    holds: bool


def aims(shares: Shares, rows: Sequence[Row], starts: Sequence[Started]) -> list[Aim]:
    """Every aim there are figures for; the calls are iCare 0600T, open, on SQLite."""
    of_cell = {row.cell: row for row in rows}
    return [
        *_cost(of_cell),
        *_to_floors(shares),
        *_to_healthchain(shares),
        *_two_workers(shares),
        *_tail(of_cell),
        *_ready(starts),
        *_soundness(rows),
    ]


def service_cell(workers: int = 1, connections: int = _CONNECTIONS) -> Cell:
    """The cell that the aims are about."""
    name = Name(what=SERVICE, database=SQLITE, workers=workers)
    return Cell(name=name, kind=ICARE, connections=connections)


def _cost(of_cell: Mapping[Cell, Row]) -> Iterator[Aim]:
    if row := of_cell.get(service_cell()):
        yield Aim(
            aim=f"CPU a call at most {_CPU * 1e3:.1f} ms",
            measured=f"{row.cpu * 1e3:.2f} ms",
            holds=row.cpu <= _CPU,
        )


def _to_floors(shares: Shares) -> Iterator[Aim]:
    words = {CONSTANT: "of a constant answer's", DURABLE: "of as many bytes made durable"}
    for floor, of_what in words.items():
        ours = service_cell()
        yield from _at_least(
            f"throughput at least {_TO_FLOOR} {of_what}",
            ratio(shares, ours, floor_cell(ours, floor)),
            _TO_FLOOR,
        )


def _to_healthchain(shares: Shares) -> Iterator[Aim]:
    for workers in (1, 2):
        theirs = Cell(
            name=Name(what=HEALTHCHAIN, workers=workers), kind=BARE, connections=_CONNECTIONS
        )
        yield from _at_least(
            f"throughput ahead of HealthChain's, processes: {workers}",
            ratio(shares, service_cell(workers), theirs),
            1.0,
        )


def _two_workers(shares: Shares) -> Iterator[Aim]:
    two = service_cell(2)
    yield from _at_least(
        f"throughput of two workers at least {_BY_TWO} times one's",
        ratio(shares, two, one_worker_cell(two)),
        _BY_TWO,
    )


def _at_least(aim: str, measured: float | None, least: float) -> Iterator[Aim]:
    if measured is not None:
        yield Aim(aim=aim, measured=f"{measured:.2f}", holds=measured >= least)


def _tail(of_cell: Mapping[Cell, Row]) -> Iterator[Aim]:
    if row := of_cell.get(service_cell()):
        times = row.p99 / row.p50
        yield Aim(
            aim=f"p99 at most {_TAIL:g} times p50", measured=f"{times:.2f}", holds=times <= _TAIL
        )


def _ready(starts: Sequence[Started]) -> Iterator[Aim]:
    for started in starts:
        most = _READY.get((started.policies, started.seal))
        if most is not None:
            yield Aim(
                aim=f"{started.policies:,} policies, {started.seal}: ready in at most {most:g} s",
                measured=f"{started.ready:.2f} s",
                holds=started.ready <= most,
            )


def _soundness(rows: Sequence[Row]) -> Iterator[Aim]:
    """What must hold before the other figures can be trusted."""
    sent = {True: "everything prefetched", False: "nothing prefetched"}
    for is_sent, words in sent.items():
        faults = [sum(row.faults.values()) for row in rows if (row.cell.kind != UNSENT) is is_sent]
        if faults:
            yield Aim(
                aim=f"every answer right, {words}",
                measured=f"{sum(faults)} faults",
                holds=not any(faults),
            )
    if rows:
        busiest = max(row.generator for row in rows)
        yield Aim(
            aim="the load generator holds nobody up",
            measured=f"{busiest:.2f} of a core",
            holds=not any(row.is_held_up for row in rows),
        )
