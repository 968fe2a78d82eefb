"""Several workers on one socket: who answers, who takes a dead one's place, and what is lost."""

import resource
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil
import pytest
from faults.callers import Heard, calling
from faults.ledger import CopyWatch, settle
from faults.site import Site, site_on
from small_library import organization, write_library
from web.worker_service import (
    PATIENCE,
    WorkerService,
    are_all_gone,
    await_that,
    serving_in_workers,
)

from cds_service.web.snapshots import Snapshot

pytestmark = pytest.mark.long

CALLERS = 4
REPLACED = 10.0  # seconds, where a machine of its own takes less than two


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A store in a file, with its keys."""
    with site_on(None, tmp_path) as made:
        return made


def kept_once(site: Site, heard: Heard) -> bool:
    """Whether every answer that was given is in the store, once, and no other was lost there."""
    return settle(site, heard, CopyWatch(site)).is_sound


def calls_by_worker(service: WorkerService) -> Sequence[float]:
    """How many calls each place of a worker has counted."""
    places = sorted(service.counted().glob("*-*.counts"))
    snapshots = [msgspec.msgpack.decode(file.read_bytes(), type=Snapshot) for file in places]
    return [
        sum(snapshot.counts.counters["crd_hook_requests_total"].values()) for snapshot in snapshots
    ]


def test_workers_share_one_socket_evenly_and_count_together(site: Site) -> None:
    """Callers that keep their connections are spread over all workers, as those of a proxy are."""
    heard = Heard()
    with serving_in_workers(site) as service:
        workers = service.workers()
        with calling([service.caller_target], CALLERS, heard):
            await_that(lambda: heard.statuses[200] > 60)
        await_that(lambda: sum(calls_by_worker(service)) == heard.statuses[200])
        counted = calls_by_worker(service)
        told = service.metric("crd_hook_requests_total")

    assert len(workers) == 2
    assert set(heard.statuses) == {200}
    assert min(counted) > 0.1 * sum(counted)
    assert told == sum(counted) == heard.statuses[200]
    assert kept_once(site, heard)


def test_a_killed_worker_is_replaced_and_nothing_that_was_answered_is_lost(site: Site) -> None:
    """The others go on; the counts do not fall (reliability: G2, C1)."""
    heard = Heard()
    with serving_in_workers(site) as service, calling([service.caller_target], CALLERS, heard):
        before = service.workers()
        await_that(lambda: heard.statuses[200] > 40)
        counted = service.metric("crd_hook_requests_total")
        before[0].kill()
        seconds = await_that(lambda: are_all_gone(before[:1]) and len(service.workers()) == 2)
        afterwards = service.metric("crd_hook_requests_total")
        answered = heard.statuses[200]
        await_that(lambda: heard.statuses[200] > answered + 40)
        names = {file.name for file in service.counted().glob("*-*.counts")}
        lost = service.metric("crd_processes_lost_total")
        after = service.workers()

    assert seconds < REPLACED
    assert before[1] in after
    assert before[0] not in after
    assert afterwards >= counted
    assert lost == 1.0
    assert len(names) == 2
    assert set(heard.statuses) <= {0, 200}
    assert heard.statuses[0] <= CALLERS
    assert "a worker has ended; another starts in 0 s" in service.log()
    assert kept_once(site, heard)


def test_a_replaced_worker_serves_within_two_seconds(site: Site) -> None:
    """From its death to the moment at which all listen, as the kernel sees it."""
    with serving_in_workers(site) as service:
        before = service.workers()
        before[0].kill()
        seconds = await_that(lambda: len(listening(service)) == 2, REPLACED)

    assert seconds < REPLACED


def listening(service: WorkerService) -> Sequence[psutil.Process]:
    """The workers that answer calls: they have their threads."""
    return [worker for worker in service.workers() if worker.num_threads() > 5]


def test_new_code_takes_over_without_a_failed_call(site: Site) -> None:
    """SIGUSR2 under load: a new generation, and no caller notices."""
    heard = Heard()
    with serving_in_workers(site) as service:
        (old,), before = service.generations(), service.workers()
        with calling([service.caller_target], CALLERS, heard):
            await_that(lambda: heard.statuses[200] > 20)
            service.send(signal.SIGUSR2)
            await_that(lambda: are_all_gone([old, *before]))
            answered = heard.statuses[200]
            await_that(lambda: heard.statuses[200] > answered + 40)
        after = service.workers()
        await_that(lambda: service.metric("crd_hook_requests_total") == heard.statuses[200])
        lost = service.metric("crd_processes_lost_total")

    assert len(after) == 2
    assert not set(after) & set(before)
    assert set(heard.statuses) == {200}
    assert lost == 0.0
    assert kept_once(site, heard)


def test_a_broken_new_generation_leaves_the_old_one_at_work(site: Site, tmp_path: Path) -> None:
    """And the log says why."""
    library = write_library(tmp_path / "policies", organization())
    with serving_in_workers(site, "--library", str(library), "--no-watch") as service:
        before = service.workers()
        (library / "Organization-acme.json").write_text("{")
        service.send(signal.SIGUSR2)
        await_that(lambda: "renewal-failed" in service.log())
        after, ready = service.workers(), service.ask("/readyz")

    assert after == before
    assert '"ready":true' in ready
    assert "Organization-acme.json: $: not JSON" in service.log()


def leave_no_descriptor(process: psutil.Process) -> None:
    """From now on a process can open nothing more than it has open."""
    most = max(int(entry.name) for entry in Path(f"/proc/{process.pid}/fd").iterdir()) + 1
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (most, hard))


def allow_descriptors(process: psutil.Process) -> None:
    """It may open more again."""
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (hard, hard))


def test_a_supervisor_that_can_start_nothing_leaves_the_workers_at_work(site: Site) -> None:
    """As where a machine has no descriptor or no process left; the log says so."""
    with serving_in_workers(site) as service:
        before = service.workers()
        leave_no_descriptor(psutil.Process(service.run.pid))
        service.send(signal.SIGUSR2)
        await_that(lambda: "renewal-failed" in service.log())
        after, ready = service.workers(), service.ask("/readyz")

    assert after == before
    assert '"ready":true' in ready


def test_a_generation_that_can_fork_nothing_keeps_the_other_workers(site: Site) -> None:
    """And fills the place of the dead one once it can."""
    with serving_in_workers(site) as service:
        generation = service.generations()[-1]
        killed, kept = service.workers()
        leave_no_descriptor(generation)
        killed.kill()
        await_that(lambda: "a worker cannot start" in service.log())
        ready = service.ask("/readyz")
        allow_descriptors(generation)
        await_that(lambda: len(service.workers()) > 1)
        is_kept = kept in service.workers()

    assert '"ready":true' in ready
    assert is_kept


def test_metrics_that_cannot_be_shared_end_no_call(site: Site) -> None:
    """Their directory is taken away under load: the page says that a part of it is missing."""
    heard = Heard()
    with serving_in_workers(site) as service, calling([service.caller_target], CALLERS, heard):
        before = service.workers()
        await_that(lambda: heard.statuses[200] > 20)
        shutil.rmtree(service.counted())
        behind = service.metric("crd_metrics_behind")
        await_that(lambda: service.log().count("not in the metrics of others") == 2)
        answered = heard.statuses[200]
        await_that(lambda: heard.statuses[200] > answered + 40)
        after = service.workers()

    assert behind == 1.0
    assert after == before
    assert set(heard.statuses) == {200}
    assert service.log().count("not in the metrics of others") == 2


def test_a_stop_under_load_loses_no_answer(site: Site) -> None:
    """What the store has was answered, and what was answered the store has (reliability: G1)."""
    heard = Heard()
    with serving_in_workers(site) as service:
        everybody = [*service.generations(), *service.workers()]
        counted = service.counted()
        with calling([service.caller_target], CALLERS, heard):
            await_that(lambda: heard.statuses[200] > 40)
            service.send(signal.SIGTERM)
            service.run.wait(PATIENCE)
        status = service.run.returncode
        findings = settle(site, heard, CopyWatch(site))

    assert status == 0
    assert are_all_gone(everybody)
    assert not counted.exists()
    assert findings.is_sound
    assert findings.answers.kept == findings.answers.told


def test_workers_end_by_themselves_without_their_supervisor(site: Site) -> None:
    """Killed as the kernel does it: nobody answers for ever on a socket that nobody watches."""
    with serving_in_workers(site) as service:
        everybody = [*service.generations(), *service.workers()]
        counted = service.counted()
        service.run.kill()
        service.run.wait(PATIENCE)
        await_that(lambda: are_all_gone(everybody))

    assert "the supervisor has ended" in service.log()
    assert not counted.exists()


def test_a_generation_that_is_killed_is_replaced(site: Site) -> None:
    """Its workers answer what has come, and end; new ones take over."""
    heard = Heard()
    with serving_in_workers(site) as service, calling([service.caller_target], CALLERS, heard):
        (old,), before = service.generations(), service.workers()
        await_that(lambda: heard.statuses[200] > 20)
        old.kill()
        await_that(lambda: are_all_gone([old, *before]) and len(service.workers()) == 2)
        answered = heard.statuses[200]
        await_that(lambda: heard.statuses[200] > answered + 20)
        lost = service.metric("crd_processes_lost_total")

    assert lost == 1.0
    assert set(heard.statuses) == {200}
    assert kept_once(site, heard)


def test_a_service_manager_may_signal_every_process(site: Site) -> None:
    """As systemd does; all end once, in good order."""
    with serving_in_workers(site) as service:
        everybody = [*service.generations(), *service.workers()]
        for process in [*reversed(everybody), psutil.Process(service.run.pid)]:
            process.terminate()
        status = service.run.wait(PATIENCE)

    assert status == 0
    assert are_all_gone(everybody)
    assert "stopped at once" not in service.log()


def test_a_second_signal_ends_all_at_once(site: Site) -> None:
    """For an operator who will not wait."""
    with serving_in_workers(site, "--stop-seconds", "600") as service:
        everybody = [*service.generations(), *service.workers()]
        for worker in service.workers():
            worker.suspend()
        service.send(signal.SIGTERM)
        time.sleep(0.2)
        service.send(signal.SIGTERM)
        status = service.run.wait(PATIENCE)
        await_that(lambda: are_all_gone(everybody))

    assert status == 128 + signal.SIGTERM
