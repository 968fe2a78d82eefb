"""Interleaved measuring: the floor and a library by turns, so that the machine's load cancels."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import psutil
from benchmarking.load import Job, Load
from benchmarking.servers import Server

Run = Callable[[Job], Load]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A few seconds of load on one server.

    Latencies and `cpu`, the server's for one request, are in seconds. `generator` is the part of
    a core that the load generator used, `others` what all other processes used of the machine.
    """

    load: Load
    cpu: float
    generator: float
    others: float

    @property
    def rate(self) -> float:
        return self.load.rate

    @property
    def p50(self) -> float:
        return percentile(self.load.latencies, 0.50)

    @property
    def p99(self) -> float:
        return percentile(self.load.latencies, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The slices of one server and those of the floor, each pair taken in the same round."""

    floor: list[Slice] = field(default_factory=list)
    server: list[Slice] = field(default_factory=list)

    def ratios(self, of: Callable[[Slice], float]) -> list[float]:
        """The ratios of the server's figure to the floor's, one a round."""
        return [of(ours) / of(theirs) for ours, theirs in zip(self.server, self.floor, strict=True)]

    def ratio(self, of: Callable[[Slice], float]) -> float:
        """The median of those ratios."""
        return median(self.ratios(of))


# A pair for each number of connections and each server.
Measured = Mapping[tuple[int, int], Pair]


def measure(
    servers: Mapping[int, Server],
    floor: Server,
    run: Run,
    *,
    connections: Sequence[int],
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Measured:
    """Every server beside the floor, `seconds` each over all rounds; who is first alternates."""
    measured = {(count, name): Pair() for count in connections for name in servers}
    for number in range(rounds):
        tell(f"round {number + 1} of {rounds}: {len(measured) * 2 * seconds / rounds:.0f} s")
        for (count, name), pair in measured.items():
            turns = [(floor, pair.floor), (servers[name], pair.server)]
            for server, slices in turns if number % 2 == 0 else reversed(turns):
                slices.append(
                    take(
                        server,
                        run,
                        Job(port=server.port, connections=count, seconds=seconds / rounds),
                    )
                )
    return measured


def take(server: Server, run: Run, job: Job) -> Slice:
    """One slice: a job on a server."""
    return take_all([server], run, job)


def take_all(servers: Sequence[Server], run: Run, job: Job) -> Slice:
    """One slice: a job on several servers together."""
    busy, cpu = _busy(), sum(server.cpu() for server in servers)
    load = run(job)
    spent, total = sum(server.cpu() for server in servers) - cpu, _busy() - busy
    return Slice(
        load=load,
        cpu=spent / len(load.latencies),
        generator=load.cpu / load.elapsed,
        others=max(0.0, total - spent - load.cpu) / load.elapsed,
    )


def _busy() -> float:
    """Seconds of processor time that all processes of this machine have used."""
    times = psutil.cpu_times()
    return float(
        sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)
    )


def percentile(values: Iterable[float], part: float) -> float:
    """The value below which this part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def pooled(slices: Iterable[Slice]) -> "array[float]":
    """The latencies of several slices."""
    return array("d", (latency for slice_ in slices for latency in slice_.load.latencies))


def together(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Several counts as one."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
