"""The findings as tables for people, and as JSON for programs."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarking.aims import aims
from benchmarking.findings import MANY, Findings, Row, every_slice, ratios, rows
from benchmarking.language import CONDITIONS
from benchmarking.phases import WHOLE, Phase
from benchmarking.rounds import Slice
from benchmarking.soak import Mark, growth

_BARS = "▁▂▃▄▅▆▇█"
_MILLI, _MICRO, _MEGA = 1e3, 1e6, 1 << 20
_COLUMNS = (
    "",
    "req/s @8",
    "p50 @1",
    "p99 @1",
    "p50 @8",
    "p99 @8",
    "CPU/req",
    "RSS ready",
    "RSS loaded",
    "start",
    "its CPU",
)


def report(found: Findings) -> str:
    """Everything, section by section."""
    sections = (
        _setting(found),
        _figures(found),
        _ratios(found),
        _phases(found.phases),
        _soak(found.marks),
        _language(found),
        _matching(found),
        _aims(found),
    )
    return "\n\n".join("\n".join(section) for section in map(list, sections) if section)


def to_json(found: Findings) -> dict[str, Any]:
    """Everything, in seconds and bytes."""
    return {
        "machine": machine(),
        "body": found.body,
        "answer": found.answer,
        "figures": [asdict(row) for row in rows(found)],
        "ratios to the floor": [asdict(row) for row in ratios(found)],
        "rounds": [
            {
                "policies": name,
                "connections": count,
                "floor": [_slice(slice_) for slice_ in pair.floor],
                "service": [_slice(slice_) for slice_ in pair.server],
            }
            for (count, name), pair in found.measured.items()
        ],
        "generator": {
            "rate": found.generator_rate,
            "busy": _generator_busy(found),
            "others": _others(found),
        },
        "phases": [asdict(phase) for phase in found.phases],
        "memory": [asdict(mark) for mark in found.marks],
        "language": asdict(found.language),
        "matching": asdict(found.matching) if found.matching else None,
        "aims": [asdict(aim) for aim in aims(found)],
        "faults": dict(found.faults),
    }


def setting() -> str:
    """The machine, in a line."""
    ours = machine()
    return f"{ours['cores']} cores, Python {ours['python']}, {ours['system']}; loopback only"


def _slice(slice_: Slice) -> dict[str, float]:
    return {
        "rate": slice_.rate,
        "p50": slice_.p50,
        "p99": slice_.p99,
        "cpu": slice_.cpu,
        "others": slice_.others,
    }


def machine() -> dict[str, Any]:
    """The machine that measures."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _setting(found: Findings) -> Iterator[str]:
    yield setting()
    yield f"order-sign, full prefetch: {found.body:,} bytes asked, {found.answer:,} answered"
    yield f"answers kept in SQLite on {found.kept_in}, synced"
    for library in found.libraries.values():
        written = (
            f"{library.files:,} generated files, {library.size / _MEGA:.1f} MiB"
            if library.files
            else "built-in only"
        )
        yield f"  {library.policies:,} policies: {written}"
    yield (
        f"load generator: {found.generator_rate:,.0f} req/s alone; while measuring it used "
        f"{_generator_busy(found):.2f} of a core, "
        f"and everything else on this machine {_others(found):.2f}"
    )


def _generator_busy(found: Findings) -> float:
    return max(slice_.generator for slice_ in every_slice(found.measured, MANY))


def _others(found: Findings) -> float:
    slices = list(every_slice(found.measured, MANY))
    return sum(slice_.others for slice_ in slices) / len(slices)


def _figures(found: Findings) -> Iterator[str]:
    yield "Figures: @ connections, latencies and CPU in ms, RSS in MiB, start in s"
    yield from table(_COLUMNS, (_figure(row) for row in rows(found)))


def _figure(row: Row) -> list[str]:
    times = (row.p50_few, row.p99_few, row.p50_many, row.p99_many, row.cpu)
    return [
        row.name,
        f"{row.rate:,.0f}",
        *(f"{seconds * _MILLI:.2f}" for seconds in times),
        f"{row.memory_ready / _MEGA:.0f}",
        f"{row.memory_loaded / _MEGA:.0f}",
        f"{row.start:.2f}",
        f"{row.start_cpu:.2f}",
    ]


def _ratios(found: Findings) -> Iterator[str]:
    yield "To the floor, measured by turns: medians of the rounds' ratios"
    yield from table(_COLUMNS, (_ratio(row) for row in ratios(found)))


def _ratio(row: Row) -> list[str]:
    name, *figures = asdict(row).values()
    return [name, *(f"{figure:.2f}" for figure in figures)]


def _phases(phases: Sequence[Phase]) -> Iterator[str]:
    whole = next(phase for phase in phases if phase.name == WHOLE)
    parts = [phase for phase in phases if phase is not whole]
    rest = Phase(
        name="not accounted for",
        median=whole.median - sum(phase.median for phase in parts),
        mean=whole.mean - sum(phase.mean for phase in parts),
    )
    yield "Where the time goes, in process: microseconds a call"
    yield from table(
        ("phase", "median", "mean", "share"),
        (
            [
                phase.name,
                f"{phase.median * _MICRO:.0f}",
                f"{phase.mean * _MICRO:.0f}",
                f"{phase.median / whole.median:.0%}",
            ]
            for phase in (*parts, rest, whole)
        ),
    )


def _soak(marks: Sequence[Mark]) -> Iterator[str]:
    if len(marks) < 2:
        return
    yield f"Memory over requests  {sparkline([mark.memory for mark in marks[1:]])}"
    yield from table(
        ("requests", "RSS MiB", "req/s", "p99 ms", "log MiB", "faults"),
        (
            [
                f"{mark.requests:,}",
                f"{mark.memory / _MEGA:.1f}",
                f"{mark.rate:,.0f}",
                f"{mark.p99 * _MILLI:.2f}",
                f"{mark.kept / _MEGA:,.0f}",
                str(sum(mark.faults.values())),
            ]
            for mark in marks
        ),
    )
    grown = (marks[-1].memory - marks[1].memory) / _MEGA
    a_request = f"{growth(marks):+.0f} bytes a request"
    yield f"growth after the first {marks[1].requests:,}: {grown:+.1f} MiB, {a_request}"


def sparkline(values: Sequence[float]) -> str:
    """The values as bars from the least to the greatest."""
    low, high = min(values), max(values)
    steps = ((value - low) / (high - low) if high > low else 0 for value in values)
    return "".join(_BARS[round(step * (len(_BARS) - 1))] for step in steps)


def _language(found: Findings) -> Iterator[str]:
    seen = found.language
    yield "Rule language: a whole call in process by what is ordered, in ms"
    yield f"  0600T, iCare: {seen.icare_code * _MILLI:.2f}"
    yield f"  0600T, Anthem: {seen.anthem_code * _MILLI:.2f}"
    yield f"  93799 with words, Anthem: {seen.anthem_words * _MILLI:.2f}"
    yield f"  {CONDITIONS:,} conditions compiled in {seen.compiling:.2f} s"


def _matching(found: Findings) -> Iterator[str]:
    if found.matching is None:
        return
    seen = found.matching
    yield f"Policy match among {seen.rules:,} rules, in process: microseconds a lookup"
    fast, slow = (
        f"{seen.p50 * _MICRO:.1f}, p99 {seen.p99 * _MICRO:.1f}",
        f"{seen.slow_p50 * _MICRO:,.0f}",
    )
    agree = "yes" if seen.agree else "NO"
    yield f"  index p50 {fast}; asking every rule p50 {slow}; same rules: {agree}"


def _aims(found: Findings) -> Iterator[str]:
    yield "Aims"
    yield from table(
        ("aim", "measured", "met"),
        ([aim.aim, aim.measured, "yes" if aim.met else "NO"] for aim in aims(found)),
    )


def table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need to be; the first to the left, the others to the right."""
    every = [list(heads), *map(list, lines)]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    for line in every:
        first, *others = (
            f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(line)
        )
        yield "  ".join(("", first, *others)).rstrip()
