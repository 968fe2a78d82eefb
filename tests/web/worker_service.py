"""A service of several workers, run as a user runs it, and looked at from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
from faults.site import Site
from faults.workers import Worker

PATIENCE = 60.0  # seconds, for what takes a moment on a machine of its own
_LOOK_EVERY = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerService:
    """The supervisor's process, and what stands below it."""

    run: "subprocess.Popen[str]"
    directory: Path
    base: str

    @property
    def caller_target(self) -> Worker:
        """The service as callers know it: a port."""
        return Worker(directory=self.directory, port=urlsplit(self.base).port or 0)

    def log(self) -> str:
        """What all its processes have written."""
        return (self.directory / "service.log").read_text("utf-8")

    def generations(self) -> Sequence[psutil.Process]:
        """Those there are, the oldest first."""
        children = psutil.Process(self.run.pid).children()
        return sorted(children, key=lambda process: process.create_time())

    def workers(self) -> Sequence[psutil.Process]:
        """The workers of all generations."""
        return [worker for found in self.generations() for worker in found.children()]

    def ask(self, path: str) -> str:
        """The body of a GET."""
        with urlopen(f"{self.base}{path}", timeout=PATIENCE) as reply:
            return str(reply.read().decode())

    def metric(self, name: str) -> float:
        """The sum of all series of a metric."""
        lines = self.ask("/metrics").splitlines()
        found = [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def counted(self) -> Path:
        """The directory in which the workers count."""
        return Path(self.generations()[-1].cmdline()[-1].split(",", 3)[3])

    def send(self, number: int) -> None:
        """Send the supervisor a signal."""
        self.run.send_signal(number)


def await_that(holds: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Return once it holds, with the seconds that took; else fail after so many."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() < begun + seconds, "it never came to hold"
        time.sleep(_LOOK_EVERY)
    return time.monotonic() - begun


def are_all_gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether none of these runs any more."""
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
    )


@contextmanager
def serving_in_workers(
    site: Site,
    *options: str,
    workers: int = 2,
    environment: Mapping[str, str] | None = None,
) -> Iterator[WorkerService]:
    """The service of so many workers on a site, ready; stopped after the block if it still runs."""
    arguments = [*site.worker().arguments, "--data-dir", str(site.directory), *options]
    command = [sys.executable, "-m", "cds_service", "serve", "--port", "0", *arguments]
    variables = {**os.environ, "CRD_WORKERS": str(workers), **(environment or {})}
    with (
        (site.directory / "service.log").open("ab") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=variables
        ) as run,
    ):
        assert run.stdout
        try:
            first = run.stdout.readline().split()
            yield WorkerService(run=run, directory=site.directory, base=first[3])
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGTERM)
                run.wait(timeout=PATIENCE)
