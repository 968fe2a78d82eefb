"""Group commit: one thread writes for all who wait, so that they share one wait for the disk.

While it commits one batch the next one gathers: nobody waits for more than the batch under way and
their own. It knows no database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeAlias, TypeVar

from cds_service.errors import NotRecorded

Write = TypeVar("Write")
# Why a write was not kept; None once it is durable.
Refusal: TypeAlias = Exception | None


def _locked() -> Lock:
    lock = Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Pending(Generic[Write]):
    """A write in the queue: the future that its caller waits for.

    A lock, for every call waits here, and a `concurrent.futures.Future` costs several times that.
    """

    write: Write
    _refusal: Refusal = None
    _undecided: Lock = field(default_factory=_locked)

    @property
    def is_decided(self) -> bool:
        """Whether the refusal, or that there is none, is known."""
        return not self._undecided.locked()

    def decide(self, refusal: Refusal) -> None:
        """Let the caller go on, once."""
        self._refusal = refusal
        self._undecided.release()

    def wait(self) -> Refusal:
        """Why the write was not kept, or None once it is durable; waits until that is known."""
        with self._undecided:
            return self._refusal


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
        self._queue: SimpleQueue[Pending[Write] | None] = SimpleQueue()  # None is the last of it
        self._is_open = True
        self._door = Lock()  # between asking whether it is open and entering the queue
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, write: Write) -> Pending[Write]:
        """Queue a write for the next batch.

        Raises:
            NotRecorded: the log is closed.
        """
        pending = Pending(write)
        with self._door:
            if not self._is_open:
                raise NotRecorded("the log is closed")
            self._queue.put(pending)
        return pending

    def close(self) -> None:
        """Take no more, and return when all that waits is decided; again changes nothing."""
        self._stop()
        self._thread.join()

    def _stop(self) -> None:
        with self._door:
            self._is_open = False
            self._queue.put(None)

    def _run(self) -> None:
        batch: Sequence[Pending[Write]] = ()
        try:
            while batch := self._next_batch():
                refusals = self._commit([pending.write for pending in batch])
                for pending, refusal in zip(batch, refusals, strict=True):
                    pending.decide(refusal)
        finally:  # After `close` nothing is left here. After a bug nobody may wait for ever.
            self._stop()
            self._refuse([*batch, *self._take_waiting()])
            self._release()

    def _next_batch(self) -> Sequence[Pending[Write]]:
        """All that wait, as soon as anything does; empty once it is closed and nothing is left."""
        taken = [self._queue.get(), *self._take_waiting()]
        if taken[-1] is None and len(taken) > 1:
            self._queue.put(None)  # these first, the end next time
        return [pending for pending in taken if pending is not None]

    def _take_waiting(self) -> Sequence[Pending[Write] | None]:
        return [self._queue.get() for _ in range(self._queue.qsize())]

    @staticmethod
    def _refuse(left: Sequence[Pending[Write] | None]) -> None:
        for pending in left:
            if pending is not None and not pending.is_decided:
                pending.decide(NotRecorded("the log has failed"))
