"""Server processes: started, timed to their first answer, measured from outside, and stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from benchmarking.processes import Tree
from benchmarking.wire import CALL_PATH

ROOT = Path(__file__).resolve().parents[2]
_URL = re.compile(r" on (http://\S+)\s")
_START_LIMIT = 300.0  # seconds
_STOP_LIMIT = 15.0
_LOOK_EVERY = 0.002


class NotServing(Exception):
    """A server did not come up, or does not answer; the message says what it printed or sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from a server's start to its first answer, and the processor time among them."""

    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server."""

    port: int
    process: Tree
    start: Start

    def post(self, body: bytes, path: str = CALL_PATH, token: str = "") -> bytes:
        """The answer to one call.

        Raises:
            NotServing: it is no 200.
        """
        extra = {"Authorization": f"Bearer {token}"} if token else {}
        return _ask(self.port, "POST", path, body, extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a server, and the directory for what it prints and keeps."""

    arguments: tuple[str, ...]
    directory: Path
    probe: str = "/livez"  # what it answers with 200 once it serves
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def running(command: Command) -> Iterator[Server]:
    """The server, up and answering; it and all it has started are gone after the block.

    Raises:
        NotServing: it ended, or did not answer in time.
    """
    command.directory.mkdir(parents=True, exist_ok=True)
    printed = command.directory / "printed.txt"
    with printed.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [command.python, *command.arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=_environment() | command.environment,
        )
    try:
        port = _first_answer(process, command.probe, printed, until=began + _START_LIMIT)
        seconds, tree = time.perf_counter() - began, Tree(psutil.Process(process.pid))
        start = Start(seconds=seconds, cpu=tree.spent().cpu)
        yield Server(port=port, process=tree, start=start)
    finally:
        _stop(process)


def finish(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A program of ours run to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=_environment(),
        check=False,
    )


def _environment() -> dict[str, str]:
    """Ours, without settings of the service, and with this checkout before anything installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRD_")}
    paths = (str(ROOT), str(ROOT / "tests"), kept.get("PYTHONPATH", ""))
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _first_answer(process: subprocess.Popen[bytes], probe: str, printed: Path, until: float) -> int:
    while time.perf_counter() < until and process.poll() is None:
        if found := _URL.search(printed.read_text(encoding="utf-8", errors="replace")):
            port = urlsplit(found.group(1)).port or 0
            # Some print their address before they listen there.
            with suppress(ConnectionRefusedError):
                _ask(port, "GET", probe, timeout=until - time.perf_counter())
                return port
        time.sleep(_LOOK_EVERY)
    raise NotServing(printed.read_text(encoding="utf-8", errors="replace")[-2000:])


def _ask(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    extra: dict[str, str] | None = None,
    timeout: float = 60.0,
) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} | (extra or {}))
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise NotServing(f"{method} {path}: {answer.status} {content[:500]!r}")
    return content


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to stop; what is left of it and of its own after a while is killed."""
    descendants = []
    if process.poll() is None:
        descendants = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(descendants, timeout=_STOP_LIMIT)
    for straggler in left:
        straggler.kill()
