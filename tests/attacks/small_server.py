"""The production server in a process of its own, over an application that can be made to wait.

with small_server(threads=2) as server:
    ... server.get("/ready") ... server.post("/wait?1.5", b"{}") ... server.process ... server.log()
"""

import json
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, request

from cds_service.web.binding import bind
from cds_service.web.server import serve_until_stopped
from cds_service.web.server_limits import ServerLimits

PATIENCE = 20.0  # seconds, for a test that hangs; no test waits so long
HELD = 3.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer off the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Line:
    """A client's connection, on which bytes are sent as they are."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._received = b""

    def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.socket.sendall(data)

    def answer(self) -> Answer:
        """The next answer.

        Raises:
            ConnectionError: the server hung up before it was whole.
        """
        while b"\r\n\r\n" not in self._received:
            self._read()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (ln.partition(": ") for ln in lines)}
        length = int(headers["content-length"])
        while len(self._received) < length:
            self._read()
        body, self._received = self._received[:length], self._received[length:]
        return Answer(status=int(first.split()[1]), headers=headers, body=body)

    def is_closed(self) -> bool:
        """Whether the server ends the connection, and cleanly."""
        return self.socket.recv(1 << 16) == b""

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server hung up")
        self._received += data


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, and the connections to it, which end with it."""

    process: subprocess.Popen[bytes]
    port: int
    directory: Path
    lines: ExitStack

    def line(self) -> Line:
        """A new connection."""
        return self.lines.enter_context(closing(Line(self.port)))

    def get(self, path: str) -> Answer:
        """The answer to a GET on a connection of its own."""
        line = self.line()
        line.send(f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode())
        answer = line.answer()
        line.close()
        return answer

    def post(self, path: str, body: bytes) -> Answer:
        """The answer to a POST on a connection of its own."""
        line = self.line()
        line.send(post(path, body))
        answer = line.answer()
        line.close()
        return answer

    def stop(self) -> None:
        """Ask the server to stop."""
        self.process.send_signal(signal.SIGTERM)

    def log(self) -> str:
        """What it wrote to stderr."""
        return (self.directory / "log").read_text()

    def temporary_bytes(self) -> int:
        """What lies in its temporary directory, open files without a name included."""
        size = 0
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                if str(self.directory / "temporary") in str(link.readlink()):
                    size += link.stat().st_size
        return size


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A POST as it goes over the wire."""
    lines = (f"POST {path} HTTP/1.1", "Host: here", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def small_server(*, files: int = 0, soft_files: int = 0, **limits: float) -> Iterator[Server]:
    """The server with some limits changed.

    `files` is how many its process may open, `soft_files` how many until it asks for more.
    """

    def limit_files() -> None:
        if files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft_files or files, files))

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        temporary = directory / "temporary"
        temporary.mkdir()
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, __file__, json.dumps(limits)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={"PYTHONPATH": ":".join(filter(None, sys.path)), "TMPDIR": str(temporary)},
                preexec_fn=limit_files,  # noqa: PLW1509  # no threads of ours hold a lock here
            )
        with process, ExitStack() as lines:
            lines.callback(process.kill)
            assert process.stdout
            port = int(process.stdout.readline())
            yield Server(process=process, port=port, directory=directory, lines=lines)


class Bench:
    """The application: it waits as long as it is told, and counts who waits together."""

    def __init__(self) -> None:
        self.is_ready = True
        self.most = self._now = 0
        self._lock = threading.Lock()

    def wait(self) -> str:
        """Wait as many seconds as the query says, then tell how long the body is."""
        length = len(request.get_data())
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(float(request.query_string))
        with self._lock:
            self._now -= 1
        return str(length)

    def files(self) -> str:
        """Hold as many files open as the query says, for as long as a test of that takes."""
        with ExitStack() as stack:
            for _ in range(int(request.query_string)):
                stack.enter_context(Path("/dev/null").open())
            time.sleep(HELD)
        return "closed"

    def application(self) -> Flask:
        """What the server is given."""
        app = Flask(__name__, static_folder=None)
        app.post("/wait")(self.wait)
        app.get("/files")(self.files)
        app.add_url_rule("/most", "most", lambda: str(self.most))
        app.add_url_rule("/ready", "ready", lambda: ("", 200 if self.is_ready else 503))
        return app

    def stopping(self) -> None:
        """From now on it is not ready."""
        self.is_ready = False


def main() -> None:
    """Serve until stopped; the port is on the first line."""
    limits, bench, bound = ServerLimits(**json.loads(sys.argv[1])), Bench(), bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    serve_until_stopped(
        bench.application(),
        bound,
        limits=limits,
        ready=lambda: print(port, flush=True),
        stopping=bench.stopping,
        refused=lambda _status: None,
    )


if __name__ == "__main__":
    main()
