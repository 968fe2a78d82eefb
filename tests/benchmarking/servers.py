"""Server processes: started, timed to their first answer, measured from outside, and stopped."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psutil

ROOT = Path(__file__).resolve().parents[2]
_FLOOR = Path(__file__).with_name("floor.py")
_URL = re.compile(r" on (http://\S+)\s")
_START_LIMIT = 180.0  # seconds
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
    process: psutil.Process
    start: Start

    def post(self, body: bytes) -> bytes:
        """The answer to one call."""
        return _ask(self.port, "POST", "/cds-services/order-sign-crd", body)

    def cpu(self) -> float:
        """Seconds of processor time spent so far."""
        return _cpu(self._processes())

    def memory(self) -> int:
        """Bytes resident."""
        return sum(process.memory_info().rss for process in self._processes())

    def _processes(self) -> Sequence[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How to start a server, and the directory for what it prints and keeps."""

    arguments: tuple[str, ...]
    directory: Path
    probe: str = "/cds-services"  # what it answers with 200 once it serves
    printed: str = "printed.txt"


def service(directory: Path, library: Path | None) -> Command:
    """The service over the built-in library and one more; its answers go to `directory`."""
    more = ("--library", str(library)) if library else ()
    serve = ("-m", "cds_service", "serve", "--port", "0", "--data-dir", str(directory))
    return Command(arguments=(*serve, *more), directory=directory)


def floor(directory: Path, answer: bytes) -> Command:
    """The floor, with the constant it returns."""
    directory.mkdir(parents=True, exist_ok=True)
    constant = directory / "answer.json"
    constant.write_bytes(answer)
    return Command(arguments=(str(_FLOOR), str(constant)), directory=directory)


@contextmanager
def running(command: Command) -> Iterator[Server]:
    """The server, up and answering.

    Raises:
        NotServing: it ended, or did not answer in time.
    """
    command.directory.mkdir(parents=True, exist_ok=True)
    printed = command.directory / command.printed
    with printed.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command.arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=_environment(),
        )
    try:
        port = _first_answer(process, command.probe, printed, until=began + _START_LIMIT)
        seconds, seen = time.perf_counter() - began, psutil.Process(process.pid)
        yield Server(port=port, process=seen, start=Start(seconds=seconds, cpu=_cpu([seen])))
    finally:
        _stop(process)


def starts(command: Command, times: int) -> list[Start]:
    """As many starts as asked, one after the other."""
    found = []
    for _ in range(times):
        with running(command) as server:
            found.append(server.start)
    return found


def _cpu(processes: Sequence[psutil.Process]) -> float:
    spent = [process.cpu_times() for process in processes]
    return sum(times.user + times.system for times in spent)


def _environment() -> dict[str, str]:
    """Ours, without settings of the service, and with this checkout before anything installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRD_")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), kept.get("PYTHONPATH", "")))),
    }


def _first_answer(process: subprocess.Popen[bytes], probe: str, printed: Path, until: float) -> int:
    while time.perf_counter() < until and process.poll() is None:
        if found := _URL.search(printed.read_text(encoding="utf-8", errors="replace")):
            port = urlsplit(found.group(1)).port or 0
            _ask(port, "GET", probe, timeout=until - time.perf_counter())
            return port
        time.sleep(_LOOK_EVERY)
    raise NotServing(printed.read_text(encoding="utf-8", errors="replace")[-2000:])


def _ask(port: int, method: str, path: str, body: bytes = b"", timeout: float = 60.0) -> bytes:
    connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise NotServing(f"{method} {path}: {answer.status} {content[:500]!r}")
    return content


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
