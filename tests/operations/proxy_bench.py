"""The TLS proxy's very configuration, run on this machine before hosts that a test has in hand.

Hosts are addresses of the loopback with one port. A name server of the bench knows their name, as
an engine's name server knows the containers of a service.
"""

import http.client
import os
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUDPServer
from threading import Thread

from docker.container import free_port
from operating import ROOT
from outbound.certificates import Authority, make_signer

CONFIGURATION = ROOT / "docker" / "proxy" / "haproxy.cfg"
PATIENCE = 30.0  # seconds, for a box that is busy; no test waits so long
NAME = "hosts.example.invalid"
_READ, _LIVES, _ADDRESS = 0x8180, 1, 1  # of an answer, in seconds, of IPv4
_QUESTION_POINTER = 0xC00C


@dataclass(kw_only=True)
class Host:
    """A host behind the proxy: what it was sent, and how it behaves."""

    address: str
    is_ready: bool = True
    hangs_up: bool = False
    gets: list[str] = field(default_factory=list)  # but for those that ask whether it is ready
    posts: list[str] = field(default_factory=list)
    forwarded: list[Message] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    """Answers as its host behaves."""

    protocol_version = "HTTP/1.1"
    host: Host

    def do_GET(self) -> None:
        if self.path != "/readyz":
            self.host.gets.append(self.path)
        ready = self.path != "/readyz" or self.host.is_ready
        self._answer(200 if ready else 503, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.host.posts.append(self.path)
        self.host.forwarded.append(self.headers)
        if self.host.hangs_up:
            self.close_connection = True
        else:
            self._answer(200, str(len(body)).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Trace-Id", "the-trace")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(host: Host, port: int) -> Iterator[None]:
    """The host on its address."""
    handler = type("Handler", (_Handler,), {"host": host})
    with ThreadingHTTPServer((host.address, port), handler) as server, _running(server):
        yield


class _Names(BaseRequestHandler):
    """A name server that knows one name, by the addresses of IPv4 alone."""

    addresses: Sequence[str]

    def handle(self) -> None:
        query, answers_to = self.request
        end = query.index(b"\0", 12) + 5
        kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
        addresses = self.addresses if kind == _ADDRESS else ()
        head = struct.pack(">2sHHHHH", query[:2], _READ, 1, len(addresses), 0, 0)
        record = struct.pack(">HHHIH", _QUESTION_POINTER, _ADDRESS, 1, _LIVES, 4)
        found = b"".join(record + socket.inet_aton(address) for address in addresses)
        answers_to.sendto(head + query[12:end] + found, self.client_address)


@contextmanager
def _running(server: ThreadingHTTPServer | ThreadingUDPServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """The running proxy: where callers reach it, whom they trust, and its access log."""

    port: int
    ca_file: str
    log: Path
    process: subprocess.Popen[bytes]

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A new connection of a caller."""
        trusting = context or ssl.create_default_context(cafile=self.ca_file)
        line = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        return trusting.wrap_socket(line, server_hostname="127.0.0.1")

    def call(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, Message, bytes]:
        """Status, headers and body of an answer."""
        context = ssl.create_default_context(cafile=self.ca_file)
        line = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, context=context
        )
        try:
            line.request(method, path, body or None, headers)
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            line.close()

    def wait_until(self, path: str, status: int) -> None:
        """Wait until a GET has this status: hosts are looked for, and asked, every second."""
        end = time.monotonic() + PATIENCE
        while (found := self.call("GET", path)[0]) != status:
            assert time.monotonic() < end, f"{path} has {found}"
            time.sleep(0.1)

    def written(self, *, until: str) -> str:
        """The access log, once this stands in it; lines come in the order of the answers."""
        end = time.monotonic() + PATIENCE
        while until not in self.log.read_text():
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)
        return self.log.read_text()


@contextmanager
def proxy_before(
    addresses: Sequence[str], port: int, directory: Path, configuration: Path = CONFIGURATION
) -> Iterator[Proxy]:
    """The proxy before hosts at addresses of the loopback; it begins to look for them."""
    authority = Authority(directory, make_signer("authority.example.invalid"))
    authority.server()
    (certificate,) = directory.glob("127.0.0.1-*.pem")
    names = type("Names", (_Names,), {"addresses": tuple(addresses)})
    with ExitStack() as stack:
        known = stack.enter_context(ThreadingUDPServer(("127.0.0.1", 0), names))
        stack.enter_context(_running(known))
        own_port, log = free_port(), directory / "access.log"
        process = stack.enter_context(
            subprocess.Popen(
                ["haproxy", "-W", "-db", "-f", configuration],
                stdout=stack.enter_context(log.open("wb")),
                stderr=stack.enter_context((directory / "proxy.log").open("wb")),
                env=os.environ
                | {
                    "PROXY_BIND": f"127.0.0.1:{own_port}",
                    "PROXY_UPSTREAM": f"{NAME}:{port}",
                    "PROXY_DNS": f"127.0.0.1:{known.server_address[1]}",
                    "PROXY_CERTIFICATE": str(certificate),
                },
            )
        )
        stack.callback(process.terminate)
        proxy = Proxy(port=own_port, ca_file=authority.ca_file, log=log, process=process)
        _wait_until_it_listens(proxy)
        yield proxy


def _wait_until_it_listens(proxy: Proxy) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            proxy.connect().close()
        except ConnectionError:
            assert proxy.process.poll() is None, "the proxy has ended"
            assert time.monotonic() < end, "the proxy does not listen"
            time.sleep(0.05)
        else:
            return
