"""The threads that answer, in pools, so that no kind of request keeps another kind waiting."""

from collections import deque
from queue import SimpleQueue
from threading import Condition, Thread
from time import monotonic
from typing import Protocol

from cds_service.web.request_reader import RequestReader

LARGE = 256 << 10  # bytes of a body: such a call takes a hundred times its size while answered
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_READERS = 4
_PATIENCE = 0.5  # seconds for a thread that has nothing to do to end


class Task(Protocol):
    """A connection with requests to answer, the first one first."""

    requests: list[RequestReader]

    def service(self) -> None:
        """Answer the first request."""

    def cancel(self) -> None:
        """It will not be answered."""


class Pool:
    """So many threads for tasks, which wait in a queue while all of them have one.

    Of the threads that have nothing to do, the one that had something last is next: its memory is
    warm, and as few take turns as there are tasks at a time. Those of waitress all take turns.
    """

    def __init__(self, name: str, threads: int, *, stuck: float) -> None:
        self._name, self._alive, self._is_open = name, threads, True
        self._stuck = stuck
        self._door = Condition()
        self._waiting: deque[Task] = deque()
        self._moved = 0.0  # when what waits began to, or when a thread took some of it
        self._idle: list[SimpleQueue[Task | None]] = []
        for number in range(threads):
            self._start(number)

    def add_task(self, task: Task) -> None:
        """Have the first request of a connection answered."""
        with self._door:
            if self._idle:
                self._idle.pop().put(task)
            else:
                if not self._waiting:
                    self._moved = monotonic()
                self._waiting.append(task)

    def is_stuck(self) -> bool:
        """Whether tasks wait, and for more than `stuck` seconds no thread has taken one."""
        return bool(self._waiting) and monotonic() - self._moved > self._stuck

    def shutdown(self, until: float) -> None:
        """End the threads as they have nothing to do, up to this time, and drop what waits."""
        with self._door:
            self._is_open = False
            while self._idle:
                self._idle.pop().put(None)
            self._door.wait_for(lambda: not self._alive, until - monotonic())
            left = [*self._waiting]
            self._waiting.clear()
        for task in left:
            task.cancel()

    def _start(self, number: int) -> None:
        Thread(target=self._run, args=(number,), name=f"{self._name}-{number}", daemon=True).start()

    def _run(self, number: int) -> None:
        inbox: SimpleQueue[Task | None] = SimpleQueue()
        is_over = False
        try:
            while task := self._next(inbox):
                task.service()
            is_over = True
            with self._door:
                self._alive -= 1
                self._door.notify_all()
        finally:
            if not is_over:  # a fault of ours ends this thread, which the log tells
                self._start(number)

    def _next(self, inbox: "SimpleQueue[Task | None]") -> Task | None:
        """What has waited longest, else what comes; None at the end."""
        with self._door:
            if not self._is_open:
                return None
            if self._waiting:
                self._moved = monotonic()
                return self._waiting.popleft()
            self._idle.append(inbox)
        return inbox.get()


class Pools:
    """A pool for calls, one for the large ones, and one for pages, probes and refusals.

    Large calls are few at a time: what many at once take of memory the process keeps. Reading
    writes nothing, so it is not held up by a store that is.
    """

    def __init__(self, *, calls: int, large: int, stuck: float) -> None:
        self._calls = Pool("call", calls, stuck=stuck)
        self._large = Pool("large", large, stuck=stuck)
        self._readers = Pool("reader", _READERS, stuck=stuck)

    def add_task(self, task: Task) -> None:
        """Have the first request of a connection answered."""
        request = task.requests[0]
        if request.error is not None or request.command in _READING:
            self._readers.add_task(task)
        elif request.size > LARGE:
            self._large.add_task(task)
        else:
            self._calls.add_task(task)

    def is_stuck(self) -> bool:
        """Whether calls or probes wait for threads that do not come back.

        Large calls are not looked at: how long one may take, the settings say.
        """
        return self._calls.is_stuck() or self._readers.is_stuck()

    def shutdown(self) -> None:
        """End the threads that have nothing to do, and drop what waits."""
        until = monotonic() + _PATIENCE
        for pool in (self._calls, self._large, self._readers):
            pool.shutdown(until)
