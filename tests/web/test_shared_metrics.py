"""Metrics of several processes: any of them shows all, and a disk that is full ends none."""

import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from web.seen_calls import made_facts, made_metrics, page_of

from cds_service.audit.health import StoreHealth
from cds_service.web.metrics import Metrics
from cds_service.web.processes.counted import (
    GENERATION,
    WORKER,
    Losses,
    make_directory,
    remove_directory,
)
from cds_service.web.snapshots import Snapshot, Snapshots
from cds_service.web.tally import Counts, Values

ROOT = Path(__file__).parents[2]
CALLS, BEHIND, LOST = (
    "crd_hook_requests_total",
    "crd_metrics_behind",
    "crd_processes_lost_total",
)


def joined(directory: Path | None, place: str, **given: Any) -> Metrics:
    """The metrics of a worker, joined to those of its siblings."""
    metrics = made_metrics(**given)
    metrics.join(Snapshots(directory, place))
    return metrics


def total(page: str, name: str) -> float:
    """The sum of all series of this name."""
    families = text_string_to_metric_families(page)
    samples = [sample for family in families for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == name)


def by_label(page: str, name: str, label: str) -> dict[str, float]:
    """The series of this name by one of its labels."""
    families = text_string_to_metric_families(page)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {sample.labels[label]: sample.value for sample in samples}


@contextmanager
def no_more_room() -> Iterator[None]:
    """Nothing can be written to a file of this process, as where a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as run:
        run.wait()
    return run.pid


def test_whichever_is_asked_gives_what_all_have_counted(tmp_path: Path) -> None:
    """Counters and histograms are added up, and nothing twice."""
    first, second = joined(tmp_path, "1-0"), joined(tmp_path, "1-1")
    first.count_call(made_facts(durations={"record": 0.01}))
    second.count_call(made_facts(durations={"record": 0.2}))
    page_of(first)

    page = page_of(second)

    assert total(page, CALLS) == 2.0
    assert total(page, "crd_audit_write_seconds_count") == 2.0
    assert total(page, "crd_audit_write_seconds_sum") == pytest.approx(0.21)
    assert total(page, BEHIND) == 0.0


def test_counts_never_fall_whoever_is_asked(tmp_path: Path) -> None:
    """Who is asked shows the others at once what it has answered with."""
    workers = [joined(tmp_path, f"1-{place}") for place in range(3)]
    shown = []
    for turn in range(9):
        workers[turn % 3].count_call(made_facts())
        shown.append(total(page_of(workers[(turn * 2) % 3]), CALLS))

    assert shown == sorted(shown)
    assert total(page_of(workers[0]), CALLS) <= 9.0


def test_a_worker_shows_what_it_has_by_itself_and_when_it_ends(tmp_path: Path) -> None:
    """Without being asked; the last, too."""
    first, second = joined(tmp_path, "1-0"), joined(tmp_path, "1-1")
    first.count_call(made_facts())
    first.start()
    first.count_call(made_facts())
    first.close()

    assert total(page_of(second), CALLS) == 2.0


def test_who_takes_a_place_goes_on_with_what_was_counted_there(tmp_path: Path) -> None:
    """A worker that dies takes no count with it."""
    before = joined(tmp_path, "1-0")
    before.count_call(made_facts())
    page_of(before)

    after = joined(tmp_path, "1-0")
    after.count_call(made_facts())

    assert total(page_of(after), CALLS) == 2.0
    assert len([*tmp_path.iterdir()]) == 1


def test_of_a_gauge_the_worst_counts(tmp_path: Path) -> None:
    """The least where that is worse; a clock may be off either way."""
    well = joined(tmp_path, "1-0", clock_offset=lambda: 0.5)
    broken = StoreHealth(writable=False, chain_ok=False, journal_bytes=64)
    ill = joined(tmp_path, "1-1", store=broken, clock_offset=lambda: -7.0)
    page_of(ill)

    page = page_of(well)

    assert total(page, "crd_audit_writable") == 0.0
    assert total(page, "crd_audit_chain_ok") == 0.0
    assert total(page, "crd_audit_spool_depth") == 64.0
    assert total(page, "crd_clock_offset_seconds") == -7.0


def left_by(process: int, directory: Path) -> None:
    """What a process has written before it ended: a call, and a store that can record nothing."""
    counts = Counts(counters={CALLS: {("order-sign", "clinic", "2.2", "200"): 1.0}})
    gauges: Values = {"crd_audit_writable": {(): 0.0}}
    left = Snapshot(process=process, written=0.0, counts=counts, gauges=gauges)
    Snapshots(directory, "1-0").write(left)


def test_what_the_dead_have_read_is_forgotten_and_what_they_counted_is_not(tmp_path: Path) -> None:
    """Their store, their circuits, their keys: nobody looks there any more."""
    left_by(dead_process(), tmp_path)

    page = page_of(joined(tmp_path, "1-1"))

    assert total(page, "crd_audit_writable") == 1.0
    assert total(page, BEHIND) == 0.0
    assert total(page, CALLS) == 1.0


def test_who_lives_and_shows_nothing_for_long_is_behind(tmp_path: Path) -> None:
    """The page says that something is missing there."""
    left_by(os.getpid(), tmp_path)

    page = page_of(joined(tmp_path, "1-1"))

    assert total(page, BEHIND) == 1.0
    assert total(page, "crd_audit_writable") == 0.0


def test_a_full_disk_ends_no_call_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each goes on counting for itself, and shows it once there is room again (reliability: C5)."""
    caplog.set_level(logging.INFO)
    first, second = joined(tmp_path, "1-0"), joined(tmp_path, "1-1")
    page_of(first)
    with no_more_room():
        for _ in range(3):
            first.count_call(made_facts())
            full = page_of(first)
    told = [(record.levelname, record.message) for record in caplog.records]

    assert total(full, CALLS) == 3.0
    assert total(full, BEHIND) == 1.0
    assert told == [("WARNING", "what this process counts is not in the metrics of others")]
    assert total(page_of(second), CALLS) == 0.0
    assert total(page_of(first), BEHIND) == 0.0
    assert total(page_of(second), CALLS) == 3.0
    assert len(caplog.records) == 2


def test_without_a_directory_a_worker_counts_for_itself_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As where nothing at all can be written."""
    metrics = joined(None, "1-0")
    metrics.count_call(made_facts())
    page = page_of(metrics)

    assert total(page, CALLS) == 1.0
    assert total(page, BEHIND) == 1.0
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_what_another_version_of_the_program_counted_is_taken_as_far_as_it_is_known(
    tmp_path: Path,
) -> None:
    """New workers start beside old ones: a metric, a label or a bucket may be another there."""
    counts = Counts(
        counters={CALLS: {("order-sign",): 5.0}, "crd_former_total": {(): 1.0}},
        histograms={"crd_audit_write_seconds": {(): [1.0, 1.0, 3.0]}},
    )
    other = Snapshot(process=os.getpid(), written=0.0, counts=counts, gauges={})
    Snapshots(tmp_path, "1-0").write(other)
    (tmp_path / "1-1.counts").write_bytes(msgspec.msgpack.encode({"quite": "otherwise"}))
    (tmp_path / "1-2.counts").write_bytes(b"\xc1")

    page = page_of(joined(tmp_path, "2-0"))

    assert total(page, CALLS) == 0.0
    assert total(page, "crd_audit_write_seconds_count") == 0.0
    assert "crd_former" not in page


def test_lost_processes_are_in_the_metrics_of_all(tmp_path: Path) -> None:
    """Counted by who has lost them, and by who does so after it."""
    Losses(Snapshots(tmp_path, "1"), WORKER).count()
    Losses(Snapshots(tmp_path, "1"), WORKER).count()
    Losses(Snapshots(tmp_path, "supervisor"), GENERATION).count()

    page = page_of(joined(tmp_path, "1-0"))

    assert by_label(page, LOST, "kind") == {"worker": 2.0, "generation": 1.0}
    assert total(page, "crd_audit_writable") == 1.0
    assert total(page, BEHIND) == 0.0


def test_a_loss_that_cannot_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    """Who looks after workers fails at nothing less."""
    losses = Losses(Snapshots(tmp_path, "1"), WORKER)
    with no_more_room():
        losses.count()
    losses.count()

    assert total(page_of(joined(tmp_path, "1-0")), LOST) == 2.0


def test_the_directory_is_new_and_its_owners_alone() -> None:
    """Nobody else may have it show anything."""
    directory, other = make_directory(), make_directory()
    assert directory
    assert other
    mode = directory.stat().st_mode & 0o777
    for made in (directory, other, None):
        remove_directory(made)

    assert directory != other
    assert mode == 0o700
    assert not directory.exists()


def test_what_killed_services_have_left_is_cleared_away_and_no_more(tmp_path: Path) -> None:
    """A directory in memory takes memory until somebody removes it."""
    left, another = make_directory(tmp_path), make_directory(tmp_path)
    foreign = tmp_path / "of-another-program"
    foreign.mkdir()
    assert left
    assert another
    (left / "1-0.counts").write_bytes(b"")
    for directory in (left, foreign):
        os.utime(directory, (0, 0))

    made = make_directory(tmp_path)

    assert {*tmp_path.iterdir()} == {another, foreign, made}


def test_where_there_is_no_directory_in_memory_the_temporary_one_is_used(tmp_path: Path) -> None:
    """As on a system that has none."""
    made = make_directory(tmp_path / "none")
    assert made
    is_there = made.is_dir()
    remove_directory(made)

    assert is_there
    assert tmp_path not in made.parents


VARIABLE_SET = """
import sys
sys.path[:0] = sys.argv[1:]
from web.seen_calls import made_facts, made_metrics, page_of
metrics = made_metrics()
metrics.count_call(made_facts())
print("crd_hook_requests_total{" in page_of(metrics))
"""


@pytest.mark.parametrize("variable", ["PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"])
def test_the_variable_of_the_library_is_no_concern_of_the_service(
    variable: str, tmp_path: Path
) -> None:
    """Set for another program, to a directory that is not there: no file, no fault."""
    run = subprocess.run(
        [sys.executable, "-c", VARIABLE_SET, str(ROOT), str(ROOT / "tests")],
        capture_output=True,
        text=True,
        env=os.environ | {variable: str(tmp_path / "none")},
        check=True,
    )

    assert run.stdout == "True\n"
    assert not [*tmp_path.iterdir()]
