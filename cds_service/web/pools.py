"""The threads that answer, in pools, so that no kind of request keeps another kind waiting."""

from typing import Protocol

from waitress.task import ThreadedTaskDispatcher

from cds_service.web.request_reader import RequestReader

LARGE = 256 << 10  # bytes of a body: such a call takes a hundred times its size while answered
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_READERS = 4
_PATIENCE = 0.5  # seconds for a thread that has nothing to do to end


class Task(Protocol):
    """A connection with requests to answer, the first one first."""

    requests: list[RequestReader]


class Pools:
    """A pool for calls, one for the large ones, and one for pages, probes and refusals.

    Large calls are few at a time: what many at once take of memory the process keeps. Reading
    writes nothing, so it is not held up by a store that is.
    """

    def __init__(self, *, calls: int, large: int) -> None:
        self._calls = _pool(calls)
        self._large = _pool(large)
        self._readers = _pool(_READERS)

    def add_task(self, task: Task) -> None:
        """Have the first request of a connection answered."""
        request = task.requests[0]
        if request.error is not None or request.command in _READING:
            self._readers.add_task(task)
        elif request.size > LARGE:
            self._large.add_task(task)
        else:
            self._calls.add_task(task)

    def shutdown(self) -> None:
        """End the threads that have nothing to do, and drop what waits."""
        for pool in (self._calls, self._large, self._readers):
            pool.shutdown(timeout=_PATIENCE)


def _pool(threads: int) -> ThreadedTaskDispatcher:
    pool = ThreadedTaskDispatcher()
    pool.set_thread_count(threads)
    return pool
