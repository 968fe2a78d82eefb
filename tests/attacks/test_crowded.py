"""Slow, idle and endless connections lock nobody out (reliability: A7, F6, G4)."""

import time
from collections.abc import Iterator
from itertools import islice

import psutil
import pytest
from attacks.small_server import HELD, PATIENCE, Line, Server, post, small_server

pytestmark = pytest.mark.long

HALF_A_HEAD = b"POST /wait?0 HTTP/1.1\r\nHost: he"
HALF_A_BODY = post("/wait?0", b"{" * 1000)[:-500]
MEGABYTE = 1 << 20


def lines(server: Server, first: bytes) -> Iterator[Line]:
    """Connections on which this much is sent."""
    while True:
        line = server.line()
        line.send(first)
        yield line


@pytest.mark.parametrize("first", [b"", HALF_A_HEAD, HALF_A_BODY])
def test_a_crowd_that_never_says_all_locks_nobody_out(first: bytes) -> None:
    """Ever more connections than are held: the next client is served, each time."""
    with small_server(connections=50) as server:
        crowd = lines(server, first)
        for _ in range(3):
            held = list(islice(crowd, 60))

            assert len(held) == 60
            assert server.post("/wait?0", b"{}").status == 200


def test_quick_answers_one_after_the_other_do_not_wait_for_the_clock() -> None:
    """A thread may be done before its connection is looked at again; the next call is seen."""
    with small_server() as server:
        line, began = server.line(), time.monotonic()
        for _ in range(1000):
            line.send(b"GET /ready HTTP/1.1\r\nHost: here\r\n\r\n")
            line.answer()

        assert time.monotonic() - began < PATIENCE


def test_a_call_under_way_is_not_dropped_for_a_crowd() -> None:
    """Only who has not sent a whole request has to go."""
    with small_server(connections=10) as server:
        calling = server.line()
        calling.send(post("/wait?1", b"{}"))
        held = list(islice(lines(server, HALF_A_BODY), 40))

        assert len(held) == 40
        assert calling.answer().status == 200


def test_connections_are_no_more_than_the_process_can_open() -> None:
    """520 unfinished bodies at 300 descriptors: others are served, and the log is one line."""
    with small_server(files=300) as server:
        held = list(islice(lines(server, HALF_A_BODY), 520))

        assert len(held) == 520
        assert server.get("/ready").status == 200
        assert psutil.Process(server.process.pid).num_fds() < 250
        (line,) = server.log().splitlines()
        assert "150 connections are held at most, not 1000" in line


def test_the_limit_of_descriptors_is_raised_as_far_as_it_may_be() -> None:
    """A soft limit is what shells set by habit; the hard one is what the operator means."""
    with small_server(files=400, soft_files=100, connections=100) as server:
        held = list(islice(lines(server, b""), 90))

        assert len(held) == 90
        assert psutil.Process(server.process.pid).rlimit(psutil.RLIMIT_NOFILE) == (356, 400)


def test_without_descriptors_accepting_pauses_and_goes_on() -> None:
    """One line, no stack, no spinning; when files are closed, the next client is served."""
    with small_server(files=200) as server:
        hoarding = server.line()
        hoarding.send(b"GET /files?180 HTTP/1.1\r\nHost: here\r\n\r\n")
        time.sleep(0.3)
        began = _cpu(server)
        held = list(islice(lines(server, HALF_A_HEAD), 40))
        assert hoarding.answer().body == b"closed"
        spent = _cpu(server) - began

        assert len(held) == 40
        assert spent < HELD / 3
        assert server.get("/ready").status == 200
        assert server.log().count("cannot accept connections: Too many open files") == 1
        assert len(server.log().splitlines()) == 2


def _cpu(server: Server) -> float:
    """The seconds of processor time that the server has taken."""
    times = psutil.Process(server.process.pid).cpu_times()
    return times.user + times.system


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"POST /wait HTTP/1.1\r\nHost: here\r\nX-Slow: ", b"x"),
        (HALF_A_BODY, b"{"),
        (b"POST /wait HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    ],
)
def test_a_request_has_a_time_to_arrive_however_it_dribbles(first: bytes, more: bytes) -> None:
    """A byte now and then keeps no connection: 408 as an OperationOutcome, and an end."""
    with small_server(request_seconds=1) as server:
        line = server.line()
        line.send(first)
        for _ in range(12):
            time.sleep(0.1)
            line.send(more)
        answer = line.answer()

        assert answer.status == 408
        assert answer.json["issue"][0]["code"] == "timeout"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert line.is_closed()


def test_the_time_of_a_request_begins_with_its_first_byte() -> None:
    """A connection kept alive for longer than a request may take is as good as new."""
    with small_server(request_seconds=1) as server:
        line = server.line()
        for _ in range(2):
            line.send(post("/wait?1.5", b"{}"))

            assert line.answer().status == 200


def test_a_body_of_the_largest_size_is_read_and_a_byte_more_is_not() -> None:
    """The limit is what it is said to be."""
    with small_server(max_body=2000) as server:
        assert server.post("/wait?0", b"x" * 2000).body == b"2000"
        assert server.post("/wait?0", b"x" * 2001).status == 413


@pytest.mark.parametrize("headers", [(), ("Expect: 100-continue",)])
def test_a_body_announced_too_large_is_refused_before_it_is_sent(headers: tuple[str, ...]) -> None:
    """413 as an OperationOutcome, no invitation to send it, and an end (reliability: F6)."""
    with small_server(max_body=MEGABYTE) as server:
        line = server.line()
        line.send(post("/wait?0", b"", *headers).replace(b": 0\r\n", b": 64000000\r\n"))
        answer = line.answer()

        assert answer.status == 413
        assert answer.json["issue"][0]["code"] == "too-long"
        assert line.is_closed()


def test_a_body_in_chunks_is_counted_while_it_comes() -> None:
    """Nobody announces how long it is, and it is not read to its end; the answer is read."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = b"POST /wait?0 HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    with small_server(max_body=MEGABYTE) as server:
        line = server.line()
        line.send(head + chunk * 30)
        answer = line.answer()

        assert (answer.status, answer.json["resourceType"]) == (413, "OperationOutcome")


def test_unfinished_bodies_put_nothing_on_a_disk_and_little_in_memory() -> None:
    """A hundred of almost 4 MiB: nothing is spooled, and no more than some are held."""
    with small_server() as server:
        before = psutil.Process(server.process.pid).memory_info().rss
        unfinished = post("/wait?0", b"x" * (4 * MEGABYTE))[: -MEGABYTE // 2]
        held = list(islice(lines(server, unfinished), 100))
        grown = psutil.Process(server.process.pid).memory_info().rss - before

        assert len(held) == 100
        assert server.temporary_bytes() == 0
        assert grown < 320 * MEGABYTE
        assert server.post("/wait?0", b"x" * MEGABYTE).body == b"1048576"


def test_headers_without_end_are_refused() -> None:
    """431, whatever they are."""
    with small_server() as server:
        line = server.line()
        line.send(b"GET /ready HTTP/1.1\r\nHost: here\r\nX-Long: " + b"x" * 40_000)

        assert line.answer().status == 431
