"""A host: `crd serve` with a data directory and a clock of its own, on one port of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 90.0
_ASK_SECONDS = 3.0


@dataclass(slots=True, kw_only=True)
class Host:
    """One host; `options` are those of `crd serve`, `environment` is what it has besides ours."""

    name: str
    port: int
    directory: Path
    options: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    _run: "subprocess.Popen[bytes] | None" = None

    def launch(self) -> None:
        """Start it, and do not wait."""
        self.directory.mkdir(parents=True, exist_ok=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("CRD_")}
        command = [sys.executable, "-m", "cds_service", "serve", "--port", str(self.port)]
        with (self.directory / "printed.txt").open("ab") as printed:
            self._run = subprocess.Popen(
                [*command, "--data-dir", str(self.directory), *self.options],
                stdout=printed,
                stderr=printed,
                cwd=ROOT,
                env={**ours, **self.environment},
                start_new_session=True,  # so that all of it can be killed
            )

    def await_ready(self) -> None:
        """Return once it may be sent calls.

        Raises:
            TimeoutError: it takes too long.
        """
        try:
            await_until(lambda: self.not_ready() == "", self.name)
        except TimeoutError as error:
            raise TimeoutError(f"{self.name} is not ready: {self.printed()}") from error

    def printed(self) -> str:
        """The end of what it has printed."""
        return (self.directory / "printed.txt").read_text("utf-8", "replace")[-3000:]

    def kill(self) -> None:
        """End all of its processes at once, as a power cut does."""
        if self._run is not None:
            while found := list(_of_session(self._run.pid)):
                for process in found:
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                self._run.wait(timeout=60)
                time.sleep(0.02)

    def stop(self) -> None:
        """End it as an operator does, and wait until it has finished."""
        if self._run is not None:
            self._run.terminate()
            self._run.wait(timeout=60)

    def not_ready(self) -> str:
        """Why it may not be sent calls; empty if it may."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ASK_SECONDS)
        try:
            connection.request("GET", "/readyz")
            body = json.loads(connection.getresponse().read())
            return "; ".join(check["cause"] for check in body["checks"] if not check["ok"])
        except (OSError, HTTPException, ValueError, KeyError):
            return "it does not answer"
        finally:
            connection.close()


def _of_session(session: int) -> Iterator[int]:
    """The processes of a session that have not ended: workers have groups of their own."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, of = entry.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                yield int(entry.parent.name)


def await_until(holds: Callable[[], bool], words: str, seconds: float = _START_SECONDS) -> None:
    """Return once something holds.

    Raises:
        TimeoutError: it does not; with these words.
    """
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(words)
        time.sleep(0.05)


@contextmanager
def killed_in_the_end(hosts: Sequence[Host]) -> Iterator[None]:
    """No host outlives the block."""
    try:
        yield
    finally:
        for host in hosts:
            host.kill()
