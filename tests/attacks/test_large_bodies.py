"""Large calls are few at a time, and hold up nobody."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from attacks.small_server import post, small_server

pytestmark = pytest.mark.long

LARGE = b"x" * 300_000


def test_large_calls_are_answered_few_at_a_time() -> None:
    """What eight at once would take of memory is not taken; each has its answer."""
    with small_server(threads=8, large_bodies=2) as server, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: server.post("/wait?0.2", LARGE), range(8)))

        assert [answer.body for answer in answers] == [b"300000"] * 8
        assert server.get("/most").body == b"2"


def test_large_calls_that_wait_hold_up_no_small_ones() -> None:
    """They have threads of their own."""
    with small_server(threads=1, large_bodies=1) as server:
        waiting = [server.line() for _ in range(4)]
        for line in waiting:
            line.send(post("/wait?0.5", LARGE))
        time.sleep(0.2)
        began = time.monotonic()
        small = server.post("/wait?0", b"{}")

        assert small.status == 200
        assert time.monotonic() - began < 1
        assert [line.answer().status for line in waiting] == [200] * 4


def test_calls_that_wait_hold_up_no_page_and_no_probe() -> None:
    """What writes nothing is answered though every thread for calls waits for the store."""
    with small_server(threads=1) as server:
        waiting = server.line()
        waiting.send(post("/wait?2", b"{}"))
        time.sleep(0.2)
        began = time.monotonic()

        assert server.get("/ready").status == 200
        assert time.monotonic() - began < 1
        assert waiting.answer().status == 200


@pytest.mark.parametrize("body", [b"{}", LARGE])
def test_a_call_that_nobody_waits_for_any_more_is_refused(body: bytes) -> None:
    """503 with the time to come again, instead of work for an answer that reaches nobody."""
    with small_server(threads=1, large_bodies=1, wait_seconds=0.5) as server:
        first, second = server.line(), server.line()
        first.send(post("/wait?1.5", body))
        time.sleep(0.2)
        second.send(post("/wait?0", body))
        refused = second.answer()

        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert refused.json["issue"][0]["code"] == "throttled"
        assert first.answer().status == 200
