"""Channels: one connection each, from its first byte to a clean farewell."""

import socket
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from cds_service.web.pools import LARGE
from cds_service.web.refusals import BUSY, TIMED_OUT, Refusal, RefusalTask
from cds_service.web.request_reader import RequestReader

IDLE_SECONDS = 30.0  # between requests
_FAREWELL = 2.0  # seconds
_PIECE = 1 << 16  # bytes


class Owner(Protocol):
    """What a channel asks of its server."""

    request_seconds: float
    wait_seconds: float
    is_stopping: bool

    def has_room_for_large(self, channel: "Channel") -> bool:
        """Whether the large body that begins to come on a channel may be held."""

    def add_task(self, channel: "Channel") -> None:
        """Have the first request of a channel answered."""


class CallTask(WSGITask):  # type: ignore[misc]  # waitress has no types
    """Answers one request by the application."""

    def build_response_header(self) -> bytes:
        """The head of the answer; on the way to a stop, it tells the client not to come again."""
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        head: bytes = super().build_response_header()
        return head


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """One connection. `since` is when it last changed: accepted, began a request, or answered."""

    parser_class = RequestReader
    task_class = CallTask
    error_task_class = RefusalTask
    server: Owner
    request: RequestReader | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.since = monotonic()
        super().__init__(*args, **kwargs)

    @property
    def is_busy(self) -> bool:
        """Whether a whole request has come that is not answered."""
        return bool(self.requests)

    @property
    def is_idle(self) -> bool:
        """Whether nothing has come that is not answered, and no answer is on its way."""
        return not (self.requests or self.request or self.total_outbufs_len)

    @property
    def is_quiet(self) -> bool:
        """Whether only bytes of the client's can change what it waits for."""
        return not (self.requests or self.writable())

    @property
    def is_large(self) -> bool:
        """Whether it holds a large body, whole or not."""
        held = (*self.requests, *([self.request] if self.request else ()))
        return any(request.size > LARGE for request in held)

    def writable(self) -> bool:
        """Whether the main loop has something to do here that is not to read.

        The thread that answers sends by itself. As long as it does, the main loop would try in vain
        to send too, again and again, and keep the interpreter from that very thread: 5 ms a call.
        Only where an answer has grown so large that the thread waits, it is for the main loop.
        """
        bearable = self.adj.outbuf_high_watermark if self.requests else 0
        return bool(self.total_outbufs_len > bearable or self.will_close or self.close_when_flushed)

    def received(self, data: bytes) -> bool:
        """Take what has come."""
        begun, was_large = self.request, self.is_large
        is_open: bool = super().received(data)
        if self.request is not None and self.request is not begun:
            self.since = monotonic()
        if not was_large and self.is_large and not self.server.has_room_for_large(self):
            self._refuse(BUSY)
        return is_open

    def service(self) -> None:
        """Answer the first request, on a thread of a pool."""
        request = self.requests[0]
        waited = monotonic() - request.whole_at
        if request.error is None and waited > self.server.wait_seconds:
            request.refuse(BUSY)
        super().service()
        self.since = monotonic()

    def keep_time(self, now: float) -> None:
        """End what takes too long: a request to arrive, an answer to leave, or doing nothing."""
        if self.requests:
            return
        seconds = now - self.since
        if self.request is not None:
            if seconds > self.server.request_seconds:
                self._refuse(TIMED_OUT)
        elif seconds > (self.server.request_seconds if self.total_outbufs_len else IDLE_SECONDS):
            self.will_close = True

    def _refuse(self, refusal: Refusal) -> None:
        """Answer the request that is arriving, if there is one, with a refusal."""
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None:
                return
            request.refuse(refusal)
            self.requests.append(request)
            if len(self.requests) == 1:  # or whoever answers the one before goes on with it
                self.server.add_task(self)

    def drop(self) -> None:
        """Close at once, whatever has come."""
        self.connected = False
        self.handle_close()

    def handle_close(self) -> None:
        """Close; with a farewell where it was we who ended it."""
        is_ours = self.will_close and self.connected
        parting = self.socket.detach() if is_ours else -1
        super().handle_close()
        if parting >= 0:
            Farewell(socket.socket(fileno=parting), self._map)


class Farewell(wasyncore.dispatcher):  # type: ignore[misc]  # waitress has no types
    """The end of a connection: we say no more, and read on until the client has read that.

    To close while bytes of the client's are on their way would reset the connection, and take the
    answer with it (RFC 9112, 9.6).
    """

    is_busy = False
    is_quiet = True

    def __init__(self, parting: socket.socket, channels: dict[int, Any]) -> None:
        self.since = monotonic()
        super().__init__(parting, map=channels)
        self.connected = True
        with suppress(OSError):
            parting.shutdown(socket.SHUT_WR)

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Never."""
        return False

    def handle_read(self) -> None:
        """Read, and forget."""
        self.recv(_PIECE)  # closes where there is no more

    def handle_close(self) -> None:
        """The client has hung up too."""
        self.close()

    def keep_time(self, now: float) -> None:
        """Close where the client does not."""
        if now - self.since > _FAREWELL:
            self.close()

    def drop(self) -> None:
        """Close at once."""
        self.close()
