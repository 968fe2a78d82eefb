"""The benchmark's figures, ratios and aims, from slices that were made up."""

from dataclasses import replace

import pytest
from benchmarking.aims import Aim, aims, service_cell
from benchmarking.contenders import CONSTANT, DURABLE, HEALTHCHAIN, POSTGRESQL, Name
from benchmarking.kinds import BARE, ICARE, UNSENT
from benchmarking.matrix import Cell, Shares
from benchmarking.rows import floor_cell, ratio, rows
from benchmarking.slices import Slice, percentile, pooled, together
from benchmarking.starting import SEALED, SHIPPED, UNSEALED, Started, memory_per_policy
from made_slices import slice_of


def started(policies: int, seal: str, ready: float, memory: int = 0) -> Started:
    """A start that took so many seconds."""
    return Started(
        policies=policies, seal=seal, ready=ready, ready_cpu=0, memory=memory, cpu=0, p50=0
    )


@pytest.fixture
def shares() -> dict[Cell, list[Slice]]:
    """A service at half of each floor, twice as fast with two workers, ahead of HealthChain."""
    ours = service_cell()
    half, whole = slice_of(*[0.002] * 50, 0.005), slice_of(*[0.001] * 100)
    healthchain = Cell(name=Name(what=HEALTHCHAIN), kind=BARE, connections=ours.connections)
    return {
        ours: [half, half],
        service_cell(2): [whole, whole],
        floor_cell(ours, CONSTANT): [whole, whole],
        floor_cell(ours, DURABLE): [whole, whole],
        healthchain: [slice_of(*[0.003] * 40)] * 2,
    }


def judged(shares: Shares, *starts: Started) -> dict[str, Aim]:
    """The aims by their words."""
    return {aim.aim: aim for aim in aims(shares, rows(shares, {}), starts)}


def test_a_percentile_is_one_of_the_values() -> None:
    """The value below which that part of them lies, however few there are."""
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([7.0], 0.99) == 7.0


def test_latencies_and_faults_of_several_slices_are_put_together() -> None:
    """A p99 is that of all rounds, not a mean of theirs."""
    assert list(pooled([slice_of(0.1), slice_of(0.2, 0.3)])) == [0.1, 0.2, 0.3]
    assert together([{"a": 1}, {"a": 2, "b": 1}]) == {"a": 3, "b": 1}


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """One disturbed round does not move it."""
    ours, theirs = service_cell(), floor_cell(service_cell(), CONSTANT)
    fast, slow = slice_of(*[0.1] * 10), slice_of(*[0.1] * 5)
    shares = {ours: [slow, slow, slice_of(0.1)], theirs: [fast, fast, fast]}

    assert ratio(shares, ours, theirs) == 0.5
    assert ratio({ours: [slow]}, ours, theirs) is None


def test_a_floor_that_keeps_records_stands_beside_the_service_on_its_database() -> None:
    """A constant has none, and one stands beside all."""
    ours = service_cell(2)
    on_server = replace(ours, name=replace(ours.name, database=POSTGRESQL))

    assert floor_cell(on_server, DURABLE).name == Name(what=DURABLE, database=POSTGRESQL, workers=2)
    assert floor_cell(on_server, CONSTANT).name == Name(what=CONSTANT, workers=2)


def test_every_aim_holds_for_a_service_that_is_fast_enough(
    shares: dict[Cell, list[Slice]],
) -> None:
    """Each aim of the calls there are figures for, and those of the starts."""
    found = judged(
        shares,
        started(2, SHIPPED, 0.5),
        started(10_000, SEALED, 4.9),
        started(10_000, UNSEALED, 19),
    )

    assert [aim.aim for aim in found.values() if not aim.holds] == []
    assert len(found) == 11


def test_an_aim_without_figures_is_not_shown() -> None:
    """So a part of the benchmark can pass."""
    assert judged({}) == {}


@pytest.mark.parametrize(
    ("slow", "aim"),
    [
        (slice_of(*[0.002] * 51, cpu=1.1e-3), "CPU a call at most 1.0 ms"),
        (slice_of(*[0.002] * 45), "throughput at least 0.5 of a constant answer's"),
        (slice_of(*[0.002] * 45), "throughput at least 0.5 of as many bytes made durable"),
        (slice_of(*[0.002] * 39), "throughput ahead of HealthChain's, processes: 1"),
        (slice_of(*[0.002] * 60), "throughput of two workers at least 1.8 times one's"),
        (slice_of(*[0.002] * 50, 0.007), "p99 at most 3 times p50"),
        (slice_of(*[0.002] * 51, busy=0.8), "the load generator holds nobody up"),
    ],
)
def test_an_aim_that_is_missed_does_not_hold(
    shares: dict[Cell, list[Slice]], slow: Slice, aim: str
) -> None:
    """Each for its own reason."""
    shares[service_cell()] = [slow, slow]

    assert not judged(shares)[aim].holds


def test_a_wrong_answer_is_told_by_what_was_sent(shares: dict[Cell, list[Slice]]) -> None:
    """A refusal for an EHR that is asked too much is no fault of the other figures."""
    good = slice_of(0.002)
    bad = replace(good, load=replace(good.load, faults={"HTTP/1.1 412": 2}))
    found = judged({**shares, replace(service_cell(), kind=UNSENT): [bad, bad]})

    assert found["every answer right, everything prefetched"].holds
    assert found["every answer right, nothing prefetched"].measured == "4 faults"


def test_a_late_start_is_an_aim_that_is_missed() -> None:
    """Only for sizes that we aim at."""
    found = judged({}, started(10_000, SEALED, 5.1), started(1_000, SEALED, 100))

    assert [aim.holds for aim in found.values()] == [False]


def test_the_memory_of_a_policy_is_told_by_the_smallest_and_the_largest_library() -> None:
    """As they come: the sealed ones are of the same size."""
    starts = [started(2, SHIPPED, 0, 100), started(12, UNSEALED, 0, 200), started(12, SEALED, 0, 9)]

    assert memory_per_policy(starts) == 10
    assert memory_per_policy(starts[:1]) is None


def test_function_calls_are_those_of_the_same_service_and_call(
    shares: dict[Cell, list[Slice]],
) -> None:
    """However many connections and workers: they were counted once."""
    name = service_cell().name
    counts = {(name.what, name.database, name.trust, ICARE): 2_000.0}
    of_cell = {row.cell: row for row in rows(shares, counts)}

    assert of_cell[service_cell(2)].functions == 2_000
    assert of_cell[floor_cell(service_cell(), CONSTANT)].functions is None
    assert of_cell[service_cell()].switches == 3
