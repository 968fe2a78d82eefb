"""Callers: threads that sign orders without end, and remember every answer that they were given.

To every second answer with a card they send feedback, until it is taken.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from threading import Event, Lock, Thread
from typing import Any
from uuid import uuid4

from faults.workers import ROOT, Worker

_EXAMPLE = ROOT / "examples" / "order-sign-icare-0600t" / "request.json"
_SERVICE = "/cds-services/order-sign-crd"
_ASSERTION = "coverage-assertion-id"
_PAUSE = 0.02  # seconds before a caller tries again after a failure
_PATIENCE = 30.0  # seconds that a caller waits for an answer


@dataclass(slots=True, kw_only=True)
class Heard:
    """What callers heard: the assertions they were given, and how many calls got which status.

    Status 0 stands for a call without a whole answer. `cards` are those whose feedback was taken,
    `owed` the feedback that was not. `longest` is of the calls with an answer, in seconds.
    """

    assertions: set[str] = field(default_factory=set)
    cards: set[str] = field(default_factory=set)
    owed: dict[str, bytes] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    door: Lock = field(default_factory=Lock)

    def answered(self, status: int, body: bytes, seconds: float) -> None:
        """A call ended so."""
        assertions: tuple[str, ...] = ()
        cards: tuple[str, ...] = ()
        if status == 200:
            response = json.loads(body)
            assertions = tuple(assertions_in(response))
            cards = tuple(card["uuid"] for card in response["cards"])
        with self.door:
            self.statuses[status] += 1
            self.longest = max(self.longest, seconds if status else 0.0)
            self.assertions.update(assertions)
            if cards and self.statuses[200] % 2:
                self.owed[cards[0]] = reaction_to(cards[0])

    def next_owed(self) -> tuple[str, bytes] | None:
        """Feedback that is to be sent; it stays owed until `taken`."""
        with self.door:
            card = next(iter(self.owed), None)
            return None if card is None else (card, self.owed.pop(card))

    def reacted(self, status: int, card: str, body: bytes) -> None:
        """Feedback was taken, or is owed still."""
        with self.door:
            if status == 200:
                self.cards.add(card)
            else:
                self.owed[card] = body


class Caller(Thread):
    """Signs an order of its own again and again on one worker, until told to stop."""

    def __init__(self, worker: Worker, heard: Heard, stop: Event) -> None:
        super().__init__(daemon=True)
        self._worker, self._heard, self._told_to_stop = worker, heard, stop
        self._connection, self._calls = self._connect(), new_calls()

    def _connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self._worker.port, timeout=_PATIENCE)

    def run(self) -> None:
        while not self._told_to_stop.is_set():
            begun = time.monotonic()
            status, body = self._post(_SERVICE, next(self._calls))
            self._heard.answered(status, body, time.monotonic() - begun)
            if status == 200:
                self._react()
            else:
                self._told_to_stop.wait(_PAUSE)
        self._connection.close()

    def _react(self) -> None:
        if owed := self._heard.next_owed():
            card, body = owed
            status, _ = self._post(f"{_SERVICE}/feedback", body)
            self._heard.reacted(status, card, body)

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        try:
            self._connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, HTTPException):
            self._connection.close()
            self._connection = self._connect()
            return 0, b""


def new_calls() -> Iterator[bytes]:
    """Calls, each about an order that nobody has signed yet."""
    request = json.loads(_EXAMPLE.read_bytes())
    while True:
        request["hookInstance"] = str(uuid4())
        for entry in request["context"]["draftOrders"]["entry"]:
            entry["resource"]["id"] = str(uuid4())
        yield json.dumps(request).encode()


def reaction_to(card: str) -> bytes:
    """The body of feedback: the card was overridden just now."""
    now = datetime.now(UTC).isoformat()
    reaction = {"card": card, "outcome": "overridden", "outcomeTimestamp": now}
    return json.dumps({"feedback": [reaction]}).encode()


def assertions_in(value: Any) -> Iterator[str]:
    """The ids of all assertions that a response makes."""
    if isinstance(value, dict):
        if value.get("url") == _ASSERTION:
            yield str(value["valueString"])
        for inner in value.values():
            yield from assertions_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from assertions_in(inner)


@contextmanager
def calling(workers: Sequence[Worker], callers_each: int, heard: Heard) -> Iterator[None]:
    """Callers on every worker while the block runs; what they heard is whole afterwards."""
    stop = Event()
    callers = [Caller(worker, heard, stop) for worker in workers for _ in range(callers_each)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        stop.set()
        for caller in callers:
            caller.join(2 * _PATIENCE)
