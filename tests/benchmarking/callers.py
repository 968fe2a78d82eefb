"""Connections of the load generator, and what comes over them."""

import socket
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field

from benchmarking.wire import READ, is_whole

HOST = "127.0.0.1"
SILENCE = 60.0  # seconds without an answer: something hangs
_EXTENSION = b"ext-coverage-information"


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=SILENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


@dataclass(slots=True)
class Caller:
    """One connection with at most one request under way."""

    port: int
    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.received.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def connect_again(self) -> None:
        """A new connection in place of one that was closed."""
        self.socket.close()
        self.socket = _connected(self.port)

    def hear(self) -> bool:
        """Read what is there; whether the answer is now whole."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionError("the server hung up")
        self.received += data
        # Or a server that sends an answer in two pieces waits 40 ms for word of the first.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return is_whole(self.received)


def call_in(port: int) -> Caller:
    """A new connection."""
    return Caller(port, _connected(port))


@dataclass(slots=True)
class Answers:
    """What has come so far: how late each was, and what was wrong."""

    expects: bytes
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    faults: Counter[str] = field(default_factory=Counter)
    length: int = 0  # of the first right one
    count: int = 0  # with those that never came

    def take(self, answer: bytearray, latency: float) -> None:
        """Note an answer."""
        self.count += 1
        self.latencies.append(latency)
        if fault := self._fault(answer):
            self.faults[fault] += 1

    def miss(self) -> None:
        """Note that a connection was closed on a call."""
        self.count += 1
        self.faults["the connection was closed"] += 1

    def _fault(self, answer: bytearray) -> str:
        status = bytes(answer[: answer.find(b"\r\n")]).decode()
        if not status.startswith("HTTP/1.1 200"):
            return status
        if self.expects not in answer or (self.expects and _EXTENSION not in answer):
            return f"no {_EXTENSION.decode()} with {self.expects.decode()}"
        self.length = self.length or len(answer)
        return "" if len(answer) == self.length else "another length"
