"""The generation: forks the workers, and another for each that dies.

It has read the policies before, and runs no thread: what is forked from it shares its memory, page
by page, until somebody writes there.
"""

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from cds_service.web.processes.heard_signals import STOPS, HeardSignals, hear_signals
from cds_service.web.processes.link import Link, Word, open_links
from cds_service.web.processes.pauses import Pauses
from cds_service.web.processes.post import Post

_LOG = logging.getLogger("cds_service.web")
_HEARD = (*STOPS, signal.SIGHUP)
_LONGEST_WAIT = 60.0  # seconds; whatever happens ends a wait


@dataclass(slots=True, kw_only=True, eq=False)
class _Worker:
    """A living worker, seen from above."""

    place: int
    process: int
    link: Link
    since: float
    is_ready: bool = False
    is_listening: bool = False


@dataclass(slots=True, eq=False)
class _Place:
    """One of the places that are to be filled, from the time `due` on."""

    due: float = 0.0
    pauses: Pauses = field(default_factory=Pauses)


class Generation:
    """`size` workers below a supervisor, until that says stop or ends.

    `shut` closes the listening socket in this process; `ended` is told the place of each worker
    that has ended; `welcome` greets whoever started this. The first worker is alone until it is
    ready: what prevents a start is told once.
    """

    def __init__(
        self,
        size: int,
        above: Link,
        *,
        shut: Callable[[], None],
        ended: Callable[[int], None],
        welcome: Callable[[], None],
    ) -> None:
        self._above, self._shut, self._ended, self._welcome = above, shut, ended, welcome
        self._places = [_Place() for _ in range(size)]
        self._workers: dict[int, _Worker] = {}
        self._selector = selectors.PollSelector()  # no state in the kernel that a fork would share
        self._digest = ""
        self._is_open = self._is_told = self._is_stopping = False
        self.status = 0
        self.is_orphan = False

    def run(self) -> Post | None:
        """Keep the places filled until the end; None then. In a new worker: its post, at once."""
        with hear_signals(_HEARD) as signals:
            self._selector.register(signals, selectors.EVENT_READ, partial(self._heed, signals))
            self._selector.register(self._above, selectors.EVENT_READ, self._hear_above)
            post = self._tend()
        if post:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        return post

    def _tend(self) -> Post | None:
        while self._workers or not self._is_stopping:
            if (place := self._next_due()) is not None and (post := self._fork(place)):
                return post
            if place is None:
                for key, _ in self._selector.select(self._patience()):
                    key.data()
        return None

    def _empty(self) -> Iterator[int]:
        """Places that may be filled; only the first, as long as nobody has got ready."""
        if self._is_stopping:
            return
        is_proved = self._is_open or any(worker.is_ready for worker in self._workers.values())
        for place in range(len(self._places) if is_proved else 1):
            if place not in self._workers:
                yield place

    def _next_due(self) -> int | None:
        now = time.monotonic()
        return next((place for place in self._empty() if self._places[place].due <= now), None)

    def _patience(self) -> float:
        due = min((self._places[place].due for place in self._empty()), default=float("inf"))
        return max(0.0, min(due - time.monotonic(), _LONGEST_WAIT))

    def _fork(self, place: int) -> Post | None:
        """Fork a worker; in that: its post."""
        try:
            upper, lower = open_links()
        except OSError as error:
            self._put_off(place, error)
            return None
        # A signal to the new process must not be heard by this one, whose socket it still shares.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
        try:
            process = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
            upper.close()
            lower.close()
            self._put_off(place, error)
            return None
        if not process:
            upper.close()
            self._let_go()
            return Post(place=place, link=lower, digest=self._digest)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        lower.close()
        worker = _Worker(place=place, process=process, link=upper, since=time.monotonic())
        self._workers[place] = worker
        self._selector.register(upper, selectors.EVENT_READ, partial(self._hear, worker))
        return None

    def _put_off(self, place: int, error: OSError) -> None:
        """No process or descriptor is left for another worker: the others go on meanwhile."""
        pauses = self._places[place].pauses
        pause = pauses.after(0.0) or pauses.after(0.0)  # at once would be again and again
        self._places[place].due = time.monotonic() + pause
        cause = {"event": "worker-ended", "cause": error.strerror or "the system refuses"}
        _LOG.warning("a worker cannot start; tried again in %g s", pause, extra=cause)

    def _let_go(self) -> None:
        """In a new worker: let go of the links of others, which end with this process alone."""
        for worker in self._workers.values():
            worker.link.close()
        self._workers.clear()
        self._above.close()
        self._selector.close()

    def _heed(self, signals: HeardSignals) -> None:
        for number in signals.heard():
            if number in STOPS:
                self._stop()
            else:
                self._tell_all(Word.READ_AGAIN)

    def _hear_above(self) -> None:
        words = self._above.hear()
        if words is None:
            self.is_orphan = True
            self._selector.unregister(self._above)
            if not self._is_stopping:
                _LOG.error("the supervisor has ended, so this service stops", extra=_ORPHANED)
            self._stop()
            return
        for word, _ in words:
            match word:
                case Word.STOP:
                    self._stop()
                case Word.READ_AGAIN:
                    self._tell_all(Word.READ_AGAIN)
                case Word.WELCOME:
                    self._welcome()

    def _hear(self, worker: _Worker) -> None:
        words = worker.link.hear()
        if words is None:
            self._bury(worker)
            return
        for word, about in words:
            match word:
                case Word.READY:
                    worker.is_ready = True
                    self._let_start(worker)
                case Word.LISTENING:
                    worker.is_listening = True
                    self._tell_above()
                case Word.SERVING:
                    self._digest = about
                case Word.READ_AGAIN:
                    self._tell_all(Word.READ_AGAIN, but=worker)
                    self._above.send(Word.READ_AGAIN)

    def _let_start(self, worker: _Worker) -> None:
        """Let it listen: at first all together, once they are all ready."""
        if self._is_open:
            worker.link.send(Word.GO)
        elif self._are_all(lambda found: found.is_ready):
            self._is_open = True
            self._tell_all(Word.GO)

    def _tell_above(self) -> None:
        """Once, when all listen."""
        if not self._is_told and self._are_all(lambda found: found.is_listening):
            self._is_told = True
            self._above.send(Word.LISTENING)

    def _are_all(self, holds: Callable[[_Worker], bool]) -> bool:
        workers = self._workers.values()
        return len(workers) == len(self._places) and all(map(holds, workers))

    def _bury(self, worker: _Worker) -> None:
        """A worker has ended: have its place filled again."""
        self._selector.unregister(worker.link)
        worker.link.close()
        del self._workers[worker.place]
        _, status = os.waitpid(worker.process, 0)
        self._ended(worker.place)
        if self._is_stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        if not (self._is_open or worker.is_ready):
            self.status = code or 1  # why, it has told itself
            self._stop()
            return
        now = time.monotonic()
        place = self._places[worker.place]
        place.due = now + place.pauses.after(now - worker.since)
        ended_by = f"status {code}" if code >= 0 else signal.Signals(-code).name
        cause, pause = {"event": "worker-ended", "cause": ended_by}, place.due - now
        _LOG.warning("a worker has ended; another starts in %g s", pause, extra=cause)

    def _stop(self) -> None:
        """Have all answer what has come, and end; nobody new comes."""
        if not self._is_stopping:
            self._is_stopping = True
            self._shut()  # the last worker to close it ends the listening
        self._tell_all(Word.STOP)

    def _tell_all(self, word: Word, but: _Worker | None = None) -> None:
        for worker in self._workers.values():
            if worker is not but:
                worker.link.send(word)


_ORPHANED = {"event": "supervisor-ended"}
