"""The supervisor: holds the one listening socket, and keeps a generation of workers serving on it.

It does little and knows little, so that it outlives what it looks after. SIGTERM or SIGINT: all
answer what has come, and end; a second one: at once. SIGHUP: policies are read again. SIGUSR2: the
program itself is: a new generation starts beside the old one, which ends once the new one listens.
"""

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from functools import partial
from subprocess import Popen

from cds_service.web.processes.child import Child
from cds_service.web.processes.endings import as_status, ended_by
from cds_service.web.processes.heard_signals import STOPS, HeardSignals, hear_signals
from cds_service.web.processes.link import Link, Word, open_links
from cds_service.web.processes.numbers import Numbers
from cds_service.web.processes.orphans import reap_orphans
from cds_service.web.processes.pauses import Pauses

_LOG = logging.getLogger("cds_service.web")
_HEARD = (*STOPS, signal.SIGHUP, signal.SIGUSR2)
_INPUT = 0  # the descriptor of standard input
_LONGEST_START = 600.0  # seconds that a generation may take until all its workers listen
_LONGEST_WAIT = 5.0  # seconds


class Supervisor:
    """Starts generations by `launch` (the end of a link to inherit, a number) until it is stopped.

    `shut` closes the listening socket here; `lost` is called for each generation that has ended
    when nobody had told it to.
    """

    def __init__(
        self,
        launch: Callable[[Link, int], Popen[bytes]],
        *,
        shut: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._launch, self._shut, self._count_loss = launch, shut, lost
        self._children: list[Child] = []
        self._serving: Child | None = None
        self._coming: Child | None = None
        self._selector = selectors.PollSelector()
        self._numbers = Numbers()
        self._pauses, self._due = Pauses(), 0.0
        self._has_served = self._is_stopping = False
        self._status = 0

    def run(self) -> int:
        """Serve until stopped; the exit status, which is not 0 if it never came to serve."""
        in_terminal = os.isatty(_INPUT)
        with hear_signals(_HEARD) as signals:
            heed = partial(self._heed, signals, in_terminal)
            self._selector.register(signals, selectors.EVENT_READ, heed)
            while self._children or not self._is_stopping:
                self._start_if_due()
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._look_after_all()
        return self._status

    def _patience(self) -> float:
        if self._children or self._is_stopping:
            return _LONGEST_WAIT
        return max(0.0, min(self._due - time.monotonic(), _LONGEST_WAIT))

    def _start_if_due(self) -> None:
        """Where none serves and none is coming: the first, or one in the place of a dead one."""
        if self._serving or self._coming or self._is_stopping or time.monotonic() < self._due:
            return
        self._start()

    def _start(self) -> None:
        try:
            self._coming = self._launched()
        except OSError as error:  # no process or descriptor is left, or the program is gone
            if not self._has_served:
                raise
            self._put_off(error.strerror or "the system refuses")
            return
        self._children.append(self._coming)
        hear = partial(self._hear, self._coming)
        self._selector.register(self._coming.link, selectors.EVENT_READ, hear)

    def _launched(self) -> Child:
        upper, lower = open_links()
        number = self._numbers.least_free()
        try:
            process = self._launch(lower, number)
        except OSError:
            upper.close()
            raise
        finally:
            lower.close()
        self._numbers.give(number, process.pid)
        return Child(process=process, link=upper)

    def _put_off(self, cause: str) -> None:
        """A generation could not even be started: the one that serves goes on, or it is retried."""
        if self._serving:
            self._tell_failed(cause)
        else:
            self._retry(0.0, cause)

    def _heed(self, signals: HeardSignals, in_terminal: bool) -> None:
        for number in signals.heard():
            is_closed = number == signal.SIGHUP and in_terminal and not os.isatty(_INPUT)
            if number in STOPS or is_closed:
                self._stop(number)
            elif number == signal.SIGHUP:
                self._tell_all(Word.READ_AGAIN)
            elif number == signal.SIGUSR2:
                self._renew()

    def _renew(self) -> None:
        """Start a generation beside the one that serves."""
        if self._coming or self._is_stopping:
            _LOG.warning("new workers start already", extra=_RENEWAL)
            return
        _LOG.info("new workers start; the old ones answer until these listen", extra=_RENEWAL)
        self._start()

    def _hear(self, child: Child) -> None:
        words = child.link.hear()
        if words is None:
            self._bury(child)
            return
        for word, _ in words:
            if word == Word.LISTENING:
                self._take_over(child)
            elif word == Word.READ_AGAIN:
                self._tell_all(Word.READ_AGAIN, but=child)

    def _take_over(self, child: Child) -> None:
        """All workers of a new generation listen: it serves, and the old one ends."""
        before, self._serving, self._coming = self._serving, child, None
        if not self._has_served:
            child.link.send(Word.WELCOME)
        else:
            _LOG.info("the new workers listen", extra=_RENEWAL)
        self._has_served = True
        if before:
            before.link.send(Word.STOP)

    def _bury(self, child: Child) -> None:
        """A generation has ended."""
        self._selector.unregister(child.link)
        child.link.close()
        self._children.remove(child)
        code = child.process.wait()
        if child is self._coming:
            self._coming = None
            self._give_up(child, code)
        elif child is self._serving:
            self._serving = None
            self._replace(child, code)

    def _give_up(self, child: Child, code: int) -> None:
        """One that never came to serve: the old one goes on, or the start is refused."""
        if self._is_stopping:
            return
        if not self._has_served:
            self._status = as_status(code)
            self._stop_all()
        elif self._serving:
            self._tell_failed(ended_by(code))
        else:
            self._replace(child, code)

    def _replace(self, child: Child, code: int) -> None:
        """Have another take its place, after a pause where that has happened again and again."""
        if not self._is_stopping:
            self._count_loss()
            self._retry(child.lived, ended_by(code))

    def _tell_failed(self, cause: str) -> None:
        _LOG.error(
            "the new workers did not get ready (%s), so the old ones go on",
            cause,
            extra={"event": "renewal-failed", "cause": cause},
        )

    def _retry(self, lived: float, cause: str) -> None:
        pause = self._pauses.after(lived)
        self._due = time.monotonic() + pause
        extra = {"event": "workers-lost", "cause": cause}
        _LOG.error("all workers are lost; others start in %g s", pause, extra=extra)

    def _look_after_all(self) -> None:
        """End a generation that takes too long to get ready, and let go of the dead."""
        if self._coming and self._coming.lived > _LONGEST_START:
            self._coming.kill()
        reap_orphans({child.process.pid for child in self._children})

    def _stop(self, number: int) -> None:
        """Have all answer what has come, and end; the second time, end them."""
        if self._is_stopping:
            for child in self._children:
                child.kill()
            # No farewell: what was answered is durable, as after any crash.
            os.write(2, b"stopped at once; calls under way have no answer\n")
            self._status = as_status(-number)
            return
        self._stop_all()

    def _stop_all(self) -> None:
        self._is_stopping = True
        self._shut()
        self._tell_all(Word.STOP)
        if self._coming:
            self._coming.leave_the_start()

    def _tell_all(self, word: Word, but: Child | None = None) -> None:
        for child in self._children:
            if child is not but:
                child.link.send(word)


_RENEWAL = {"event": "renewal"}
