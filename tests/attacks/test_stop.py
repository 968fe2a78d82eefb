"""A stop loses no call that has come (reliability: G1)."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from attacks.small_server import PATIENCE, Server, post, small_server

pytestmark = pytest.mark.long


def test_every_call_under_way_or_queued_is_answered() -> None:
    """Sixty calls, eight threads: each has its answer, and no connection is reset."""
    with small_server(threads=8) as server:
        lines = [server.line() for _ in range(60)]
        for line in lines:
            line.send(post("/wait?0.1", b"{}"))
        server.stop()
        statuses = [line.answer().status for line in lines]

        assert statuses == [200] * 60
        assert server.process.wait(PATIENCE) == 0


def test_clients_that_call_again_and_again_lose_no_call() -> None:
    """Each is told with an answer that its connection ends, and sends no more on it."""
    with small_server(threads=4) as server, ThreadPoolExecutor(8) as clients:
        stopped = threading.Event()
        calling = [clients.submit(_call_until_told, server, stopped) for _ in range(8)]
        time.sleep(0.5)
        server.stop()
        stopped.set()

        assert [call.result(PATIENCE) for call in calling] == ["close"] * 8
        assert server.process.wait(PATIENCE) == 0


def _call_until_told(server: Server, stopped: threading.Event) -> str:
    line, told = server.line(), ""
    while not told:
        line.send(post("/wait?0.01", b"{}"))
        told = line.answer().headers.get("connection", "")
        assert not told or stopped.is_set()
    return told


def test_readiness_turns_false_while_it_still_listens() -> None:
    """Whoever sends calls here can see that it should not."""
    with small_server() as server:
        line = server.line()
        line.send(post("/wait?1", b"{}"))
        before = server.get("/ready").status
        server.stop()
        while (after := server.get("/ready").status) == before:
            pass

        assert (before, after) == (200, 503)
        assert line.answer().status == 200


@pytest.mark.parametrize("sent", [1, 30, -1])
def test_a_call_that_has_partly_arrived_is_answered(sent: int) -> None:
    """A byte, half a head, or all of it but the last byte was there when the stop came."""
    whole = post("/wait?0", b"{}")
    with small_server() as server:
        line = server.line()
        line.send(whole[:sent])
        time.sleep(0.2)
        server.stop()
        time.sleep(1.2)  # longer than a connection without a call is kept
        line.send(whole[sent:])
        answer = line.answer()

        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert line.is_closed()
        assert server.process.wait(PATIENCE) == 0


def test_an_idle_connection_is_closed_cleanly() -> None:
    """Kept alive or never used: the client reads an end, no reset."""
    with small_server() as server:
        used, unused = server.line(), server.line()
        used.send(post("/wait?0", b"{}"))
        used.answer()
        server.stop()

        assert used.is_closed()
        assert unused.is_closed()
        used.close()
        unused.close()
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    """An operator who does not want to wait need not."""
    with small_server() as server:
        line = server.line()
        line.send(post("/wait?60", b"{}"))
        time.sleep(0.2)
        server.stop()
        time.sleep(0.2)
        server.process.send_signal(number)

        assert server.process.wait(PATIENCE) == 128 + number
        assert "no answer" in server.log()


def test_a_stop_waits_no_longer_than_it_may() -> None:
    """A call that never ends is given up, and a line says so."""
    with small_server(stop_seconds=1) as server:
        hanging, dribbling = server.line(), server.line()
        hanging.send(post("/wait?60", b"{}"))
        dribbling.send(b"POST ")
        time.sleep(0.2)
        server.stop()

        assert server.process.wait(PATIENCE) == 0
        assert "1 calls had no answer within 1 seconds of the stop" in server.log()


def test_a_server_that_nobody_calls_stops_at_once() -> None:
    """There is nobody to wait for."""
    with small_server() as server:
        began = time.monotonic()
        server.stop()
        server.process.wait(PATIENCE)

        assert time.monotonic() - began < PATIENCE / 2
