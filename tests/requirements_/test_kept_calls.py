"""CRD page Foundation, Additional Considerations: every call and its response are in the log."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from every_hook import (
    HOOK_NAMES,
    MEMBERS,
    TOKEN,
    VERSIONS,
    JsonObject,
    annotations,
    call,
    hosted,
    with_token,
)
from fakes import FakeLog, fake_pipeline
from flask.testing import FlaskClient
from hook_requests import HOOK_INSTANCE, service_request
from kept_records import KeptRecord, records_in

from cds_service.app.service import Service, build_service
from cds_service.app.site import open_site
from cds_service.crd.request.reply import Reply
from cds_service.fhir.resource import decode, encode
from cds_service.outbound.access import Access
from cds_service.settings import Settings

SECRET = "PATIENT-CANARY"  # noqa: S105
MAX_BODY = 2_000_000
TOO_MANY = [{**service_request(), "id": str(number)} for number in range(300)]


class BrokenEhr:
    """A fault of ours, wherever something has to be queried."""

    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]:
        raise RuntimeError(f"{SECRET} {access} {queries} by {deadline}")


def unsent(hook: str) -> JsonObject:
    """A call that makes the service query."""
    return {**with_token(call(hook)), "prefetch": {}}


# A body of every sort for a hook, and the status of its response.
SORTS: dict[str, tuple[int, Any]] = {
    "sound": (200, call),
    "sound, with a token": (200, lambda hook: with_token(call(hook))),
    "of an older client, without a Coverage": (
        200,
        lambda hook: call(hook, version=None, member=MEMBERS["nobody"]),
    ),
    "no hook request": (400, lambda hook: {**call(hook), "hookInstance": 7}),
    "an object of its own": (400, lambda _hook: {"a": 1}),
    "a list": (400, lambda _hook: [1]),
    "for another hook": (400, lambda hook: {**call(hook), "hook": "patient-view"}),
    "of another payer's member": (400, lambda hook: call(hook, member=MEMBERS["elsewhere"])),
    "not sent and not to be had": (412, lambda hook: {**call(hook), "prefetch": {}}),
    "of another version": (422, lambda hook: call(hook, version="9.9")),
    "a fault of ours": (500, unsent),
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'log.sqlite3'}")
    built = build_service(settings, ehr=BrokenEhr())
    yield built
    built.log.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return open_site(service, Settings(max_body=MAX_BODY)).app.test_client()


def kept(directory: Path) -> list[KeptRecord]:
    """The records of the calls in the log, as they were written."""
    return records_in(directory / "log.sqlite3")


def url_of(hook: str) -> str:
    """Where calls of a hook go."""
    return f"/cds-services/{hook}-crd"


@pytest.mark.crd("found-37")
def test_there_are_as_many_records_as_calls_with_what_was_sent_and_answered(
    client: FlaskClient, tmp_path: Path
) -> None:
    """Calls of every sort, answered, refused, or ended by a fault of ours; each once, in turn."""
    made = [(hook, *sort) for hook in HOOK_NAMES for sort in SORTS.values()]
    sent = [(hook, body_of(hook)) for hook, _, body_of in made]
    responses = [client.post(url_of(hook), data=encode(body)) for hook, body in sent]
    records = kept(tmp_path)

    assert [response.status_code for response in responses] == [status for _, status, _ in made]
    assert [record.hook for record in records] == [hook for hook, _ in sent]
    assert [record.response for record in records] == [response.data for response in responses]
    assert [context_of(record.request) for record in records] == [
        context_of(encode(body)) for _, body in sent
    ]


def context_of(body: str | bytes) -> JsonObject | None:
    """What a body is about, None if it is no object."""
    value = decode(body if isinstance(body, bytes) else body.encode())
    found: JsonObject | None = value.get("context") if isinstance(value, dict) else None
    return found


@pytest.mark.crd("found-11", "found-37")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_each_call_and_its_answer_are_kept_as_they_were(hook: str, version: str) -> None:
    """The record has the request and the response byte for byte, and the assertion id."""
    request = call(hook, version=version)
    log = FakeLog()
    answer = fake_pipeline(hosted(), hook=hook, log=log).respond(encode(request))
    (record,) = log.records

    assert (record.hook, record.hook_instance, record.version) == (hook, HOOK_INSTANCE, version)
    assert (record.request, record.response) == (encode(request), answer)
    (assertion,) = [parts["coverage-assertion-id"][0] for parts in annotations(decode(answer))]
    assert assertion.encode() in record.decisions


@pytest.mark.crd("found-11", "found-37")
def test_a_long_call_and_its_long_answer_are_kept_whole(
    client: FlaskClient, tmp_path: Path
) -> None:
    """To the last byte of an order that comes back as it came."""
    request = call("order-sign", service_request(note=[{"text": "long " * 100_000}]))
    response = client.post(url_of("order-sign"), data=encode(request))
    (record,) = kept(tmp_path)

    assert len(response.data) > 500_000
    assert (record.request, record.response) == (encode(request), response.data)


@pytest.mark.crd("found-37")
@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"hook":"\\ud800"}', b"\xff"])
def test_a_body_that_is_no_json_is_a_call_too(
    client: FlaskClient, tmp_path: Path, body: bytes
) -> None:
    """It is kept by its length, for nobody knows what is in it."""
    response = client.post(url_of("order-sign"), data=body)
    (record,) = kept(tmp_path)

    assert (response.status_code, record.response) == (400, response.data)
    assert f'"bytes":{len(body)}'.encode() in record.request


@pytest.mark.crd("found-37")
def test_a_call_that_names_too_much_is_kept(client: FlaskClient, tmp_path: Path) -> None:
    """A 413 of a body that was read is an answer like any other."""
    response = client.post(url_of("order-sign"), data=encode(call("order-sign", *TOO_MANY)))
    (record,) = kept(tmp_path)

    assert (response.status_code, record.response) == (413, response.data)


@pytest.mark.crd("found-37", "sec-6")
def test_a_fault_of_ours_is_kept_as_a_refused_call_is(client: FlaskClient, tmp_path: Path) -> None:
    """The request less its token, and the OperationOutcome with the trace that the caller has."""
    request = {**unsent("order-sign"), "unheardOf": TOKEN}
    response = client.post(url_of("order-sign"), data=encode(request))
    (record,) = kept(tmp_path)

    assert response.status_code == 500
    assert decode(record.request)["context"] == request["context"]
    assert TOKEN.encode() not in record.request
    assert SECRET.encode() not in record.request + record.response


@pytest.mark.crd("found-37")
def test_a_fault_that_cannot_be_recorded_is_answered_and_the_process_log_says_so(
    service: Service, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is asserted by a 500, so that it may leave without a record."""
    service.log.close()
    response = client.post(url_of("order-sign"), data=encode(unsent("order-sign")))
    trace = response.get_json(force=True)["issue"][0]["diagnostics"].split()[-1]

    assert response.status_code == 500
    assert f"trace {trace}: not recorded: NotRecorded" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/cds-services", b""),
        ("GET", url_of("order-sign"), b""),
        ("POST", url_of("nothing"), encode(call("order-sign"))),
        ("POST", f"{url_of('order-sign')}/feedback", b"{}"),
        ("POST", url_of("order-sign"), b" " * (MAX_BODY + 1)),
    ],
    ids=["discovery", "no POST", "no such service", "feedback", "too large to be read"],
)
def test_what_calls_no_hook_leaves_no_record(
    client: FlaskClient, tmp_path: Path, method: str, path: str, body: bytes
) -> None:
    """The log is one of hook invocations."""
    client.open(path, method=method, data=body)

    assert kept(tmp_path) == []
