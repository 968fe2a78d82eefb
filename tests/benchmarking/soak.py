"""Memory over many requests: it should be flat once the first have warmed everything up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarking.kinds import ICARE
from benchmarking.load import Job
from benchmarking.servers import running
from benchmarking.services import Shape, service
from benchmarking.slices import Run, percentile

_BLOCK = 10_000
_FEWEST_BLOCKS = 5
_LIMIT = 1800.0  # seconds for all of it
_CONNECTIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The state after so many requests; `rate` and `p99` are those of the last block of them."""

    requests: int
    memory: int
    rate: float = 0.0
    p99: float = 0.0
    faults: Mapping[str, int]


def soak(directory: Path, run: Run, requests: int, tell: Callable[[str], None]) -> list[Mark]:
    """A mark before, and one after every block of requests; ends early if it takes too long."""
    with running(service(directory, Shape())) as server:
        marks = [Mark(requests=0, memory=server.process.memory(), faults={})]
        seconds = 0.0
        for block in _blocks(requests):
            job = Job(
                port=server.port, connections=_CONNECTIONS, seconds=_LIMIT - seconds, calls=ICARE
            )
            load = run(job.limited(block))
            seconds += load.elapsed
            mark = Mark(
                requests=marks[-1].requests + len(load.latencies),
                memory=server.process.memory(),
                rate=load.rate,
                p99=percentile(load.latencies, 0.99),
                faults=load.faults,
            )
            marks.append(mark)
            tell(f"  {mark.requests:,} requests: {mark.memory / (1 << 20):.1f} MiB")
            if seconds >= _LIMIT:
                break
    return marks


def growth(marks: Sequence[Mark]) -> float:
    """Bytes that memory grew for each request after the first block."""
    warm, last = marks[1], marks[-1]
    served = last.requests - warm.requests
    return (last.memory - warm.memory) / served if served else 0.0


def _blocks(requests: int) -> Iterator[int]:
    block = max(1, min(_BLOCK, requests // _FEWEST_BLOCKS))
    while requests > 0:
        yield min(block, requests)
        requests -= block
