"""CRD page Privacy, Safety, and Security: where what comes goes to, and where it is kept."""

import json
import logging
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

import pytest
from crd_command import serving, url_of
from ehr.asking import asking
from every_hook import (
    HOOK_NAMES,
    LISTED,
    TOKEN,
    JsonObject,
    asked_about,
    call,
    record_of,
    status_of,
    with_token,
)
from fake_ehr import Call, FakeEhr, bundle, resource
from hook_requests import coverage, patient
from outbound.certificates import Authority, make_signer
from outbound.getting import QUERY
from watched_command import FILES, NETWORK, PROCESSES, Event, command, read_events

from cds_service.ehr.client import RequestsEhr

LARGE = "large " * 300_000  # as a server might put into a file, on its way in or out
MEMBER = "member-1"
FEEDBACK: JsonObject = {
    "feedback": [
        {
            "card": "00000000-0000-4000-8000-000000000001",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-20T12:00:00Z",
        }
    ]
}
DIRECTORIES = (
    "HOME",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)
# The log, and the signed checkpoints of it, which hold hashes alone.
LOG = {f"data/crd.sqlite3{part}" for part in ("", "-wal", "-shm")} | {"data/checkpoints"}

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A served process: its events while all was sent and while it had to query, and the files.

    `before` the calls, `between` them and the stop, and `after` it; by path in `directory`.
    `events` are those of the start too.
    """

    events: Mapping[str, list[Event]]
    ehr: tuple[str, int]
    queries: list[str]
    directory: Path
    before: Files
    between: Files
    after: Files


def files(directory: Path) -> Files:
    """Every file under a directory with its content."""
    found = {file: file for file in directory.rglob("*") if file.is_file()}
    return {file.relative_to(directory).as_posix(): file.read_bytes() for file in found}


def give(asked: Call) -> None:
    """Reply to a query of any call with what it is about."""
    kind, _, _ = asked.path.removeprefix("/fhir/").partition("?")
    held = {
        "Patient/member-1": patient(),
        "ServiceRequest/order-1": asked_about("order-dispatch"),
        "Encounter/encounter-1": asked_about("encounter-start"),
    }
    if kind == "Coverage":
        bundle(coverage())(asked)
    else:
        resource(held[kind]["resourceType"], **_members(held[kind]))(asked)


def _members(held: JsonObject) -> JsonObject:
    return {name: value for name, value in held.items() if name != "resourceType"}


def whole(ehr: FakeEhr) -> Iterator[JsonObject]:
    """Calls that could query and need not, one of them large."""
    for hook in HOOK_NAMES:
        yield {**with_token(call(hook)), "fhirServer": ehr.base}
    order = asked_about("order-sign", note=[{"text": LARGE}])
    yield {**with_token(call("order-sign", order)), "fhirServer": ehr.base}


def empty(ehr: FakeEhr) -> Iterator[JsonObject]:
    """Calls that have to query."""
    for request in whole(ehr):
        yield {**request, "prefetch": {}}


def post(service: str, request: JsonObject) -> None:
    """Make a call, which is answered."""
    body = send(f"{service}/cds-services/{request['hook']}-crd", request)
    assert b'"covered"' in body


def send(url: str, value: JsonObject) -> bytes:
    """The body of the response, or of the error."""
    try:
        with urllib.request.urlopen(url, data=json.dumps(value).encode(), timeout=60) as response:
            return bytes(response.read())
    except HTTPError as error:
        with error:
            return error.read()


def react(service: str) -> None:
    """Send what is no call to be answered: one that is refused, and feedback."""
    url = f"{service}/cds-services/order-sign-crd"
    assert b"OperationOutcome" in send(url, {**call("order-sign"), "hookInstance": MEMBER})
    assert send(f"{url}/feedback", FEEDBACK) == b"{}"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A process that has but one directory for anything, through calls of all hooks."""
    notes = tmp_path_factory.mktemp("notes") / "events"
    directory = tmp_path_factory.mktemp("everything")
    environment = {**dict.fromkeys(DIRECTORIES, str(directory)), "PYTHONDONTWRITEBYTECODE": "1"}
    with FakeEhr(give) as ehr:
        with serving(
            "--data-dir",
            directory / "data",
            command=command(notes),
            cwd=directory,
            **environment,
        ) as (_, lines):
            before, started = files(directory), read_events(notes)
            begun = len(started)
            for request in whole(ehr):
                post(url_of(lines), request)
            react(url_of(lines))
            without_queries = read_events(notes, begun)
            for request in empty(ehr):
                post(url_of(lines), request)
            between = files(directory)
            with_queries = read_events(notes, begun + len(without_queries))
        return Watched(
            events={"start": started, "all sent": without_queries, "queries": with_queries},
            ehr=("127.0.0.1", ehr.port),
            queries=ehr.queries,
            directory=directory,
            before=before,
            between=between,
            after=files(directory),
        )


def named(events: list[Event], names: tuple[str, ...]) -> list[Event]:
    """The events of these names."""
    return [event for event in events if event.name in names]


@pytest.mark.crd("sec-5")
def test_what_is_sent_whole_leaves_for_nowhere(watched: Watched) -> None:
    """No connection, no name asked for, no other process: all hooks, a refused call, feedback."""
    assert named(watched.events["all sent"], (*NETWORK, *PROCESSES)) == []


@pytest.mark.crd("sec-5")
def test_what_has_to_be_queried_leads_to_the_ehr_of_the_call_alone(watched: Watched) -> None:
    """Its address is the only one that is connected to or looked up."""
    events = watched.events["queries"]
    connected = [event.arguments[0] for event in named(events, ("socket.connect",))]
    others = [event for event in named(events, NETWORK) if event.name != "socket.connect"]

    assert {tuple(address) for address in connected} == {watched.ehr}
    assert {event.arguments[0] for event in others} == {watched.ehr[0]}
    assert named(events, PROCESSES) == []
    assert len(watched.queries) > len(HOOK_NAMES)


@pytest.mark.crd("sec-6")
def test_of_all_files_only_the_logs_have_changed(watched: Watched) -> None:
    """After calls of all hooks, and after the stop, nothing else was added, changed or deleted."""
    for now in (watched.between, watched.after):
        paths = watched.before.keys() | now.keys()
        changed = {path for path in paths if watched.before.get(path) != now.get(path)}
        assert "data/crd.sqlite3-wal" in changed
        assert changed <= LOG


@pytest.mark.crd("sec-6")
def test_a_file_is_written_nowhere_else(watched: Watched) -> None:
    """Not even where temporary files go: a body stays in memory while it is read."""
    events = [*watched.events["all sent"], *watched.events["queries"]]
    written = {str(event.arguments[0]) for event in named(events, FILES)}
    at_start = {str(event.arguments[0]) for event in named(watched.events["start"], FILES)}
    data = watched.directory / "data"

    assert str(data) in at_start  # so that what is written is seen
    assert written <= {str(data), str(data / "checkpoints")}  # hashes of the log, now and then


@pytest.mark.crd("sec-6")
def test_each_call_asks_the_ehr_anew(watched: Watched) -> None:
    """Nothing that it replied to one call is there for the next."""
    many = len(HOOK_NAMES) + 1

    assert watched.queries.count("Coverage?patient=member-1&status=active") == many
    assert watched.queries.count("Patient/member-1") == many


@pytest.mark.crd("sec-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_what_came_is_kept_in_the_log_of_answers_alone_and_without_its_token(
    hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The patient is in the audit record but not in the process's log; the token is in neither."""
    caplog.set_level(logging.DEBUG)
    (record,) = record_of(with_token(call(hook))).records

    assert TOKEN.encode() not in record.request + record.response + record.decisions
    assert MEMBER not in caplog.text
    assert LISTED not in caplog.text


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that nobody trusts who is not told to."""
    signer = make_signer("authority.example.invalid")
    return Authority(tmp_path_factory.mktemp("certificates"), signer)


@pytest.mark.crd("sec-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_ehr_is_queried_over_tls_where_its_certificate_is_trusted(
    hook: str, authority: Authority
) -> None:
    """The whole of a call; where it is not trusted no query and no token leaves."""
    with FakeEhr(give, tls=authority.server()) as ehr:
        trusting = _queries(hook, ehr, ca_file=authority.ca_file)
        distrusting = _queries(hook, ehr, ca_file="")

    assert len(trusting) > 1
    assert distrusting == []


def _queries(hook: str, ehr: FakeEhr, *, ca_file: str) -> list[str]:
    """What a call of a hook asks of an EHR that is allowed to be asked."""
    before = len(ehr.queries)
    request = {**with_token(call(hook)), "prefetch": {}, "fhirServer": ehr.base}
    with closing(RequestsEhr([ehr.base], ca_file=ca_file)) as client:
        status_of(request, ehr=client)
    return ehr.queries[before:]


@pytest.mark.crd("sec-2")
def test_the_next_page_is_not_asked_for_without_tls(authority: Authority) -> None:
    """An EHR that is asked over TLS cannot send us, and the token, to the same place without."""
    with FakeEhr(bundle()) as plain, FakeEhr(bundle(), tls=authority.server()) as ehr:
        ehr.on(QUERY, bundle(coverage(), next_page=f"{plain.base}/{QUERY}&page=2"))
        with asking([ehr.base], ca_file=authority.ca_file) as asker:
            reply = asker.ask_one(ehr.base)

    assert (reply.resources, plain.connections) == ((), 0)
    assert reply.failure == "the server sends us to another one"
