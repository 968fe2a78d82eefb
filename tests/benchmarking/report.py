"""The findings as tables for people, and as JSON for programs."""

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from benchmarking.aims import Aim
from benchmarking.contenders import POSTGRESQL, SERVICE
from benchmarking.findings import Findings
from benchmarking.kinds import KINDS
from benchmarking.rows import Row
from benchmarking.soak import Mark, growth
from benchmarking.starting import Started, memory_per_policy
from benchmarking.tables import Table, sparkline

_MILLI, _KILO, _MEGA = 1e3, 1 << 10, 1 << 20
_FIGURES = ("calls/s", "p50", "p99", "CPU", "functions", "switches", "MiB")
_READING = (
    "p50, p99 and CPU in ms; CPU, function calls and context switches a call, of all processes of "
    "the server; MiB: peak, what processes share counted once.",
    "Ratios of throughput are medians of the rounds'; (a) the same server and framework returning "
    "a constant, (b) the same and as many bytes made durable by the same group commit.",
)
_HEALTHCHAIN = (
    "applies no policy and keeps no record; it refuses CRD's extension of a request, so it is sent "
    "the same call without"
)


def report(found: Findings) -> list[Table]:
    """Everything, table by table, the aims last."""
    rows = found.rows()
    return [
        _setting(found, rows),
        *_beside(rows),
        *_services(rows),
        *_starts(found.starts),
        *_soak(found.marks),
        _aims(found.aims()),
    ]


def to_text(tables: Sequence[Table]) -> str:
    """For a terminal."""
    return "\n\n".join(table.to_text() for table in tables)


def to_markdown(tables: Sequence[Table]) -> str:
    """For a page."""
    return "\n\n".join(table.to_markdown() for table in tables) + "\n"


def to_json(found: Findings) -> dict[str, Any]:
    """Everything, in seconds and bytes."""
    rows = found.rows()
    return {
        "machine": _machine(),
        "sizes": asdict(found.sizes),
        "healthchain": found.healthchain,
        "rows": [asdict(row) for row in rows],
        "rounds": [
            {**asdict(cell), "rates": [slice_.rate for slice_ in taken]}
            for cell, taken in found.shares.items()
        ],
        "generator": found.generator_rate,
        "others": _others(found),
        "starts": [asdict(started) for started in found.starts],
        "memory": [asdict(mark) for mark in found.marks],
        "aims": [asdict(aim) for aim in found.aims()],
    }


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _setting(found: Findings, rows: Sequence[Row]) -> Table:
    machine, sizes = _machine(), found.sizes
    notes = [
        f"{machine['cores']} cores, Python {machine['python']}, {machine['system']}; loopback only",
        f"iCare 0600T: {sizes.asked:,} bytes asked, {sizes.answered:,} answered, "
        f"{sizes.kept:,} kept in a database on {sizes.file_system}",
    ]
    if found.healthchain:
        notes.append(f"HealthChain {found.healthchain}: {_HEALTHCHAIN}")
    if rows:
        busiest = max(row.generator for row in rows)
        notes.append(
            f"load generator: {found.generator_rate:,.0f} calls/s alone; while measuring at most "
            f"{busiest:.2f} of a core; everything else on this machine {_others(found):.2f}"
        )
    notes += [
        f"{row.cell.name}, {row.cell.kind} @ {row.cell.connections}: {_faults(row)}"
        for row in rows
        if row.faults or row.is_held_up
    ]
    return Table(heading="What was measured", notes=notes)


def _faults(row: Row) -> str:
    wrong = [f"{count} answers: {fault}" for fault, count in row.faults.items()]
    held = ["held up by the load generator"] if row.is_held_up else []
    return "; ".join(wrong + held)


def _others(found: Findings) -> float:
    taken = [slice_.others for slices in found.shares.values() for slice_ in slices]
    return mean(taken) if taken else 0.0


def _beside(rows: Sequence[Row]) -> Iterator[Table]:
    beside = [row for row in rows if row.cell.name.what != SERVICE]
    if beside:
        yield Table(
            heading="Floors, and others beside us",
            notes=_READING,
            columns=("", "workers", "connections", *_FIGURES),
            lines=[_floor_line(row) for row in beside],
        )


def _floor_line(row: Row) -> list[str]:
    name = row.cell.name
    words = f"{name.what}, {name.database}" if name.database else name.what
    return [words, str(name.workers), str(row.cell.connections), *_figures(row)]


def _services(rows: Sequence[Row]) -> Iterator[Table]:
    ours = [row for row in rows if row.cell.name.what == SERVICE]
    shapes = dict.fromkeys((row.cell.name.database, row.cell.name.trust) for row in ours)
    for database, trust in shapes:
        has_server = database == POSTGRESQL
        server = ("its CPU",) if has_server else ()
        of_shape = [
            row
            for row in ours
            if (row.cell.name.database, row.cell.name.trust) == (database, trust)
        ]
        of_shape.sort(key=_place)
        yield Table(
            heading=f"The service: {database}, {_TRUSTS[trust]}",
            notes=("its CPU: the database server's",) if has_server else (),
            columns=(
                "call", "workers", "connections", *_FIGURES, *server, "to (a)", "to (b)",
            ),
            lines=[_service_line(row, has_server=has_server) for row in of_shape],
        )  # fmt: skip


_TRUSTS = {"open": "open", "tokens": "a token of ES384 with each call"}


def _place(row: Row) -> tuple[int, int, int]:
    """Where a row stands: by call, then workers, then connections."""
    return list(KINDS).index(row.cell.kind), row.cell.name.workers, row.cell.connections


def _service_line(row: Row, *, has_server: bool) -> list[str]:
    cell = row.cell
    return [
        cell.kind,
        str(cell.name.workers),
        str(cell.connections),
        *_figures(row),
        *([f"{row.database_cpu * _MILLI:.2f}"] if has_server else []),
        _decimal(row.to_constant),
        _decimal(row.to_durable),
    ]


def _figures(row: Row) -> list[str]:
    return [
        f"{row.rate:,.0f}",
        *(f"{seconds * _MILLI:.2f}" for seconds in (row.p50, row.p99, row.cpu)),
        "" if row.functions is None else f"{row.functions:,.0f}",
        f"{row.switches:.1f}",
        f"{row.memory / _MEGA:.0f}",
    ]


def _decimal(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"


def _starts(starts: Sequence[Started]) -> Iterator[Table]:
    if not starts:
        return
    notes = [f"{started.policies:,} policies: not sealed: {started.why}" for started in starts
             if started.why]  # fmt: skip
    if (grown := memory_per_policy(starts)) is not None:
        notes.append(f"each more policy holds {grown / _KILO:,.1f} KiB")
    yield Table(
        heading="Starts: seconds until it answers, and a call then, one at a time, in ms",
        notes=notes,
        columns=("policies", "seal", "ready", "its CPU", "MiB", "CPU", "p50", "sealed in"),
        lines=[
            [
                f"{started.policies:,}",
                started.seal,
                f"{started.ready:.2f}",
                f"{started.ready_cpu:.2f}",
                f"{started.memory / _MEGA:.0f}",
                f"{started.cpu * _MILLI:.2f}",
                f"{started.p50 * _MILLI:.2f}",
                "" if started.sealing is None else f"{started.sealing:.1f}",
            ]
            for started in starts
        ],
    )


def _soak(marks: Sequence[Mark]) -> Iterator[Table]:
    if len(marks) < 2:
        return
    grown = f"growth after the first {marks[1].requests:,}: {growth(marks):+.0f} bytes a call"
    yield Table(
        heading=f"Memory over calls  {sparkline([mark.memory for mark in marks[1:]])}",
        notes=(grown,),
        columns=("calls", "MiB", "calls/s", "p99", "faults"),
        lines=[
            [
                f"{mark.requests:,}",
                f"{mark.memory / _MEGA:.1f}",
                f"{mark.rate:,.0f}",
                f"{mark.p99 * _MILLI:.2f}",
                str(sum(mark.faults.values())),
            ]
            for mark in marks
        ],
    )


def _aims(found: Sequence[Aim]) -> Table:
    return Table(
        heading="Aims, for iCare 0600T: 8 connections, one worker if not said, open, SQLite",
        columns=("aim", "measured", "holds"),
        lines=[[aim.aim, aim.measured, "yes" if aim.holds else "NO"] for aim in found],
    )
