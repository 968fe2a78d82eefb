"""The cost of trust and memory as a table for people, and as JSON for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from benchmarking.report import machine, setting, table
from benchmarking.trust_run import Row, Shares, faults, machine_load, rows

_COLUMNS = (
    "",
    "workers",
    "req/s",
    "p50 @1",
    "p50 @8",
    "p99 @8",
    "CPU/call",
    "database",
    "to floor",
    "to open",
    "to 1",
    "CPU to floor",
    "CPU to open",
)
_MILLI = 1e3


def report(shares: Shares) -> str:
    """The table, and how to read it."""
    return "\n".join(_lines(shares))


def to_json(shares: Shares) -> dict[str, Any]:
    """Every row and every slice, in seconds."""
    generator, others = machine_load(shares)
    return {
        "machine": machine(),
        "generator": generator,
        "others": others,
        "rows": [asdict(row) for row in rows(shares)],
        "rounds": [
            {
                "name": name,
                "connections": way.connections,
                "workers": way.workers,
                "rates": [share.slice.rate for share in taken],
                "cpu": [share.slice.cpu for share in taken],
                "database": [share.database for share in taken],
            }
            for (name, way), taken in shares.items()
        ],
        "faults": faults(shares),
    }


def _lines(shares: Shares) -> Iterator[str]:
    generator, others = machine_load(shares)
    yield setting()
    yield f"the load generator used up to {generator:.2f} of a core, all else {others:.2f} cores"
    yield ""
    yield "req/s with 8 connections; @ connections, latencies and CPU in ms; CPU of the service and"
    yield "of its database server; req/s to the floor's and to open SQLite's with as many workers,"
    yield "and to its own with 1: medians of the rounds' ratios"
    yield from table(_COLUMNS, (_cells(row) for row in rows(shares)))
    found = faults(shares)
    yield ""
    yield f"faults: {found}" if found else "every answer a 200 of the right length"


def _cells(row: Row) -> list[str]:
    alone = "" if row.p50_alone is None else f"{row.p50_alone * _MILLI:.2f}"
    times = (row.p50, row.p99, row.cpu)
    ratios = (row.to_floor, row.to_open, row.to_one, row.cpu_to_floor, row.cpu_to_open)
    return [
        row.name,
        str(row.workers),
        f"{row.rate:,.0f}",
        alone,
        *(f"{seconds * _MILLI:.2f}" for seconds in times),
        f"{row.database * _MILLI:.2f}" if row.database else "",
        *(f"{ratio:.2f}" for ratio in ratios),
    ]
