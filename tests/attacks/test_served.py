"""`crd serve` itself under what attacks did to it: its stop, its size, and what it refuses."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from attacks.small_server import PATIENCE, Answer, Line, post
from crd_command import EXAMPLE, serving, url_of
from crowds import orders

from cds_service.fhir.resource import encode

pytestmark = pytest.mark.long

SIGN = "/cds-services/order-sign-crd"
MEGABYTE = 1 << 20
PARALLEL = 24


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[psutil.Process, int]]:
    """The process of the service, and its port."""
    with serving("--data-dir", tmp_path) as (run, lines):
        yield psutil.Process(run.pid), urlsplit(url_of(lines)).port or 0


def ask(port: int, body: bytes) -> Answer:
    """The answer to one order-sign call."""
    with closing(Line(port)) as line:
        line.send(post(SIGN, body))
        return line.answer()


def test_a_stop_answers_sixty_calls(tmp_path: Path) -> None:
    """G1: under way or queued, each is answered whole; none is reset."""
    with ExitStack() as stack, serving("--data-dir", tmp_path) as (run, lines):
        port = urlsplit(url_of(lines)).port or 0
        clients = [stack.enter_context(closing(Line(port))) for _ in range(60)]
        for client in clients:
            client.send(post(SIGN, EXAMPLE.read_bytes()))
        run.terminate()
        answers = [client.answer() for client in clients]
        code = run.wait(PATIENCE)

    assert [answer.status for answer in answers] == [200] * 60
    assert all(json.loads(answer.body)["cards"] for answer in answers)
    assert code == 0


def test_large_calls_at_once_leave_the_process_as_small_as_one_does(
    served: tuple[psutil.Process, int],
) -> None:
    """As many as there are, a few are read at a time; each is answered, or asked to come again."""
    process, port = served
    note = b'"status":"draft","note":[{"text":"' + b"x" * 2600 + b'"}]'
    body = encode(orders(250)).replace(b'"status":"draft"', note)
    ask(port, body)
    before, peak, done = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    with ThreadPoolExecutor(PARALLEL + 1) as clients:
        clients.submit(watch)
        statuses = set(clients.map(lambda _: ask(port, body).status, range(PARALLEL)))
        done.set()

    assert len(body) > MEGABYTE / 2
    assert 200 in statuses <= {200, 503}
    assert peak[0] - before < 140 * MEGABYTE


def test_a_body_too_large_is_refused_in_words(served: tuple[psutil.Process, int]) -> None:
    """413 with the setting to change, before the body is there."""
    _, port = served
    with closing(Line(port)) as line:
        line.send(post(SIGN, b"").replace(b": 0\r\n", b": 8000000\r\n"))
        answer = line.answer()

    assert answer.status == 413
    assert "--max-body" in answer.json["issue"][0]["diagnostics"]


def test_addresses_without_number_leave_nothing_behind(
    served: tuple[psutil.Process, int],
) -> None:
    """Each names another FHIR server, in megabytes: what is kept for servers has an end."""
    process, port = served
    request = json.loads(EXAMPLE.read_bytes())
    token = {"access_token": "x", "token_type": "Bearer", "expires_in": 30, "scope": "x"}

    def ask_many(first: int, many: int) -> int:
        """The bytes that the process has after so many calls."""
        for number in range(first, first + many):
            base = f"http://127.0.0.1:9/{number}/{'x' * 3_000_000}"
            named = {**request, "fhirServer": base, "fhirAuthorization": {**token, "subject": "x"}}
            assert ask(port, encode({**named, "prefetch": {}})).status in (400, 412)
        return process.memory_info().rss

    ask_many(0, 60)  # what the process once had of the system it keeps, whether it is used or not
    before, after = ask_many(60, 30), ask_many(90, 60)

    assert after - before < 80 * MEGABYTE
