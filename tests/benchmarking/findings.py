"""The findings of one run: figures, and their ratios to the floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarking.language import Language
from benchmarking.matching import Matching
from benchmarking.phases import Phase
from benchmarking.policies import GeneratedLibrary
from benchmarking.rounds import Measured, Slice, percentile, pooled
from benchmarking.servers import Start
from benchmarking.soak import Mark

FEW, MANY = 1, 8  # connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A server's starts, and the bytes it holds when it first answers and after all load."""

    starts: Sequence[Start]
    memory_ready: int
    memory_loaded: int

    @property
    def start(self) -> float:
        return median(start.seconds for start in self.starts)

    @property
    def start_cpu(self) -> float:
        return median(start.cpu for start in self.starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything one run has found; servers are named by their number of policies."""

    body: int
    answer: int
    kept_in: str
    libraries: Mapping[int, GeneratedLibrary]
    measured: Measured
    floor: Standing
    servers: Mapping[int, Standing]
    generator_rate: float
    phases: Sequence[Phase]
    marks: Sequence[Mark]
    matching: Matching | None
    language: Language
    faults: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One server's figures; times in seconds, sizes in bytes."""

    name: str
    rate: float
    p50_few: float
    p99_few: float
    p50_many: float
    p99_many: float
    cpu: float
    memory_ready: float
    memory_loaded: float
    start: float
    start_cpu: float


def every_slice(measured: Measured, connections: int) -> list[Slice]:
    """All slices with this many connections, the floor's and the servers'."""
    pairs = [pair for (count, _), pair in measured.items() if count == connections]
    return [slice_ for pair in pairs for slice_ in (*pair.floor, *pair.server)]


def _floor_slices(measured: Measured, connections: int) -> list[Slice]:
    pairs = [pair for (count, _), pair in measured.items() if count == connections]
    return [slice_ for pair in pairs for slice_ in pair.floor]


def rows(found: Findings) -> list[Row]:
    """The floor's figures, then each server's."""
    few, many = (_floor_slices(found.measured, count) for count in (FEW, MANY))
    floor = _row("floor", few, many, found.floor)
    return [
        floor,
        *(
            _row(
                f"{name:,} policies",
                found.measured[FEW, name].server,
                found.measured[MANY, name].server,
                standing,
            )
            for name, standing in found.servers.items()
        ),
    ]


def _row(name: str, few: Sequence[Slice], many: Sequence[Slice], standing: Standing) -> Row:
    return Row(
        name=name,
        rate=median(slice_.rate for slice_ in many),
        p50_few=percentile(pooled(few), 0.50),
        p99_few=percentile(pooled(few), 0.99),
        p50_many=percentile(pooled(many), 0.50),
        p99_many=percentile(pooled(many), 0.99),
        cpu=median(slice_.cpu for slice_ in many),
        memory_ready=standing.memory_ready,
        memory_loaded=standing.memory_loaded,
        start=standing.start,
        start_cpu=standing.start_cpu,
    )


def ratios(found: Findings) -> list[Row]:
    """The ratios of each server's figures to the floor's, as medians over the rounds."""
    return [_ratios(found, name, standing) for name, standing in found.servers.items()]


def _ratios(found: Findings, name: int, standing: Standing) -> Row:
    few, many = found.measured[FEW, name], found.measured[MANY, name]
    return Row(
        name=f"{name:,} policies",
        rate=many.ratio(lambda slice_: slice_.rate),
        p50_few=few.ratio(lambda slice_: slice_.p50),
        p99_few=few.ratio(lambda slice_: slice_.p99),
        p50_many=many.ratio(lambda slice_: slice_.p50),
        p99_many=many.ratio(lambda slice_: slice_.p99),
        cpu=many.ratio(lambda slice_: slice_.cpu),
        memory_ready=standing.memory_ready / found.floor.memory_ready,
        memory_loaded=standing.memory_loaded / found.floor.memory_loaded,
        start=standing.start / found.floor.start,
        start_cpu=standing.start_cpu / found.floor.start_cpu,
    )
