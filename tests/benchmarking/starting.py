"""Starts: how long until a library of some size is ready, what it holds, and what a call costs."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarking.contenders import SERVICE, SQLITE, Contender, Name
from benchmarking.kinds import ICARE
from benchmarking.load import Job
from benchmarking.policies import BUILT_IN, write_library
from benchmarking.servers import running
from benchmarking.services import Shape, has_option, seal, service
from benchmarking.slices import Run, percentile, take

SHIPPED, UNSEALED, SEALED = "as shipped", "unsealed", "sealed"
_TIMES = 3  # of a start that is short
_CALLS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """One library's start, in seconds; `memory` in bytes when it first answers.

    `cpu` and `p50` are seconds of an iCare 0600T call, one at a time. `sealing` is how long
    `crd check` took to prove the library and seal it.
    """

    policies: int
    seal: str
    ready: float
    ready_cpu: float
    memory: int
    cpu: float
    p50: float
    sealing: float | None = None
    why: str = ""  # it could not be sealed


def measure_starts(
    directory: Path, sizes: Sequence[int], run: Run, tell: Callable[[str], None]
) -> list[Started]:
    """Every library as it comes, and once it is sealed."""
    return [
        started for size in sizes for started in _starts(directory / f"{size}", size, run, tell)
    ]


def memory_per_policy(starts: Sequence[Started]) -> float | None:
    """Bytes that each more policy takes, from the smallest library to the largest as they come."""
    plain = [started for started in starts if started.seal != SEALED]
    smallest, largest = (pick(plain, key=lambda started: started.policies) for pick in (min, max))
    more = largest.policies - smallest.policies
    return (largest.memory - smallest.memory) / more if more else None


def _starts(
    directory: Path, policies: int, run: Run, tell: Callable[[str], None]
) -> Iterator[Started]:
    if policies == BUILT_IN:
        tell("starts with the built-in policies")
        yield _start(directory, None, SHIPPED, policies, run)
        return
    tell(f"starts with {policies:,} policies")
    library = write_library(directory / "library", policies).directory
    yield _start(directory, library, UNSEALED, policies, run)
    if has_option("check", "--seal"):
        tell(f"proving and sealing {policies:,} policies")
        began = time.perf_counter()
        why = seal(library)
        sealing = time.perf_counter() - began
        yield _start(directory, library, SEALED, policies, run, sealing=sealing, why=why)


def _start(
    directory: Path,
    library: Path | None,
    seal_: str,
    policies: int,
    run: Run,
    *,
    sealing: float | None = None,
    why: str = "",
) -> Started:
    command = service(directory / seal_.replace(" ", "-"), Shape(library=library))
    earlier = []
    for _ in range(_TIMES - 1 if policies == BUILT_IN else 0):
        with running(command) as server:
            earlier.append(server.start)
    with running(command) as server:
        memory = server.process.memory()
        name = Name(what=SERVICE, database=SQLITE)
        contender = Contender(name=name, server=server, kinds=(ICARE,))
        job = Job(port=server.port, connections=1, seconds=60.0, calls=ICARE)
        run(job.limited(_CALLS))
        taken = take(contender, run, job.limited(_CALLS))
        every = [*earlier, server.start]
    return Started(
        policies=policies,
        seal=seal_,
        ready=median(start.seconds for start in every),
        ready_cpu=median(start.cpu for start in every),
        memory=memory,
        cpu=taken.cpu,
        p50=percentile(taken.load.latencies, 0.5),
        sealing=sealing,
        why=why,
    )
