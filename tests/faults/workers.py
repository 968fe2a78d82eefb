"""Workers: service processes on one store, started, killed and started again.

They are forked from a process that has imported the service, which is most of a start: what a proof
is about is how they end.
"""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from urllib.parse import urlsplit

from cds_service.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r"CRD service on (http://\S+)")
_START_SECONDS = 60.0
_LOOK_EVERY = 0.01
_ASK_SECONDS = 3.0


class NotServing(Exception):
    """A worker did not come up; the message is the end of what it printed."""


@dataclass(slots=True, kw_only=True)
class Worker:
    """One `crd serve` on a free port; `arguments` are its options, `directory` is its data's."""

    directory: Path
    arguments: Sequence[str] = ()
    port: int = 0
    _process: ForkServerProcess | None = None
    _starts: int = field(default=0)
    _printed: Path = field(default=Path())

    def start(self) -> None:
        """Start it, and return when it listens.

        Raises:
            NotServing: it ended, or takes too long.
        """
        self.launch()
        self.await_start()

    def launch(self) -> None:
        """Start it, and do not wait."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._starts += 1
        self._printed = self.directory / f"printed-{id(self)}-{self._starts}.txt"
        self._printed.touch()
        context = _prepared_forks()
        options = ("--port", "0", "--data-dir", str(self.directory), *self.arguments)
        self._process = context.Process(target=_serve, args=(options, self._printed), daemon=True)
        self._process.start()

    def await_start(self) -> None:
        """Return when it listens.

        Raises:
            NotServing: it ended, or takes too long.
        """
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.is_running:
            if found := _URL.search(self.printed()):
                self.port = urlsplit(found.group(1)).port or 0
                return
            time.sleep(_LOOK_EVERY)
        raise NotServing(self.printed()[-2000:])

    def printed(self) -> str:
        """What it has printed since it was started last, on both streams."""
        return self._printed.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.is_alive()

    @property
    def process_id(self) -> int:
        """The id of its process."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """End it as the kernel does: at once, whatever it is at."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does, and wait until it has finished."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self.process_id, number)
            self._process.join(_START_SECONDS)

    def not_ready(self) -> Sequence[str]:
        """Why it may not be sent calls; nothing if it may."""
        status, body = self.ask("/readyz")
        if not status:
            return ["it does not answer"]
        return [check["cause"] for check in json.loads(body)["checks"] if not check["ok"]]

    def ask(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET; status 0 if it does not answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_ASK_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()


def _prepared_forks() -> ForkServerContext:
    """Processes are forked from one that has imported this module; it finds it as we do."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        os.environ.update({} if before is None else {"PYTHONPATH": before})
    return context


def _serve(options: Sequence[str], printed: Path) -> None:
    """What a worker's process does: `crd serve`, without settings of ours."""
    output = os.open(printed, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    for name in [name for name in os.environ if name.startswith("CRD_")]:
        del os.environ[name]
    main(["serve", "--workers", "1", *options])


@contextmanager
def stopped_in_the_end(workers: Sequence[Worker]) -> Iterator[Sequence[Worker]]:
    """The workers, none of which outlives the block."""
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
