"""Slices: a second or two of load on one server, and what that cost it."""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from benchmarking.contenders import Contender
from benchmarking.load import Job, Load
from benchmarking.processes import Spent, busy

Run = Callable[[Job], Load]
_LOOK_EVERY = 0.1  # seconds
_QUIET = 0.1  # of a core
_LONGEST_WORK = 2.0  # seconds that are waited for what a server still does after its answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A slice of load on one server.

    `spent` and `database` are of the server and of its database, all calls together, with what they
    did afterwards; `memory` is in bytes. `generator` is the part of a core that the load generator
    used, `others` what all other processes used of the machine.
    """

    load: Load
    spent: Spent
    database: Spent
    memory: int
    generator: float
    others: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.load.rate

    @property
    def cpu(self) -> float:
        """Seconds of processor time a call."""
        return self.spent.cpu / len(self.load.latencies)

    @property
    def switches(self) -> float:
        """Context switches a call."""
        return self.spent.switches / len(self.load.latencies)

    @property
    def database_cpu(self) -> float:
        """Seconds of the database server's processor time a call."""
        return self.database.cpu / len(self.load.latencies)


def take(contender: Contender, run: Run, job: Job) -> Slice:
    """One slice: a job on a contender, and what it spent on it until it was quiet again."""
    tree = contender.server.process
    total, before, database = busy(), tree.spent(), contender.database_spent()
    load = run(job)
    total, during = busy() - total, tree.spent().since(before)
    others = max(0.0, total - during.cpu - load.cpu) / load.elapsed
    _come_to_rest(contender)
    return Slice(
        load=load,
        spent=tree.spent().since(before),
        database=contender.database_spent().since(database),
        memory=tree.memory(),
        generator=load.cpu / load.elapsed,
        others=others,
    )


def _come_to_rest(contender: Contender) -> None:
    """Wait for what it puts off: that is its own, and must not fall on who is measured next."""
    until = time.monotonic() + _LONGEST_WORK
    spent, is_quiet = contender.server.process.spent().cpu, False
    while not is_quiet and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
        now = contender.server.process.spent().cpu
        is_quiet, spent = now - spent <= _QUIET * _LOOK_EVERY, now


def percentile(values: Iterable[float], part: float) -> float:
    """The value below which this part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def pooled(slices: Iterable[Slice]) -> "array[float]":
    """The latencies of several slices, in seconds."""
    return array("d", (latency for taken in slices for latency in taken.load.latencies))


def together(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Several counts as one."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)
