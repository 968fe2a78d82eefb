"""The benchmark's load: no call is sent twice, and no wrong answer is taken for a right one."""

import json
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, cycle, islice

import psutil
import pytest
from benchmarking.calls import call_bodies, every_resource
from benchmarking.ehr import Records
from benchmarking.kinds import BARE, KINDS, TEN, UNSENT, every_call
from benchmarking.load import Calls, Job, Load, numbered, put_load
from benchmarking.processes import Tree
from benchmarking.wire import CALL_PATH, answer, bearer, is_whole, post

from cds_service.fhir.resource import JsonObject

RIGHT = b'{"url": "ext-coverage-information", "covered": "not-covered"}'


CLOSED = b""


@contextmanager
def server_of(answers: Sequence[bytes]) -> Iterator[int]:
    """The port of a server that answers so, call by call; `CLOSED` closes the connection."""

    def serve() -> None:
        connection, _ = listening.accept()
        for prepared in answers:
            request = bytearray()
            while not is_whole(request):
                request += connection.recv(1 << 16)
            connection.sendall(prepared)
            if prepared == CLOSED:
                connection.close()
                connection, _ = listening.accept()
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def load_of(answers: Sequence[bytes]) -> Load:
    """The load that gets these answers."""
    calls = Calls(bodies=call_bodies(1), expects=b'"not-covered"')
    with server_of(answers) as port:
        job = Job(port=port, connections=1, seconds=30.0, requests=len(answers))
        return put_load(job, calls, count(), cycle((b"",)))


def read(whole: bytes) -> JsonObject:
    """The JSON of an answer."""
    found: JsonObject = json.loads(whole.partition(b"\r\n\r\n")[2])
    return found


def test_right_answers_are_no_faults() -> None:
    """Each is timed."""
    load = load_of([answer(RIGHT)] * 3)

    assert load.faults == {}
    assert len(load.latencies) == 3


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (answer(b"{}", "503 Service Unavailable"), "HTTP/1.1 503 Service Unavailable"),
        (answer(RIGHT + b" "), "another length"),
        (
            answer(RIGHT.replace(b"not-covered", b"conditional")),
            'no ext-coverage-information with "not-covered"',
        ),
        (
            answer(RIGHT.replace(b"ext-", b"")),
            'no ext-coverage-information with "not-covered"',
        ),
    ],
)
def test_a_wrong_answer_is_a_fault(wrong: bytes, fault: str) -> None:
    """Of a name that says what is wrong; the right ones beside it are none."""
    assert load_of([answer(RIGHT), wrong, answer(RIGHT)]).faults == {fault: 1}


def test_a_connection_that_is_closed_is_a_fault_and_the_load_goes_on() -> None:
    """On another connection; the call that it took along has no latency."""
    load = load_of([answer(RIGHT), CLOSED, answer(RIGHT)])

    assert load.faults == {"the connection was closed": 1}
    assert len(load.latencies) == 2


def test_no_two_calls_are_the_same() -> None:
    """A service that knows a replay would refuse the second."""
    parts = [post("here", CALL_PATH, body) for body in call_bodies(2)]
    sent = list(islice(numbered(parts, count(), cycle((b"",))), 6))

    assert len(set(sent)) == 6
    assert len({len(request) for request in sent}) == 1


def test_tokens_are_used_by_turns() -> None:
    """Each in its own header field, in a request that is still whole."""
    parts = [post("here", CALL_PATH, body) for body in call_bodies(1)]
    fields = cycle([bearer("first"), bearer("second")])
    sent = list(islice(numbered(parts, count(), fields), 3))

    assert [request.split(b"\r\n")[1] for request in sent] == [
        b"Authorization: Bearer first",
        b"Authorization: Bearer second",
        b"Authorization: Bearer first",
    ]
    assert all(is_whole(bytearray(request)) for request in sent)
    assert not is_whole(bytearray(sent[0][:-1]))


def test_the_calls_differ_in_what_they_are_there_for() -> None:
    """Ten orders, no prefetch, and no extension for those who refuse it; the rest is the same."""
    calls = {
        name: json.loads(of_kind.bodies[0])
        for name, of_kind in every_call("http://127.0.0.1:1/fhir").items()
    }
    orders = {name: len(call["context"]["draftOrders"]["entry"]) for name, call in calls.items()}

    assert orders == dict.fromkeys((*KINDS, BARE), 1) | {TEN: 10}
    assert [name for name, call in calls.items() if not call["prefetch"]] == [UNSENT]
    assert [name for name, call in calls.items() if "extension" not in call] == [BARE]


def test_the_fake_ehr_has_what_the_calls_did_not_send() -> None:
    """By read, by search for a patient, and by search for an id."""
    records = Records(every_resource(2))

    assert read(records.answer("Patient/member-0001"))["id"] == "member-0001"
    coverages = read(records.answer("Coverage?patient=member-0001&status=active"))["entry"]
    assert [entry["resource"]["id"] for entry in coverages] == ["coverage-0001"]
    payers = read(records.answer("Organization?_id=payer-0001"))["entry"]
    assert [entry["resource"]["id"] for entry in payers] == ["payer-0001"]


def test_the_fake_ehr_has_nothing_else() -> None:
    """As a FHIR server says it."""
    assert Records(every_resource(1)).answer("Patient/member-0001").startswith(b"HTTP/1.1 404")


def test_a_tree_of_processes_is_measured_whole() -> None:
    """Processor time, switches and memory of this process, at least."""
    tree = Tree(psutil.Process(os.getpid()))
    before = tree.spent()
    sum(number * number for number in range(200_000))
    threading.Event().wait(0.001)
    spent = tree.spent().since(before)

    assert spent.switches >= 1
    assert before.cpu > 0
    assert tree.memory() > 1 << 20
    assert tree.count() >= 1
