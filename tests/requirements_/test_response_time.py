"""CRD page Foundation, section Performance: every response comes within the time of its hook.

On the clock of the wall: what is kept is a deadline, by any machine. The calls over HTTP are all
made at once, for they mostly wait.
"""

import json
import time
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.error import HTTPError

import pytest
from crd_command import serving, url_of
from every_hook import HOOK_NAMES, JsonObject, ask, asked_about, call, with_token
from fake_ehr import FakeEhr
from fakes import NOON
from hook_requests import coverage, patient
from hypothesis import given
from hypothesis import strategies as st
from outbound import faults
from scripted_ehr import ScriptedEhr

from cds_service.crd.request.arrival import arrive
from cds_service.crd.request.hooks import HOOKS
from cds_service.settings import read_settings

# The guide's figures. That some hooks have ten seconds where nobody asked about the patient for a
# day is nothing that a server can count on.
SECONDS: Mapping[str, float] = {**dict.fromkeys(HOOK_NAMES, 5.0), "appointment-book": 10.0}
MOST_FOR_QUERIES = "9"
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "by default": (),
    "with the most for queries": ("--ehr-seconds", MOST_FOR_QUERIES),
}
# What is sent, and what the EHR does when it is asked for the rest. Neither comes to an end.
SENT = {
    "all of it": faults.silent,
    "nothing": faults.silent,
    "nothing, by an older client": faults.slow_body,
    "all but the payer": faults.slow_headers,
}
UNREAD_PAYER = (patient(), coverage(payor=[{"reference": "Organization/payer"}]))
PATIENCE = 60.0  # seconds, of a test that hangs
ONE_SECOND = 1.0  # what the fake pipeline may spend on queries
START = 1_000.0  # on a monotonic clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What came back over HTTP, and within how many seconds."""

    status: int
    body: JsonObject
    seconds: float


Calls = Mapping[tuple[str, str, str], Timed]  # by setting, hook, and what is sent


def request_of(hook: str, sent: str, ehr: str) -> JsonObject:
    """A call that may query the EHR at this address."""
    version = "2.0" if sent.endswith("older client") else "2.2"
    member = {"member": UNREAD_PAYER} if sent == "all but the payer" else {}
    request = {**with_token(call(hook, version=version, **member)), "fhirServer": ehr}
    return {**request, "prefetch": {}} if sent.startswith("nothing") else request


def post(service: str, request: JsonObject) -> Timed:
    """The response to a call, or the error, and the seconds until its last byte was here."""
    url, body = f"{service}/cds-services/{request['hook']}-crd", json.dumps(request).encode()
    start = time.monotonic()
    try:
        with urllib.request.urlopen(url, data=body, timeout=PATIENCE) as response:
            status, came = response.status, response.read()
    except HTTPError as error:
        with error:
            status, came = error.code, error.read()
    return Timed(status=status, body=json.loads(came), seconds=time.monotonic() - start)


def post_at_once(services: Mapping[str, str], ehrs: Mapping[str, FakeEhr]) -> Calls:
    """Every hook at each service with everything that is sent, all at the same time."""
    names = list(product(services, HOOK_NAMES, ehrs))
    with ThreadPoolExecutor(len(names)) as clients:
        under_way = {
            (setting, hook, sent): clients.submit(
                post, services[setting], request_of(hook, sent, ehrs[sent].base)
            )
            for setting, hook, sent in names
        }
        return {name: timed.result() for name, timed in under_way.items()}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """All calls, timed."""
    with ExitStack() as stack:
        ehrs = {sent: stack.enter_context(FakeEhr(behaviour)) for sent, behaviour in SENT.items()}
        services = {
            setting: _served(stack, tmp_path_factory.mktemp("data"), *options)
            for setting, options in SETTINGS.items()
        }
        timed = post_at_once(services, ehrs)

    asked = {sent: len(ehr.calls) for sent, ehr in ehrs.items()}
    assert asked.pop("all of it") == 0
    assert min(asked.values()) >= len(SETTINGS) * len(HOOK_NAMES)
    return timed


def _served(stack: ExitStack, data: Path, *options: str) -> str:
    _, lines = stack.enter_context(serving("--data-dir", data, *options))
    return url_of(lines)


@pytest.mark.crd("found-2")
@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_response_comes_in_time(calls: Calls, setting: str, hook: str, sent: str) -> None:
    """A response comes, or where nothing was sent a 412 that says why, whatever the EHR does."""
    timed = calls[setting, hook, sent]

    assert timed.seconds < SECONDS[hook]
    if sent.startswith("nothing") and timed.status == 412:
        assert "was not sent and could not be" in timed.body["issue"][0]["diagnostics"]
    else:
        assert (timed.status, "cards" in timed.body) == (200, True)


@pytest.mark.crd("found-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
@given(query_seconds=st.floats(0, float(MOST_FOR_QUERIES)))
def test_queries_end_a_second_before_a_response_is_due(hook: str, query_seconds: float) -> None:
    """Whatever an operator sets, and no order is begun in the last half of that second."""
    arrival = arrive(HOOKS[hook], NOON, START, query_seconds)

    assert arrival.queries_end <= START + min(query_seconds, SECONDS[hook] - 1)
    assert arrival.decisions_end <= START + SECONDS[hook] - 0.5


@pytest.mark.crd("found-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_all_queries_of_a_call_share_one_deadline(hook: str) -> None:
    """However many rounds they take."""
    held = [*UNREAD_PAYER, asked_about(hook)]
    ehr = ScriptedEhr(held, fails=lambda query: query.startswith("Organization"))
    before = time.monotonic()
    ask(with_token(call(hook, prefetch={})), ehr=ehr)

    assert len(ehr.deadlines) > 1
    assert (
        before + ONE_SECOND
        <= min(ehr.deadlines)
        == max(ehr.deadlines)
        <= time.monotonic() + ONE_SECOND
    )


def test_no_hook_has_more_time_for_queries_than_can_be_set() -> None:
    """The bound of the setting is what the slowest hook can use."""
    found = read_settings({"CRD_EHR_SECONDS": MOST_FOR_QUERIES}, {})

    assert found.ehr_seconds == max(hook.seconds for hook in HOOKS.values()) - 1
