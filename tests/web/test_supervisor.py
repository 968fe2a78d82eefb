"""A supervisor over small generations: who gets which number, and how it ends."""

import os
import signal
from pathlib import Path

import psutil
import pytest
from web.small_supervisor import BY_ITSELF, small_supervisor
from web.worker_service import PATIENCE, are_all_gone, await_that

pytestmark = pytest.mark.long


@pytest.mark.parametrize("ending", [signal.SIGKILL, BY_ITSELF])
def test_a_number_is_not_given_again_while_a_worker_counts_under_it(
    tmp_path: Path, ending: signal.Signals
) -> None:
    """However the generation has ended; afterwards it is: there are no more and more of them."""
    with small_supervisor(tmp_path) as supervisor:
        number, process = supervisor.await_generation(1)
        left = supervisor.worker(number)
        os.kill(process, ending)
        beside, later = supervisor.await_generation(2)
        is_left = left.is_running()
        supervisor.end_workers()
        await_that(lambda: are_all_gone([left]))
        os.kill(later, ending)
        again, _ = supervisor.await_generation(3)

    assert is_left
    assert (number, beside, again) == (1, 2, 1)


def test_orphans_are_let_go_of(tmp_path: Path) -> None:
    """As process 1 of a container it is the parent of whoever has lost theirs."""
    with small_supervisor(tmp_path) as supervisor:
        number, process = supervisor.await_generation(1)
        orphan = supervisor.worker(number)
        os.kill(process, signal.SIGKILL)
        await_that(lambda: orphan.ppid() == supervisor.run.pid)
        supervisor.end_workers()
        await_that(lambda: not psutil.pid_exists(orphan.pid))


def test_a_stop_while_policies_are_read_does_not_wait_for_them(tmp_path: Path) -> None:
    """It ends as any other stop does."""
    (tmp_path / "reading").touch()
    with small_supervisor(tmp_path) as supervisor:
        supervisor.await_generation(1)
        supervisor.run.send_signal(signal.SIGTERM)
        status = supervisor.run.wait(PATIENCE)

    assert status == 0
