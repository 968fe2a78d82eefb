"""What we aim at, beside what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarking.findings import FEW, MANY, Findings, rows
from benchmarking.language import CONDITIONS
from benchmarking.rounds import Pair
from benchmarking.soak import growth

_RATE = 0.6  # of the floor's
_P50 = 1.1  # of the smallest library's
_START = 10.0  # seconds
_GROWTH = 64  # bytes a request: less than one small object
_WORDS = 1.3  # times a call about a covered code
_COMPILING = 1.0  # seconds
_GENERATOR = 2.0  # times the floor's rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One aim, what was measured, and whether that is it."""

    aim: str
    measured: str
    met: bool


def aims(found: Findings) -> Iterator[Aim]:
    """Every aim there are figures for."""
    yield from _throughput(found)
    yield from _latency(found)
    largest = max(found.servers)
    start = found.servers[largest].start
    yield Aim(
        aim=f"start with {largest:,} policies under {_START:.0f} s",
        measured=f"{start:.1f} s",
        met=start < _START,
    )
    yield from _language(found)
    yield from _memory(found)
    yield from _soundness(found)


def _throughput(found: Findings) -> Iterator[Aim]:
    for name in found.servers:
        ratios = found.measured[MANY, name].ratios(lambda slice_: slice_.rate)
        yield Aim(
            aim=f"throughput with {name:,} policies at least {_RATE} of the floor",
            measured=f"{median(ratios):.2f} (rounds: {min(ratios):.2f} to {max(ratios):.2f})",
            met=median(ratios) >= _RATE,
        )


def _latency(found: Findings) -> Iterator[Aim]:
    smallest, largest = min(found.servers), max(found.servers)
    for count in (FEW, MANY) if largest > smallest else ():
        ratios = _p50_ratios(found.measured[count, largest], found.measured[count, smallest])
        yield Aim(
            aim=f"p50 with {largest:,} at most {_P50} of p50 with {smallest:,}, @ {count}",
            measured=f"{median(ratios):.2f} (rounds: {min(ratios):.2f} to {max(ratios):.2f})",
            met=median(ratios) <= _P50,
        )


def _p50_ratios(pair: Pair, other: Pair) -> list[float]:
    """One server's p50 to another's, each taken to the floor beside it."""
    pairs = zip(
        pair.ratios(lambda slice_: slice_.p50), other.ratios(lambda slice_: slice_.p50), strict=True
    )
    return [ours / theirs for ours, theirs in pairs]


def _language(found: Findings) -> Iterator[Aim]:
    seen = found.language
    yield Aim(
        aim=f"a 93799 call at most {_WORDS} times a call about a covered code",
        measured=f"{seen.ratio:.2f}",
        met=seen.ratio <= _WORDS,
    )
    yield Aim(
        aim=f"{CONDITIONS:,} conditions compiled in at most {_COMPILING:.0f} s",
        measured=f"{seen.compiling:.2f} s",
        met=seen.compiling <= _COMPILING,
    )


def _memory(found: Findings) -> Iterator[Aim]:
    if len(found.marks) > 2:
        grown = growth(found.marks)
        warm_up = found.marks[1].requests
        yield Aim(
            aim=f"memory growth after the first {warm_up:,} under {_GROWTH} bytes a request",
            measured=f"{grown:.0f}",
            met=grown < _GROWTH,
        )


def _soundness(found: Findings) -> Iterator[Aim]:
    """The aims that must be met before the other figures can be trusted."""
    margin = found.generator_rate / rows(found)[0].rate
    yield Aim(
        aim=f"load generator alone at least {_GENERATOR:.0f} times the floor",
        measured=f"{margin:.1f}",
        met=margin >= _GENERATOR,
    )
    faults = sum(found.faults.values())
    yield Aim(
        aim="every answer a 200 of the right length", measured=f"{faults} faults", met=not faults
    )
