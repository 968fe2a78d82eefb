"""The figures of each cell of the matrix, and its ratios to the floors beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarking.contenders import CONSTANT, DURABLE, SERVICE, SQLITE, Name
from benchmarking.counting import Counts
from benchmarking.kinds import ICARE
from benchmarking.matrix import Cell, Shares
from benchmarking.slices import Slice, percentile, pooled, together

_BUSY = 0.7  # of a core: a load generator so busy may hold the server up


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cell's figures; times in seconds, sizes in bytes; of a call where not of a second.

    `to_constant` and `to_durable` are the medians of the rounds' ratios of its throughput to those
    of the floors with as many workers and connections, the second on the same database.
    """

    cell: Cell
    rate: float
    p50: float
    p99: float
    cpu: float
    database_cpu: float
    functions: float | None
    switches: float
    memory: int
    to_constant: float | None
    to_durable: float | None
    generator: float
    faults: Mapping[str, int]

    @property
    def is_held_up(self) -> bool:
        """Whether the load generator was so busy that the server may have waited for it."""
        return self.generator > _BUSY


def rows(shares: Shares, counts: Counts) -> list[Row]:
    """A row for each cell."""
    return [_row(cell, shares, counts) for cell in shares]


def ratios(ours: Sequence[Slice], theirs: Sequence[Slice]) -> list[float]:
    """The ratios of throughput, one a round."""
    return [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]


def floor_cell(cell: Cell, what: str) -> Cell:
    """The floor beside a cell: as many workers and connections, the same database if it has one.

    Whatever keeps nothing stands beside the floor on SQLite.
    """
    database = (cell.name.database or SQLITE) if what == DURABLE else ""
    name = Name(what=what, database=database, workers=cell.name.workers)
    return Cell(name=name, kind=ICARE, connections=cell.connections)


def one_worker_cell(cell: Cell) -> Cell:
    """The same under the same load with one worker."""
    return replace(cell, name=replace(cell.name, workers=1))


def ratio(shares: Shares, ours: Cell, theirs: Cell) -> float | None:
    """The median of the rounds' ratios; None if either was not measured."""
    if ours not in shares or theirs not in shares:
        return None
    return median(ratios(shares[ours], shares[theirs]))


def _row(cell: Cell, shares: Shares, counts: Counts) -> Row:
    taken, name = shares[cell], cell.name
    latencies = pooled(taken)
    is_ours = name.what == SERVICE
    return Row(
        cell=cell,
        rate=median(slice_.rate for slice_ in taken),
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        cpu=median(slice_.cpu for slice_ in taken),
        database_cpu=median(slice_.database_cpu for slice_ in taken),
        functions=counts.get((name.what, name.database, name.trust, cell.kind)),
        switches=median(slice_.switches for slice_ in taken),
        memory=max(slice_.memory for slice_ in taken),
        to_constant=ratio(shares, cell, floor_cell(cell, CONSTANT)) if is_ours else None,
        to_durable=ratio(shares, cell, floor_cell(cell, DURABLE)) if is_ours else None,
        generator=max(slice_.generator for slice_ in taken),
        faults=together(slice_.load.faults for slice_ in taken),
    )
