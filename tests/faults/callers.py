"""Callers: threads that sign orders without end, and remember every answer that they were given."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from faults.workers import ROOT, Worker

_EXAMPLE = ROOT / "examples" / "order-sign-icare-0600t" / "request.json"
_ASSERTION = "coverage-assertion-id"
_PAUSE = 0.02  # seconds before a caller tries again after a failure


@dataclass(slots=True, kw_only=True)
class Heard:
    """What callers heard: the assertions they were given, and how many calls got which status.

    Status 0 stands for a call without a whole answer.
    """

    assertions: set[str] = field(default_factory=set)
    statuses: dict[int, int] = field(default_factory=dict)
    longest: float = 0.0

    def count(self, status: int) -> None:
        """One call ended so."""
        self.statuses[status] = self.statuses.get(status, 0) + 1


class Caller(Thread):
    """Signs an order of its own again and again on one worker, until told to stop."""

    def __init__(self, worker: Worker, stop: Event) -> None:
        super().__init__(daemon=True)
        self.heard = Heard()
        self._worker, self._told_to_stop = worker, stop

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._worker.port, timeout=30)
        while not self._told_to_stop.is_set():
            try:
                connection.request("POST", "/cds-services/order-sign-crd", new_call())
                response = connection.getresponse()
                body = response.read()
            except (OSError, HTTPException):
                self.heard.count(0)
                connection.close()
                self._told_to_stop.wait(_PAUSE)
                connection = HTTPConnection("127.0.0.1", self._worker.port, timeout=30)
                continue
            self.heard.count(response.status)
            if response.status == 200:
                self.heard.assertions.update(assertions_in(json.loads(body)))
            else:
                self._told_to_stop.wait(_PAUSE)
        connection.close()


def new_call() -> bytes:
    """A call about an order that nobody has signed yet."""
    request = json.loads(_EXAMPLE.read_bytes())
    request["hookInstance"] = str(uuid4())
    for entry in request["context"]["draftOrders"]["entry"]:
        entry["resource"]["id"] = str(uuid4())
    return json.dumps(request).encode()


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
def calling(workers: Sequence[Worker], each: int) -> Iterator[Heard]:
    """Callers on every worker while the block runs; what they heard is whole afterwards."""
    stop, heard = Event(), Heard()
    callers = [Caller(worker, stop) for worker in workers for _ in range(each)]
    for caller in callers:
        caller.start()
    try:
        yield heard
    finally:
        stop.set()
        for caller in callers:
            caller.join(60)
            heard.assertions |= caller.heard.assertions
            for status, calls in caller.heard.statuses.items():
                heard.statuses[status] = heard.statuses.get(status, 0) + calls
