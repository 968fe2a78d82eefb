"""A gate before a server: open, shut (connections are cut and refused), or frozen (silence)."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from urllib.parse import urlsplit, urlunsplit

_BYTES = 1 << 16


class Gate:
    """Passes bytes between clients of a loopback port and a server, as long as it is open."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._flowing = Event()
        self._door = Lock()
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let connections in, at the same port as ever, and bytes through."""
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
            Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut every connection and refuse new ones, as a server that is stopped does."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._door:
            cut, self._sockets = self._sockets, []
        for line in cut:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()
        self._flowing.set()

    def freeze(self) -> None:
        """Pass nothing on, and cut nothing, as a pooler does whose server is gone."""
        self._flowing.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            with self._door:
                self._sockets += [client, server]
            for source, target in ((client, server), (server, client)):
                Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_BYTES):
                self._flowing.wait()
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def gate_before(url: str) -> Iterator[tuple[Gate, str]]:
    """A gate before the server of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    gate = Gate((parts.hostname or "127.0.0.1", parts.port or 5432))
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    try:
        yield gate, urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{gate.port}"))
    finally:
        gate.shut()
