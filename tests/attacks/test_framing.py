"""Requests whose end two readers could see at two places are refused (OWASP API8)."""

import pytest
from attacks.small_server import small_server

pytestmark = pytest.mark.long

POST = b"POST /wait?0 HTTP/1.1\r\nHost: here\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n" + CHUNKS,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKS,
    "chunked in two headers": POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + CHUNKS,
    "chunked and more": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "identity": POST + b"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
    "chunks of HTTP/1.0": POST.replace(b"1.1", b"1.0")
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + CHUNKS,
    "the same length twice": POST + b"Content-Length: 2\r\n" * 2 + b"\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "two lengths in one header": POST + b"Content-Length: 2, 2\r\n\r\n{}",
    "a signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length in other digits": POST + "Content-Length: ２\r\n\r\n{}".encode(),
    "a length of 5,000 digits": POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "a folded header": POST + b"X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    "a folded length": POST + b"Content-Length:\r\n 2\r\n\r\n{}",
    "bare line feeds": POST.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n{}",
    "one bare line feed": POST + b"X-Two: a\nContent-Length: 2\r\n\r\n{}",
    "a bare carriage return": POST + b"X-Two: a\rContent-Length: 2\r\n\r\n{}",
    "a blank before the colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "a blank before the method": b" " + POST + b"Content-Length: 2\r\n\r\n{}",
    "no host": b"POST /wait?0 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "two hosts": POST + b"Host: there\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/0.9": b"GET /ready\r\n\r\n",
    "HTTP/2.0": b"GET /ready HTTP/2.0\r\nHost: here\r\n\r\n",
    "a chunk without size": POST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n",
    "a chunk that is longer": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n",
    "a chunk's endless size": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
}
SOUND = {
    "a length": POST + b"Content-Length: 2\r\n\r\n{}",
    "chunks": POST + b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKS,
    "chunks of any sizes": POST
    + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\n\r\n",
    "empty lines before": b"\r\n\r\n" + POST + b"Content-Length: 2\r\n\r\n{}",
    "HTTP/1.0": b"POST /wait?0 HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
    "line feeds in the body": POST + b"Content-Length: 2\r\n\r\n\n\n",
}


def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_read() -> None:
    """400 as an OperationOutcome that repeats nothing, then an end: what follows is no request."""
    with small_server() as server:
        for name, request in AMBIGUOUS.items():
            line = server.line()
            line.send(request + b"GET /ready HTTP/1.1\r\nHost: here\r\n\r\n")
            answer = line.answer()

            assert answer.status == 400, name
            assert answer.json["issue"][0]["code"] == "structure", name
            assert answer.headers["connection"] == "close", name
            assert line.is_closed(), name


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_sound_request_is_answered_in_however_many_pieces_it_comes(pieces: int) -> None:
    """What is refused is what is ambiguous, no more."""
    with small_server() as server:
        for name, request in SOUND.items():
            line, size = server.line(), -(-len(request) // pieces)
            for start in range(0, len(request), size):
                line.send(request[start : start + size])
            answer = line.answer()

            assert (answer.status, answer.body) == (200, b"2"), name


def test_requests_sent_without_waiting_are_answered_in_their_order() -> None:
    """Pipelining (RFC 9112, 9.3.2)."""
    with small_server() as server:
        line = server.line()
        line.send(SOUND["a length"] * 5)

        assert [line.answer().status for _ in range(5)] == [200] * 5


def test_a_refusal_repeats_nothing_of_the_request() -> None:
    """R5: a token in a broken header is in no answer and in no log."""
    with small_server() as server:
        line = server.line()
        line.send(POST + b"Authorization: Bearer canary\rtoken\r\n\r\n")

        assert b"canary" not in line.answer().body
        assert "canary" not in server.log()
