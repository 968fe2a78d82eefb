"""Slices of load that nobody has measured."""

from array import array

from benchmarking.load import Load
from benchmarking.processes import Spent
from benchmarking.slices import Slice


def slice_of(
    *latencies: float, elapsed: float = 1.0, cpu: float = 1e-3, busy: float = 0.1
) -> Slice:
    """A slice with these latencies; `cpu` is a call's."""
    load = Load(latencies=array("d", latencies), elapsed=elapsed, cpu=busy * elapsed, faults={})
    spent = Spent(cpu=cpu * len(latencies), switches=3 * len(latencies))
    return Slice(
        load=load, spent=spent, database=Spent(), memory=1 << 20, generator=busy, others=0.0
    )
