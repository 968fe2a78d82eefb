"""Workers: service processes on one store, started, killed and started again."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"CRD service on (http://\S+)")
_START_SECONDS = 60.0
_LOOK_EVERY = 0.01


class NotServing(Exception):
    """A worker did not come up; the message is the end of what it printed."""


@dataclass(slots=True, kw_only=True)
class Worker:
    """One `crd serve` on a free port; `arguments` are its options, `directory` is its data's."""

    directory: Path
    arguments: Sequence[str] = ()
    port: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _starts: int = field(default=0)

    def start(self) -> None:
        """Start it, and return when it listens.

        Raises:
            NotServing: it ended, or takes too long.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self._starts += 1
        printed = self.directory / f"printed-{os.getpid()}-{id(self)}-{self._starts}.txt"
        with printed.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cds_service", "serve", *self._options()],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=_environment(),
            )
        self.port = self._await_port(printed)

    def _options(self) -> tuple[str, ...]:
        return ("--port", "0", "--data-dir", str(self.directory), *self.arguments)

    def _await_port(self, printed: Path) -> int:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.is_running:
            if found := _URL.search(printed.read_text(encoding="utf-8", errors="replace")):
                return urlsplit(found.group(1)).port or 0
            time.sleep(_LOOK_EVERY)
        raise NotServing(printed.read_text(encoding="utf-8", errors="replace")[-2000:])

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it as the kernel does: at once, whatever it is at."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does, and wait until it has finished."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            self._process.wait(_START_SECONDS)

    def ask(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET; status 0 if it does not answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()


def _environment() -> dict[str, str]:
    """Ours, without settings of the service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRD_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


@contextmanager
def stopped_in_the_end(workers: Sequence[Worker]) -> Iterator[Sequence[Worker]]:
    """The workers, none of which outlives the block."""
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
