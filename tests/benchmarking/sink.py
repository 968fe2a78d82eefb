"""A server that only reads calls and sends a constant, to see how fast the load generator is."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarking.wire import READ, answer, is_whole


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
        selector.register(listening, selectors.EVENT_READ)
        pipe.send(listening.getsockname()[1])
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    connection, _address = listening.accept()
                    selector.register(connection, selectors.EVENT_READ, _Called(connection))
                elif not key.data.serve(constant):
                    selector.unregister(key.fileobj)


@dataclass(slots=True)
class _Called:
    """One client's connection."""

    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)

    def serve(self, constant: bytes) -> bool:
        """Answer if the call is whole; False if the client has left."""
        data = self.socket.recv(READ)
        self.received += data
        if is_whole(self.received):
            self.received.clear()
            self.socket.sendall(constant)
        return bool(data)
