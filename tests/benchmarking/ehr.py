"""A fake EHR in a process of its own: it has what the calls without prefetch would have sent."""

import re
import selectors
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarking.calls import every_resource
from benchmarking.resources import found
from benchmarking.sink import serve_calls
from benchmarking.wire import answer

from cds_service.fhir.resource import encode

_FHIR = "application/fhir+json"
_TARGET = re.compile(rb"GET /fhir/(\S+) ")
_NOT_FOUND = answer(b'{"resourceType":"OperationOutcome"}', "404 Not Found", _FHIR)


@contextmanager
def ehr(calls: int) -> Iterator[str]:
    """The base address of an EHR that has what so many calls are about."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, calls), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/fhir"
    finally:
        process.kill()
        process.join()


class Records:
    """Resources by type and id, and those of a patient by type."""

    def __init__(self, resources: Iterator[Mapping[str, Any]]) -> None:
        self._by_id = {
            (resource["resourceType"], resource["id"]): dict(resource) for resource in resources
        }

    def answer(self, query: str) -> bytes:
        """The answer to a read such as `Patient/1`, or to a search by id or by patient."""
        parts = urlsplit(query)
        kind, _, identity = parts.path.partition("/")
        if parts.query:
            return self._searched(kind, parse_qs(parts.query))
        resource = self._by_id.get((kind, identity))
        return answer(encode(resource), kind=_FHIR) if resource else _NOT_FOUND

    def _searched(self, kind: str, parameters: Mapping[str, Sequence[str]]) -> bytes:
        wanted = "".join(parameters.get("_id", ())).split(",")
        wanted += [f"{kind.lower()}-{name[-4:]}" for name in parameters.get("patient", ())]
        matches = (self._by_id.get((kind, identity)) for identity in wanted)
        return answer(encode(found(*filter(None, matches))), kind=_FHIR)


def _serve(pipe: Connection, calls: int) -> None:
    records = Records(every_resource(calls))
    known: dict[bytes, bytes] = {}

    def respond(request: bytearray) -> bytes:
        target = _TARGET.match(request)
        query = target.group(1) if target else b""
        if query not in known:
            known[query] = records.answer(query.decode())
        return known[query]

    with (
        socket.create_server(("127.0.0.1", 0), backlog=256) as listening,
        selectors.DefaultSelector() as selector,
    ):
        pipe.send(listening.getsockname()[1])
        serve_calls(listening, selector, respond)
