"""The load generator: one process of its own, raw sockets kept alive, requests built beforehand.

One thread serves all connections: a request costs it some twenty microseconds, so the server has
the other core.
"""

import re
import selectors
import signal
import socket
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count, cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarking.wire import READ, is_whole, post

_HOST = "127.0.0.1"
_SILENCE = 60.0  # seconds without an answer: something hangs
_NO_LIMIT = 10**9
_INSTANCE = re.compile(rb'("hookInstance":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-)\d{12}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How much load to put on one port: until the seconds or the requests run out.

    `others` are ports of more workers of the same service: each port has its share of connections.
    """

    port: int
    connections: int
    seconds: float
    requests: int = _NO_LIMIT
    others: tuple[int, ...] = ()
    token: str = ""

    def at(self, port: int) -> "Job":
        return replace(self, port=port)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The result of a job: a latency in seconds for each answer, and the faults by kind.

    `elapsed` and `cpu`, of the load generator, are in seconds.
    """

    latencies: "array[float]"
    elapsed: float
    cpu: float
    faults: Mapping[str, int]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.elapsed


class LoadFailed(Exception):
    """The server closed the connection or fell silent, or the generator's process ended."""


@contextmanager
def generator(bodies: Sequence[bytes]) -> Iterator[Callable[[Job], Load]]:
    """A function that has jobs done by a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, bodies), daemon=True)
    process.start()
    theirs.close()
    try:
        yield lambda job: _have_done(ours, job)
    finally:
        ours.close()
        process.join(5)
        process.kill()


def _have_done(pipe: Connection, job: Job) -> Load:
    pipe.send(job)
    if not pipe.poll(job.seconds + 2 * _SILENCE):
        raise LoadFailed("no word from the load generator")
    try:
        done: Load | LoadFailed = pipe.recv()
    except EOFError as error:
        raise LoadFailed("the load generator ended") from error
    if isinstance(done, LoadFailed):
        raise done
    return done


def _work(pipe: Connection, bodies: Sequence[bytes]) -> None:
    # Ctrl-C is for the parent, whose end of the pipe then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numbers = count()
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send(_do(pipe.recv(), bodies, numbers))


def _do(job: Job, bodies: Sequence[bytes], numbers: Iterator[int]) -> Load | LoadFailed:
    try:
        return put_load(job, bodies, numbers)
    except OSError as error:
        return LoadFailed(str(error))


@dataclass(slots=True)
class _Caller:
    """One connection with at most one request under way."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.received.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def hear(self) -> bool:
        """Read what is there; whether the answer is now whole."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionError("the server hung up")
        self.received += data
        return is_whole(self.received)


def put_load(job: Job, bodies: Sequence[bytes], numbers: Iterator[int]) -> Load:
    """Do one job; every answer must be a 200 as long as the first.

    The requests are made of the bodies by turns, each with the next of the numbers in it.
    """
    requests = numbered([post(f"{_HOST}:{job.port}", body, job.token) for body in bodies], numbers)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for port in islice(cycle((job.port, *job.others)), job.connections):
            connection = stack.enter_context(
                socket.create_connection((_HOST, port), timeout=_SILENCE)
            )
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _Caller(connection))
        return _drive(selector, requests, job)


def numbered(requests: Sequence[bytes], numbers: Iterator[int]) -> Iterator[bytes]:
    """The requests by turns, for ever, the last twelve digits of each hook instance a new number.

    No two are the same then, which a service that knows a replay would refuse.
    """
    parts = [_INSTANCE.split(request, maxsplit=1) for request in requests]
    for (before, instance, after), number in zip(cycle(parts), numbers, strict=False):
        yield b"%s%s%012d%s" % (before, instance, number, after)


def _drive(selector: selectors.BaseSelector, requests: Iterator[bytes], job: Job) -> Load:
    latencies, faults, expected = array("d"), Counter[str](), 0
    cpu, began = time.process_time(), time.perf_counter()
    now, until, asked = began, began + job.seconds, 0
    for key in selector.get_map().values():
        key.data.ask(next(requests))
        asked += 1
    while len(latencies) < asked:
        ready = selector.select(_SILENCE)
        if not ready:
            raise TimeoutError("the server fell silent")
        for key, _ in ready:
            caller: _Caller = key.data
            if not caller.hear():
                continue
            now = time.perf_counter()
            latencies.append(now - caller.sent_at)
            expected = expected or len(caller.received)
            if fault := _fault(caller.received, expected):
                faults[fault] += 1
            if now < until and asked < job.requests:
                caller.ask(next(requests))
                asked += 1
    return Load(
        latencies=latencies, elapsed=now - began, cpu=time.process_time() - cpu, faults=dict(faults)
    )


def _fault(answer: bytearray, expected: int) -> str:
    status = bytes(answer[: answer.find(b"\r\n")]).decode()
    if not status.startswith("HTTP/1.1 200"):
        return status
    return "" if len(answer) == expected else f"{len(answer)} bytes instead of {expected}"
