"""A FHIR server on a real socket that behaves as told, even badly, and remembers its calls.

with FakeEhr(bundle()) as ehr:
    ehr.on("Organization/5", status(404))
    ... ehr.base ... ehr.calls ... ehr.connections
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import cds_service.outbound.transport  # noqa: F401  # else a first query imports it, by its deadline
from cds_service.fhir.resource import encode

PATIENCE = 10.0  # for a test that hangs; no test waits so long
_RESET = struct.pack("ii", 1, 0)


class Gone(OSError):
    """The connection is to be closed, or has been by the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came, and the means to respond; `number` counts those on its connection."""

    path: str
    headers: Mapping[str, str]
    number: int
    connection: socket.socket = field(repr=False)
    stopped: threading.Event = field(repr=False)

    def send(self, data: bytes) -> None:
        """Put bytes on the wire."""
        self.connection.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, unless the server is stopped."""
        if self.stopped.wait(seconds):
            raise Gone

    def hang_up(self) -> None:
        """Close the connection."""
        raise Gone

    def wait_for_the_end(self) -> None:
        """Say nothing more until the client leaves."""
        while self.connection.recv(1):
            pass
        raise Gone

    def reset(self) -> None:
        """Break the connection off."""
        reset(self.connection)


Behaviour = Callable[[Call], None]


def reset(connection: socket.socket) -> None:
    """Have a connection end in a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    raise Gone


def respond(body: bytes, *, code: int = 200, **headers: str) -> Behaviour:
    """Respond with this body; `Content_Type="text/html"` makes a header."""
    named = {
        "Content-Type": "application/fhir+json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [
        f"HTTP/1.1 {code} Reason",
        *(f"{name}: {value}" for name, value in named.items()),
        f"Content-Length: {len(body)}",
    ]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda call: call.send(whole)


def resource(kind: str, **fields: Any) -> Behaviour:
    """Respond with a resource."""
    return respond(encode({"resourceType": kind, **fields}))


def bundle(*resources: Mapping[str, Any], next_page: str = "") -> Behaviour:
    """Respond with a page of search results."""
    link = [{"relation": "next", "url": next_page}] if next_page else []
    entry = [{"resource": found} for found in resources]
    return resource("Bundle", type="searchset", link=link, entry=entry)


def status(code: int) -> Behaviour:
    """Respond with a status and an OperationOutcome."""
    return respond(
        b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"exception"}]}',
        code=code,
    )


class FakeEhr:
    """The server. Paths that `on` does not name get `otherwise`.

    `greet` has each connection before TLS and the first call.
    """

    def __init__(
        self,
        otherwise: Behaviour,
        *,
        tls: ssl.SSLContext | None = None,
        greet: Callable[[socket.socket], None] | None = None,
    ) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self._otherwise, self._tls, self._greet = otherwise, tls, greet
        self._behaviours: dict[str, Behaviour] = {}
        self._hangups = threading.Semaphore(0)
        self._stopped = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/fhir"

    @property
    def queries(self) -> list[str]:
        """What was asked for, in the order it came."""
        return [call.path.removeprefix("/fhir/") for call in self.calls]

    def on(self, query: str, behaviour: Behaviour) -> None:
        """Behave so when asked this."""
        self._behaviours[f"/fhir/{query}"] = behaviour

    def has_lost(self, connections: int) -> bool:
        """Whether so many connections end before this server loses its patience."""
        return all(self._hangups.acquire(timeout=PATIENCE / 2) for _ in range(connections))

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listening.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _spawn(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                connection.settimeout(PATIENCE)
                self.connections += 1
                self._open.add(connection)
                self._spawn(lambda plain=connection: self._serve(plain))  # type: ignore[misc]

    def _serve(self, plain: socket.socket) -> None:
        connection = plain
        with suppress(OSError):
            if self._greet:
                self._greet(plain)
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
                self._open.add(connection)
            self._converse(connection)
        connection.close()
        self._open -= {plain, connection}
        self._hangups.release()

    def _converse(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as lines:
            number = 0
            while first := lines.readline():
                number += 1
                headers = dict(_header(line) for line in iter(lines.readline, b"\r\n"))
                path = first.decode("latin-1").partition(" ")[2].partition(" ")[0]
                call = Call(
                    path=path,
                    headers=headers,
                    number=number,
                    connection=connection,
                    stopped=self._stopped,
                )
                self.calls.append(call)
                self._behaviours.get(path, self._otherwise)(call)


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.lower(), value.strip()
