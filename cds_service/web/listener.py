"""The listener: who is let in, who must go when it is full, and how it comes to rest."""

import errno
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from time import monotonic

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from cds_service.web.channels import Channel, Farewell
from cds_service.web.connections import Connections
from cds_service.web.pools import Pools
from cds_service.web.processes.shares import Share, make_shares
from cds_service.web.request_reader import LARGEST_HEAD
from cds_service.web.server_limits import ServerLimits

_LOG = logging.getLogger("cds_service.web")
BACKLOG = 1024  # connections that wait to be accepted
_PIECE = 1 << 16  # bytes read at once
_IN_MEMORY = 1 << 40  # bytes: no body and no answer is ever put into a temporary file
_MOST_LARGE = 64  # bodies held at the same time
_ACCEPTED_AT_ONCE = 64
_LOOK_EVERY, _LOOK_OFTEN = 1.0, 0.05  # seconds
_CHANCE = 0.5  # seconds in which a connection does not have to go, for its first bytes to come
_COURTESY = 0.01  # seconds in which a connection is left to a worker that holds fewer
_PAUSE = 1.0  # seconds without accepting, when the process or the machine has no descriptor left
_NOTICE = 0.5  # seconds between the word that we stop and the last connection accepted
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def _ignore(_status: int) -> None:
    """Nobody counts refusals."""


class Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """Accepts connections on `bound` and has their requests answered by `app`.

    When it is full, the connection that has waited longest without a whole request goes in favour
    of a new one: those who are slow or idle, however many, lock nobody out. `refused` is told the
    HTTP status of each request that the application never saw. `share` is this worker's, where
    several listen on `bound`.
    """

    channel_class = Channel

    def __init__(
        self,
        app: Flask,
        bound: socket.socket,
        limits: ServerLimits,
        refused: Callable[[int], None] = _ignore,
        share: Share | None = None,
    ) -> None:
        self.refused = refused
        self._share = share or make_shares(1)[0]
        self._courteous_until = 0.0  # 0: nobody else has been given the chance yet
        self._door, self._is_at_rest = RLock(), False  # a signal may come to whoever holds it
        self.request_seconds, self.wait_seconds = limits.request_seconds, limits.wait_seconds
        self.is_stopping = False
        self._limits, self._held = limits, Connections()
        self._pause_until = self._look_at = 0.0
        adjustments = Adjustments(
            sockets=[bound],
            max_request_body_size=limits.max_body + 1,
            max_request_header_size=LARGEST_HEAD,
            recv_bytes=_PIECE,
            inbuf_overflow=_IN_MEMORY,
            outbuf_overflow=_IN_MEMORY,
            backlog=BACKLOG,
            log_socket_errors=False,
            ident=None,
        )
        super().__init__(
            app,
            self._held,
            _sock=bound,
            dispatcher=Pools(
                calls=limits.threads, large=limits.large_bodies, stuck=limits.stuck_seconds
            ),
            adj=adjustments,
            bind_socket=False,
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
        )

    def readable(self) -> bool:
        """Whether another connection is accepted now."""
        if not self.accepting or monotonic() < max(self._pause_until, self._courteous_until):
            return False
        return not self._is_full() or self._longest_waiting() is not None

    def handle_accept(self) -> None:
        """Accept what waits, as far as there is room or room can be made."""
        for _ in range(_ACCEPTED_AT_ONCE):
            if not self.readable() or self._leaves_it() or not self._accept():
                break

    def _leaves_it(self) -> bool:
        """Whether the next connection is left to another worker for a moment."""
        self._share.hold(self._count())
        if self._courteous_until or not self._share.is_ahead():
            self._courteous_until = 0.0
            return False
        self._courteous_until = monotonic() + _COURTESY
        return True

    def _accept(self) -> bool:
        """Whether there was a connection to accept."""
        try:
            accepted, address = self.socket.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._pause(error)
            return error.errno == errno.ECONNABORTED
        if self._is_full() and (waiting := self._longest_waiting()):
            waiting.drop()
        with suppress(OSError):  # it may be gone again
            self.set_socket_options(accepted)
        self.channel_class(self, accepted, address, self.adj, map=self._held)
        return True

    def _pause(self, error: OSError) -> None:
        """Wait for descriptors; who wants to connect stays in the kernel's queue meanwhile."""
        if waiting := self._longest_waiting():
            waiting.drop()
        now = monotonic()
        if now - self._pause_until > _PAUSE:
            _LOG.error("cannot accept connections: %s; going on as they end", error.strerror)
        self._pause_until = now + _PAUSE

    def _count(self) -> int:
        return len(self._held) - 2  # besides ourselves and the trigger

    def _is_full(self) -> bool:
        return self._count() >= self._limits.connections

    def _connections(self) -> list[Channel | Farewell]:
        return [held for held in self._held.values() if isinstance(held, Channel | Farewell)]

    def _longest_waiting(self) -> Channel | Farewell | None:
        """The connection without a whole request to go first: one that has ended, or the oldest."""
        before = monotonic() - _CHANCE
        connections = self._connections()
        waiting = [held for held in connections if not held.is_busy and held.since < before]
        return min(waiting, key=lambda held: (isinstance(held, Channel), held.since), default=None)

    def has_room_for_large(self, channel: Channel) -> bool:
        """Whether the large body that begins to come on a channel may be held.

        The one that has been arriving longest goes in its favour, where there are too many.
        """
        large = [held for held in self.active_channels.values() if held.is_large]
        if len(large) <= _MOST_LARGE:
            return True
        arriving = [held for held in large if not held.is_busy and held is not channel]
        if arriving:
            min(arriving, key=lambda held: held.since).drop()
        return bool(arriving)

    def _look(self, patience: float) -> None:
        """Wait for the connections to need something, and see to those that take too long."""
        # Room may come with time, where it cannot be made at once.
        patience = _LOOK_OFTEN if self._is_full() else patience
        begun, until = monotonic(), self._courteous_until
        self._held.look(_COURTESY if until else patience)
        if until == self._courteous_until <= begun:
            self._courteous_until = 0.0  # it was asked whether one still waits, and none does
        self._share.hold(self._count())
        now = monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_EVERY
            for held in self._connections():
                held.keep_time(now)
            self._held.wake()
            if not self.task_dispatcher.is_stuck():
                self._share.beat()

    def pull_trigger(self) -> None:
        """Have the loop look; any thread may, also once it has come to rest.

        From then on the descriptor to write to may be anything, such as the store's.
        """
        with self._door:
            if not self._is_at_rest:
                super().pull_trigger()

    def run_until(self, is_over: Callable[[], bool]) -> None:
        """Serve until `is_over`, which is asked each second and whenever the trigger is pulled."""
        while not is_over():
            self._look(_LOOK_EVERY)

    def come_to_rest(self) -> None:
        """Answer what has come, tell clients that connections end, and accept no more."""
        now = monotonic()
        self.is_stopping, end = True, now + self._limits.stop_seconds
        while self.active_channels and monotonic() < now + _NOTICE:
            self._look(_LOOK_OFTEN)
        self._stop_listening()
        while self._connections() and monotonic() < end:
            self._close_idle()
            self._look(_LOOK_OFTEN)
        if left := sum(held.is_busy for held in self._connections()):
            seconds = self._limits.stop_seconds
            _LOG.error("%d calls had no answer within %g seconds of the stop", left, seconds)
        for held in self._connections():
            held.drop()
        self.task_dispatcher.shutdown()
        with self._door:
            self._is_at_rest = True
        self.trigger.close()
        self._held.close()

    def _stop_listening(self) -> None:
        """Accept who has connected already, whom a closed socket would reset, then close it."""
        for _ in range(BACKLOG):
            if not self._accept():
                break
        self.accepting = False
        self._share.leave()
        self.del_channel()
        self.socket.close()

    def _close_idle(self) -> None:
        """Close who has been idle long enough for a request on its way to have come."""
        before = monotonic() - _NOTICE
        for channel in tuple(self.active_channels.values()):
            if channel.is_idle and channel.since < before:
                channel.will_close = True
        self._held.wake()
