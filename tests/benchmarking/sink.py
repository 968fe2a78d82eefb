"""A server that only reads calls and sends a constant, to see how fast the load generator is."""

import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NoReturn

from benchmarking.wire import READ, answer, is_whole

Respond = Callable[[bytearray], bytes]


@contextmanager
def sink(body: bytes) -> Iterator[int]:
    """The port of a server that answers every call with `body`."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, answer(body)), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, constant: bytes) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        selectors.DefaultSelector() as selector,
    ):
        pipe.send(listening.getsockname()[1])
        serve_calls(listening, selector, lambda _request: constant)


def serve_calls(
    listening: socket.socket, selector: selectors.BaseSelector, respond: Respond
) -> NoReturn:
    """Answer all who connect, in one thread, until the process ends."""
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                connection, _address = listening.accept()
                selector.register(connection, selectors.EVENT_READ, _Called(connection))
            elif not key.data.serve(respond):
                selector.unregister(key.fileobj)
                key.data.socket.close()


@dataclass(slots=True)
class _Called:
    """One client's connection."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def serve(self, respond: Respond) -> bool:
        """Answer if the call is whole; False if the client has left."""
        try:
            data = self.socket.recv(READ)
        except ConnectionError:
            return False
        self.received += data
        if is_whole(self.received):
            self.socket.sendall(respond(self.received))
            self.received.clear()
        return bool(data)
