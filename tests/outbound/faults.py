"""What a server can do wrong (reliability: table B), as behaviours of the fake one."""

import gzip
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from fake_ehr import PATIENCE, Behaviour, Call, respond

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
EMPTY_BUNDLE = b'{"resourceType":"Bundle","type":"searchset"}'
_PAUSE = 0.02  # seconds


def silent(call: Call) -> None:
    """Never a first byte."""
    call.wait_for_the_end()


def stall(call: Call) -> None:
    """Half a response, then nothing."""
    call.send(HEAD + b"Content-Length: 44\r\n\r\n" + EMPTY_BUNDLE[:20])
    call.wait_for_the_end()


def slow_body(call: Call) -> None:
    """A byte of the body now and then."""
    call.send(HEAD + b"Content-Length: 1000000\r\n\r\n")
    _trickle(call, b" ")


def slow_status(call: Call) -> None:
    """A byte of the status line now and then."""
    call.send(b"HTTP/1.1 200 ")
    _trickle(call, b"O")


def slow_headers(call: Call) -> None:
    """A header now and then."""
    call.send(HEAD)
    _trickle(call, b"X-Slow: yes\r\n")


def slow_chunks(call: Call) -> None:
    """A byte of a chunk's size now and then."""
    call.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    _trickle(call, b"0")


def endless_continue(call: Call) -> None:
    """Always about to respond."""
    _trickle(call, b"HTTP/1.1 100 Continue\r\n\r\n")


def _trickle(call: Call, piece: bytes) -> None:
    # Not for ever: a client that waits for the end is told of a broken connection, not of the time.
    for _ in range(int(PATIENCE / _PAUSE)):
        call.send(piece)
        call.pause(_PAUSE)
    call.hang_up()


# None of these comes to an end while the client waits.
NEVER_DONE = (
    silent,
    stall,
    slow_body,
    slow_status,
    slow_headers,
    slow_chunks,
    endless_continue,
)


def reset_before_response(call: Call) -> None:
    """The connection breaks instead of a response."""
    call.reset()


def reset_mid_body(call: Call) -> None:
    """The connection breaks within a response."""
    call.send(HEAD + b"Content-Length: 44\r\n\r\n" + EMPTY_BUNDLE[:20])
    call.reset()


def truncated(call: Call) -> None:
    """The connection ends before the body does."""
    call.send(HEAD + b"Content-Length: 44\r\n\r\n" + EMPTY_BUNDLE[:20])
    call.hang_up()


def not_http(call: Call) -> None:
    """Another protocol."""
    call.send(b"220 mail.example.invalid ESMTP\r\n")
    call.hang_up()


def broken_headers(call: Call) -> None:
    """A header that is none."""
    call.send(HEAD + b"X-Good: yes\r\nno colon\r\nContent-Length: 44\r\n\r\n" + EMPTY_BUNDLE)
    call.hang_up()


def endless_line(call: Call) -> None:
    """A status line that never ends, as fast as it is read."""
    while True:
        call.send(b"HTTP/1.1" * 8192)


def endless_body(call: Call) -> None:
    """A body of 500 MB, as fast as it is read."""
    call.send(HEAD + b"Content-Length: 524288000\r\n\r\n")
    while True:
        call.send(b" " * 65536)


def endless_chunks(call: Call) -> None:
    """A body without an announced end."""
    call.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        call.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


def gzip_bomb() -> Behaviour:
    """Small on the wire, large in memory."""
    return respond(gzip.compress(EMPTY_BUNDLE + b" " * (10 << 20)), Content_Encoding="gzip")


def redirect(to: str, code: int = 302) -> Behaviour:
    """The response is said to be elsewhere."""
    return respond(b"", code=code, Location=to)


@contextmanager
def refused() -> Iterator[str]:
    """The base address of a server that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield f"http://127.0.0.1:{port}/fhir"


@contextmanager
def black_hole() -> Iterator[str]:
    """The base address of a server whose machine drops what would open a connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        callers = [_call(listening.getsockname()) for _ in range(4)]  # more than the backlog holds
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
        for caller in callers:
            caller.close()


def _call(address: tuple[str, int]) -> socket.socket:
    caller = socket.socket()
    caller.setblocking(False)
    caller.connect_ex(address)
    return caller
