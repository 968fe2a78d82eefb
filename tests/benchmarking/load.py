"""The load generator: one process of its own, raw sockets kept alive, requests built beforehand.

One thread serves all connections: a request costs it some twenty microseconds, so the server has
the other core.
"""

import re
import selectors
import signal
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count, cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarking.callers import HOST, SILENCE, Answers, Caller, call_in
from benchmarking.wire import CALL_PATH, bearer, post

_NO_LIMIT = 10**9
ONLY = ""  # the name of calls that are alone
_INSTANCE = re.compile(rb'("hookInstance":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-)\d{12}')


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Bodies to send by turns, and what every answer has in it beside coverage-information.

    Nothing is looked for if `expects` is empty.
    """

    bodies: Sequence[bytes]
    expects: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How much load to put on one port: until the seconds or the requests run out.

    `calls` names what is sent; `signed`: each call comes with one of the generator's tokens.
    """

    port: int
    connections: int
    seconds: float
    calls: str = ONLY
    requests: int = _NO_LIMIT
    path: str = CALL_PATH
    signed: bool = False

    def limited(self, requests: int) -> "Job":
        """The same for so many requests."""
        return replace(self, requests=requests)


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
def generator(
    calls: Mapping[str, Calls], tokens: Sequence[str] = ()
) -> Iterator[Callable[[Job], Load]]:
    """A function that has jobs done by a process of its own; the tokens are used by turns."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, calls, tokens), daemon=True)
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
    if not pipe.poll(job.seconds + 2 * SILENCE):
        raise LoadFailed("no word from the load generator")
    try:
        done: Load | LoadFailed = pipe.recv()
    except EOFError as error:
        raise LoadFailed("the load generator ended") from error
    if isinstance(done, LoadFailed):
        raise done
    return done


def _work(pipe: Connection, calls: Mapping[str, Calls], tokens: Sequence[str]) -> None:
    # Ctrl-C is for the parent, whose end of the pipe then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    numbers, fields = count(), cycle(map(bearer, tokens) if tokens else (b"",))
    with suppress(EOFError, ConnectionError):
        while True:
            job: Job = pipe.recv()
            signing = fields if job.signed else cycle((b"",))
            pipe.send(_do(job, calls[job.calls], numbers, signing))


def _do(
    job: Job, calls: Calls, numbers: Iterator[int], fields: Iterator[bytes]
) -> Load | LoadFailed:
    try:
        return put_load(job, calls, numbers, fields)
    except OSError as error:
        return LoadFailed(f"{job.calls} on port {job.port}: {error}")


def put_load(job: Job, calls: Calls, numbers: Iterator[int], fields: Iterator[bytes]) -> Load:
    """Do one job; every answer must be a 200 with what is expected in it, all as long.

    The requests are made of the bodies by turns, each with the next of the numbers in it and the
    next of the header fields before it.
    """
    parts = [post(f"{HOST}:{job.port}", job.path, body) for body in calls.bodies]
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(job.connections):
            caller = call_in(job.port)
            stack.callback(caller.close)
            selector.register(caller.socket, selectors.EVENT_READ, caller)
        return _drive(selector, numbered(parts, numbers, fields), job, calls.expects)


def numbered(
    requests: Sequence[tuple[bytes, bytes]], numbers: Iterator[int], fields: Iterator[bytes]
) -> Iterator[bytes]:
    """The requests by turns, for ever, the last twelve digits of each hook instance a new number.

    No two are the same then, which a service that knows a replay would refuse.
    """
    parts = [(line, *_INSTANCE.split(rest, maxsplit=1)) for line, rest in requests]
    turns = zip(cycle(parts), numbers, fields, strict=False)
    for (line, before, instance, after), number, extra in turns:
        yield b"%s%s%s%s%012d%s" % (line, extra, before, instance, number, after)


def _drive(
    selector: selectors.BaseSelector, requests: Iterator[bytes], job: Job, expects: bytes
) -> Load:
    answers = Answers(expects)
    cpu, began = time.process_time(), time.perf_counter()
    now, until, asked = began, began + job.seconds, 0
    for key in selector.get_map().values():
        key.data.ask(next(requests))
        asked += 1
    while answers.count < asked:
        ready = selector.select(SILENCE)
        if not ready:
            raise TimeoutError("the server fell silent")
        for caller in [key.data for key, _ in ready]:
            if not _heard(caller, answers, selector):
                continue
            now = time.perf_counter()
            if now < until and asked < job.requests:
                caller.ask(next(requests))
                asked += 1
    if not answers.latencies:
        raise ConnectionError("the server closes every connection")
    return Load(
        latencies=answers.latencies,
        elapsed=now - began,
        cpu=time.process_time() - cpu,
        faults=dict(answers.faults),
    )


def _heard(caller: Caller, answers: Answers, selector: selectors.BaseSelector) -> bool:
    """Whether a call has come to its end, with an answer or with its connection."""
    try:
        is_whole_now = caller.hear()
    except ConnectionError:
        answers.miss()
        selector.unregister(caller.socket)
        caller.connect_again()
        selector.register(caller.socket, selectors.EVENT_READ, caller)
        return True
    if is_whole_now:
        answers.take(caller.received, time.perf_counter() - caller.sent_at)
    return is_whole_now
