"""The memory of workers: what was read once is there once, however many answer by it."""

from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from benchmarking.policies import write_library
from crd_command import EXAMPLE
from faults.site import site_on
from web.worker_service import WorkerService, serving_in_workers

pytestmark = pytest.mark.long

POLICIES = 500
CALLS = 50
SHARED = 0.6  # of one process's own memory; a worker of a large library has much less


def own_memory(processes: Sequence[psutil.Process]) -> Sequence[int]:
    """Bytes that each has for itself alone (USS)."""
    return [process.memory_full_info().uss for process in processes]


def call(service: WorkerService) -> None:
    """Some calls, so that what they touch is counted."""
    for _ in range(CALLS):
        url = f"{service.base}/cds-services/order-sign-crd"
        with urlopen(url, data=EXAMPLE.read_bytes(), timeout=60) as reply:
            reply.read()


def test_a_worker_has_little_memory_of_its_own(tmp_path: Path) -> None:
    """Beside what one process that serves the same policies takes."""
    library = write_library(tmp_path / "policies", POLICIES).directory
    (tmp_path / "site").mkdir()
    with site_on(None, tmp_path / "site") as site:
        options = ("--library", str(library), "--no-watch")
        with serving_in_workers(site, *options, workers=1) as alone:
            call(alone)
            (whole,) = own_memory([psutil.Process(alone.run.pid)])
        with serving_in_workers(site, *options, workers=2) as service:
            call(service)
            own = own_memory(service.workers())
            supervisor = psutil.Process(service.run.pid).memory_full_info().uss
            generation = own_memory(service.generations())

    print([round(size / 2**20) for size in (whole, *own, supervisor, *generation)])
    assert max(own) < SHARED * whole
    assert supervisor < SHARED * whole
