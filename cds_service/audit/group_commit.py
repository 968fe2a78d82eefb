"""Group commit: one thread writes for all who wait, so that they share one wait for the disk.

While it commits one batch the next one gathers: nobody waits for more than the batch under way and
their own. It knows no database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeAlias, TypeVar

from cds_service.errors import NotRecorded

Write = TypeVar("Write")
# Why a write was not kept; None: it is durable.
Refusal: TypeAlias = Exception | None
# The future of one write: `get()` waits for its refusal. It is a queue for one because every call
# waits here, and a concurrent.futures.Future adds a sixth to a whole write.
Receipt: TypeAlias = SimpleQueue[Refusal]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Write]):
    write: Write
    receipt: Receipt = field(default_factory=SimpleQueue)
    is_given_up: bool = False


class GroupCommit(Generic[Write]):
    """A queue of writes, and the thread that commits all that wait in it together.

    `commit` takes a batch and returns the refusal of each of its writes, in their order; an error
    it lets through ends the thread. `release` lets go of the store. Only the thread calls them.
    """

    def __init__(
        self,
        *,
        commit: Callable[[Sequence[Write]], Sequence[Refusal]],
        release: Callable[[], None],
    ) -> None:
        self._commit, self._release = commit, release
        self._queue: SimpleQueue[_Waiting[Write] | None] = SimpleQueue()  # None is the last of it
        self._is_open = True
        self._has_ended = False
        self._door = Lock()  # so that nothing enters the queue behind None
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> Receipt:
        """Queue a write for the next batch; the receipt gets its refusal once that is done.

        Raises:
            NotRecorded: the log is closed.
        """
        return self._enqueue(write).receipt

    def keep(self, write: Write, seconds: float) -> Refusal:
        """Queue a write and wait for its refusal, so many seconds at most.

        A write that nobody waits for any longer is not begun.

        Raises:
            NotRecorded: the log is closed.
            TimeoutError: the commit under way has not come back.
        """
        waiting = self._enqueue(write)
        try:
            return waiting.receipt.get(timeout=seconds)
        except Empty:
            waiting.is_given_up = True
            raise TimeoutError from None

    def _enqueue(self, write: Write) -> _Waiting[Write]:
        waiting = _Waiting(write)
        with self._door:
            if not self._is_open:
                raise NotRecorded("the log is closed")
            self._queue.put(waiting)
        return waiting

    @property
    def has_failed(self) -> bool:
        """Whether a bug has ended the thread, so that nothing is ever written again."""
        return not self._has_ended and not self._thread.is_alive()

    def close(self) -> None:
        """Take no more, and return when all that waits is committed; again changes nothing."""
        self._stop()
        self._thread.join()

    def _stop(self) -> None:
        with self._door:
            self._is_open = False
            self._queue.put(None)

    def _run(self) -> None:
        batch: Sequence[_Waiting[Write]] = ()
        try:
            while taken := self._next_batch():
                batch = [waiting for waiting in taken if not waiting.is_given_up]
                refusals = self._commit([waiting.write for waiting in batch])
                for waiting, refusal in zip(batch, refusals, strict=True):
                    waiting.receipt.put(refusal)
            self._has_ended = True
        finally:  # After `close` nothing is left here. After a bug nobody may wait for ever.
            self._stop()
            for left in (*batch, *self._take_waiting()):
                if left is not None:
                    left.receipt.put(NotRecorded("the log has failed"))
            self._release()

    def _next_batch(self) -> Sequence[_Waiting[Write]]:
        """All that wait, as soon as anything does; empty once it is closed and nothing is left."""
        taken = [self._queue.get(), *self._take_waiting()]
        if taken[-1] is None and len(taken) > 1:
            self._queue.put(None)  # these first, the end next time
        return [waiting for waiting in taken if waiting is not None]

    def _take_waiting(self) -> Sequence[_Waiting[Write] | None]:
        return [self._queue.get() for _ in range(self._queue.qsize())]
