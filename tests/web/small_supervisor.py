"""A supervisor over generations that only do as they are told, in a process of its own.

with small_supervisor(tmp_path) as supervisor:
    supervisor.generation(1) ... supervisor.run.send_signal(signal.SIGTERM)
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from web.worker_service import PATIENCE, await_that

from cds_service.web.processes.link import Link
from cds_service.web.processes.supervisor import Supervisor

BY_ITSELF = signal.SIGUSR1  # has a generation end as by an error of its own
# What a generation does: a worker below it, which lives on without it; then it listens, unless it
# is to read for ever. It stays until it is told to stop.
_GENERATION = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: os._exit(3))
link, number, place = int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
worker = os.fork()
if not worker:
    os.close(link)
    while not (place / "end-workers").exists():
        time.sleep(0.02)
    os._exit(0)
(place / f"worker-{number}").write_text(str(worker))
with (place / "numbers").open("a") as file:
    file.write(f"{number} {os.getpid()}\\n")
while (place / "reading").exists():
    time.sleep(0.02)
os.write(link, b"listening\\n")
while b"stop" not in os.read(link, 1024):
    pass
(place / "end-workers").touch()
os.waitpid(worker, 0)
"""
_SUBREAPER = (
    36  # of prctl: from then on orphans below fall to this process, as they do to process 1
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSupervisor:
    """The process, and where its generations note who they are."""

    run: "subprocess.Popen[bytes]"
    directory: Path

    def numbers(self) -> list[tuple[int, int]]:
        """The number and the process of each generation there has been."""
        file = self.directory / "numbers"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(number), int(process)) for number, process in map(str.split, lines)]

    def await_generation(self, count: int) -> tuple[int, int]:
        """The number and the process of the generation that is so many-th, once it listens."""
        await_that(lambda: len(self.numbers()) >= count)
        return self.numbers()[count - 1]

    def worker(self, number: int) -> psutil.Process:
        """The worker of a generation."""
        return psutil.Process(int((self.directory / f"worker-{number}").read_text()))

    def end_workers(self) -> None:
        """Have the workers end that there are."""
        (self.directory / "end-workers").touch()


@contextmanager
def small_supervisor(directory: Path) -> Iterator[SmallSupervisor]:
    """A supervisor that has just been started; stopped after the block if it still runs."""
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, __file__, str(directory)],
            stderr=log,
            env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
        ) as run,
    ):
        try:
            yield SmallSupervisor(run=run, directory=directory)
        finally:
            (directory / "end-workers").touch()
            if run.poll() is None:
                run.send_signal(signal.SIGTERM)
                run.wait(PATIENCE)


def main() -> None:
    """Be the supervisor, to whom orphans fall."""
    import ctypes  # noqa: PLC0415  # here alone

    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    directory = sys.argv[1]

    def launch(link: Link, number: int) -> "subprocess.Popen[bytes]":
        descriptor = link.fileno()
        return subprocess.Popen(
            [sys.executable, "-S", "-c", _GENERATION, str(descriptor), str(number), directory],
            pass_fds=[descriptor],
            process_group=0,
        )

    sys.exit(Supervisor(launch, shut=lambda: None, lost=lambda: None).run())


if __name__ == "__main__":
    main()
