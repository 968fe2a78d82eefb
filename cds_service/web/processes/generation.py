"""The generation: forks the workers, and another for each that dies.

It has read the policies before, and runs no thread: what is forked from it shares its memory, page
by page, until somebody writes there.
"""

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial

from cds_service.errors import StartError
from cds_service.web.processes.endings import as_status, ended_by
from cds_service.web.processes.heard_signals import STOPS, HeardSignals, hear_signals
from cds_service.web.processes.link import Link, Word, open_links
from cds_service.web.processes.places import Places, Worker
from cds_service.web.processes.post import Post
from cds_service.web.processes.vigil import Vigil

_LOG = logging.getLogger("cds_service.web")
_HEARD = (*STOPS, signal.SIGHUP)


class Generation:
    """`size` workers below a supervisor, until that says stop or ends.

    `listen` has the socket listen, or raises StartError; `shut` closes it in this process; `ended`
    is told the place of each worker that has ended, and `lost` is called if nobody had told it to;
    `welcome` greets whoever started this; `vigil`
    finds workers that hang. The first worker is alone until it is ready: what prevents a start is
    told once, by it or in `refusal`.
    """

    def __init__(
        self,
        size: int,
        above: Link,
        *,
        listen: Callable[[], None],
        shut: Callable[[], None],
        ended: Callable[[int], None],
        lost: Callable[[], None],
        welcome: Callable[[], None],
        vigil: Vigil,
    ) -> None:
        self._above, self._shut, self._ended, self._welcome = above, shut, ended, welcome
        self._listen, self._vigil, self._count_loss = listen, vigil, lost
        self._places = Places(size)
        self._selector = selectors.PollSelector()  # no state in the kernel that a fork would share
        self._digest = ""
        self._is_open = self._is_told = self._is_stopping = False
        self.status, self.refusal = 0, ""
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

    @property
    def _workers(self) -> Iterable[Worker]:
        return self._places.workers.values()

    def _tend(self) -> Post | None:
        while self._workers or not self._is_stopping:
            if (place := self._next_due()) is not None and (post := self._fork(place)):
                return post
            if place is None:
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._look_after_all()
        return None

    def _empty(self) -> Iterable[int]:
        return () if self._is_stopping else self._places.empty()

    def _next_due(self) -> int | None:
        now = time.monotonic()
        return next((place for place in self._empty() if self._places.due(place) <= now), None)

    def _patience(self) -> float:
        due = min(map(self._places.due, self._empty()), default=float("inf"))
        return max(0.0, min(due - time.monotonic(), self._vigil.look_every))

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
        worker = self._places.fill(place, process, upper)
        self._selector.register(upper, selectors.EVENT_READ, partial(self._hear, worker))
        return None

    def _put_off(self, place: int, error: OSError) -> None:
        """No process or descriptor is left for another worker: the others go on meanwhile."""
        pause = self._places.put_off(place)
        cause = {"event": "worker-ended", "cause": error.strerror or "the system refuses"}
        _LOG.warning("a worker cannot start; tried again in %g s", pause, extra=cause)

    def _let_go(self) -> None:
        """In a new worker: let go of the links of others, which end with this process alone."""
        self._places.clear()
        self._above.close()
        self._selector.close()

    def _heed(self, signals: HeardSignals) -> None:
        for number in signals.heard():
            if number in STOPS:
                self._stop()
            else:
                self._read_again()

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
                    self._read_again()
                case Word.WELCOME:
                    self._welcome()

    def _hear(self, worker: Worker) -> None:
        words = worker.link.hear()
        if words is None:
            self._bury(worker)
            return
        for word, about in words:
            match word:
                case Word.READY:
                    worker.is_ready = self._places.is_proved = True
                    self._let_start(worker)
                case Word.LISTENING:
                    worker.listen()
                    self._tell_above()
                case Word.SERVING:
                    self._digest = about
                case Word.READ_AGAIN:
                    worker.reading += 1
                    self._read_again(but=worker)
                    self._above.send(Word.READ_AGAIN)
                case Word.HAS_READ:
                    worker.has_read()

    def _let_start(self, worker: Worker) -> None:
        """Let it listen: at first all together, once they are all ready."""
        if self._is_open:
            worker.link.send(Word.GO)
        elif self._places.are_all(lambda found: found.is_ready):
            self._open()

    def _open(self) -> None:
        """Have all listen, unless somebody else listens there by now."""
        try:
            self._listen()
        except StartError as error:
            self.status, self.refusal = 1, str(error)
            self._stop()
            return
        self._is_open = True
        self._tell_all(Word.GO)

    def _tell_above(self) -> None:
        """Once, when all listen."""
        if not self._is_told and self._places.are_all(lambda found: found.is_listening):
            self._is_told = True
            self._above.send(Word.LISTENING)

    def _look_after_all(self) -> None:
        """End a worker that hangs; its place is filled as that of any that dies."""
        place = self._vigil.look(found.place for found in self._workers if found.is_listening)
        if place is not None:
            _LOG.error("a worker shows no life, so it is ended", extra={"event": "worker-hangs"})
            os.kill(self._places.workers[place].process, signal.SIGKILL)

    def _bury(self, worker: Worker) -> None:
        """A worker has ended: have its place filled again."""
        self._selector.unregister(worker.link)
        worker.link.close()
        _, status = os.waitpid(worker.process, 0)
        self._ended(worker.place)
        pause, code = self._places.vacate(worker), os.waitstatus_to_exitcode(status)
        if self._is_stopping:
            return
        if not (self._is_open or worker.is_ready):
            self.status = as_status(code) or 1  # why, it has told itself
            self._stop()
            return
        self._count_loss()
        cause = {"event": "worker-ended", "cause": ended_by(code)}
        _LOG.warning("a worker has ended; another starts in %g s", pause, extra=cause)

    def _stop(self) -> None:
        """Have all answer what has come, and end; nobody new comes."""
        if not self._is_stopping:
            self._is_stopping = True
            self._shut()  # the last worker to close it ends the listening
        self._tell_all(Word.STOP)

    def _read_again(self, but: Worker | None = None) -> None:
        """Have all read the policies again, those too that start just now."""
        for worker in self._workers:
            if worker is not but:
                worker.read_again()

    def _tell_all(self, word: Word) -> None:
        for worker in self._workers:
            worker.link.send(word)


_ORPHANED = {"event": "supervisor-ended"}
