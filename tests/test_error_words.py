"""The words of errors: whatever a refused request holds, its error repeats nothing of the patient.

A marker is planted in each text and each name of each kind of refused call, one at a time.
"""

import copy
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from answering import Service, make_service
from every_hook import HOOK_NAMES, MEMBERS, JsonObject, by_type, call, with_token
from fake_ehr import Behaviour, FakeEhr, respond, status
from hook_requests import COMMERCIAL_PPO, bundle, coverage, patient, service_request
from scripted_ehr import ScriptedEhr, always

from cds_service.crd.codes import PAYER_ID
from cds_service.ehr.client import RequestsEhr
from cds_service.errors import HookError
from cds_service.fhir.outcome import outcome_of
from cds_service.fhir.resource import encode

MARKER = "Canaryxq"
Path = tuple[str | int, ...]
ORGANIZATION: JsonObject = {
    "resourceType": "Organization",
    "id": "payer-7",
    "identifier": [{"system": PAYER_ID, "value": "somebody-else"}],
}
BY_REFERENCE = coverage(payor=[{"reference": "Organization/payer-7", "display": "Somebody"}])
OF_A_PERSON = coverage(
    payor=[{"reference": "Patient/member-1", "identifier": {"system": "urn:mrn", "value": "7"}}]
)
MEMBER_NUMBER = {
    "type": {"coding": [{"code": "MB"}]},
    "system": "urn:members",
    "value": "8",
}


def refused(hook: str) -> dict[str, JsonObject]:
    """Calls of a hook that are refused, by why they are."""
    sound = with_token(call(hook))
    context = sound["context"]
    return {
        "no hookInstance": {**sound, "hookInstance": ""},
        "no patient": {**sound, "context": {**context, "patientId": None}},
        "version": with_token(call(hook, version="9.9")),
        "payer": with_token(call(hook, member=MEMBERS["elsewhere"])),
        "payer by reference": call(hook, member=[patient(), BY_REFERENCE]),
        "payer at hand": with_token(call(hook, member=[patient(), BY_REFERENCE, ORGANIZATION])),
        "a person pays": with_token(call(hook, member=[patient(), OF_A_PERSON])),
        "a member's number": with_token(
            call(hook, member=[patient(), coverage(payor=[{"identifier": MEMBER_NUMBER}])])
        ),
        "several": with_token(
            call(hook, member=[*MEMBERS["medicare"], coverage("anthem", COMMERCIAL_PPO, id="2")])
        ),
        "two of one id": with_token(
            call(hook, member=[*MEMBERS["medicare"], coverage(status="draft")])
        ),
        "no Coverage": with_token(call(hook, member=[patient()])),
        "Coverage not sent": {**sound, "prefetch": {"patient": bundle(patient())}},
        "nothing sent": {**sound, "prefetch": {}},
        "nowhere to ask": {**call(hook), "prefetch": {"patient": patient()}},
        "no id": with_token(call(hook, member=[patient(), coverage(id=None)])),
    }


def twofold(hook: str) -> JsonObject:
    """A call with two different orders of one id."""
    orders = [service_request("0600T"), service_request("99213")]
    request = call(hook, *orders)
    return {
        **request,
        "prefetch": {**request["prefetch"], **by_type([*orders, *MEMBERS["medicare"]])},
    }


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every text in a JSON value."""
    if isinstance(value, str):
        yield path
    if isinstance(value, dict):
        for name, held in value.items():
            yield from places(held, (*path, name))
    if isinstance(value, list):
        for number, held in enumerate(value):
            yield from places(held, (*path, number))


def holder(request: JsonObject, path: Path) -> Any:
    """What holds the value at a path."""
    held: Any = request
    for step in path[:-1]:
        held = held[step]
    return held


def planted(request: JsonObject) -> Iterator[tuple[Path, JsonObject]]:
    """The request with the marker in one place after another: instead, behind, in front, as name.

    The identifiers of payers are told on purpose; a token of another type is none.
    """
    for path in places(request):
        if is_told(request, path):
            continue
        text = holder(request, path)[path[-1]]
        for words in (MARKER, f"{text}{MARKER}", f"{MARKER}/{text}"):
            changed = copy.deepcopy(request)
            holder(changed, path)[path[-1]] = words
            yield path, changed
        if isinstance(path[-1], str):
            renamed = copy.deepcopy(request)
            within = holder(renamed, path)
            within[MARKER] = within.pop(path[-1])
            yield path, renamed


def is_told(request: JsonObject, path: Path) -> bool:
    """Whether a path is to the system or value of a payer's identifier, and of nobody else's."""
    if "identifier" not in path or path[-1] not in ("system", "value"):
        return False
    within: Any = request
    for step in path[: path.index("identifier")]:
        within = within[step]
    is_payers = "payor" in path or within.get("resourceType") == "Organization"
    of_person = within.get("reference", "").startswith("Patient") or "type" in holder(request, path)
    return is_payers and not of_person


def error_of(service: Service, hook: str, request: JsonObject) -> str:
    """The body of the error that a call gets; empty if it is answered."""
    try:
        service.pipelines[hook].respond(encode(request))
    except HookError as error:
        return encode(outcome_of(error)).decode()
    return ""


@pytest.fixture(scope="module")
def service() -> Service:
    """A service whose EHR fails whatever it is asked."""
    return make_service(ScriptedEhr(fails=always))


@pytest.mark.crd("sec-1", "hook-10")
@pytest.mark.parametrize("why", refused("order-sign"))
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_no_error_repeats_what_a_request_holds(service: Service, hook: str, why: str) -> None:
    """Texts and names anywhere in it, but for the identifiers of payers."""
    request = refused(hook)[why]
    assert error_of(service, hook, request)

    repeated = [
        (path, body)
        for path, changed in planted(request)
        if MARKER in (body := error_of(service, hook, changed))
    ]

    assert repeated == []


@pytest.mark.crd("sec-1", "hook-10")
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "appointment-book"])
def test_no_error_repeats_the_id_that_two_orders_share(service: Service, hook: str) -> None:
    """It is told that two have one, and of which type they are."""
    request = twofold(hook)
    body = error_of(service, hook, request)

    assert "have one id" in body or hook == "appointment-book"
    assert "order-1" not in body


def test_the_identifiers_of_payers_are_repeated(service: Service) -> None:
    """Or the check above could not fail: they are what tells an integrator what to change."""
    request = call("order-sign", member=[patient(), coverage(MARKER)])

    assert MARKER in error_of(service, "order-sign", request)


def unlike_json(words: bytes) -> Behaviour:
    """A server that sends a page for people."""
    return respond(words, Content_Type="text/html")


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (status(401), "HTTP status 401"),
        (status(503), "HTTP status 503"),
        (unlike_json(b"<html>Please log in</html>"), "the response is HTML or XML, not JSON"),
    ],
    ids=["401", "503", "HTML"],
)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_412_names_what_came_back_from_the_ehr(
    hook: str, behaviour: Behaviour, words: str
) -> None:
    """Beside what was asked for, so that the EHR's engineer need not ask ours."""
    with FakeEhr(behaviour) as ehr, closing(RequestsEhr()) as asks:
        request = {**with_token(call(hook)), "prefetch": {}, "fhirServer": ehr.base}
        body = error_of(make_service(asks), hook, request)

    assert "Coverage?patient={id}&status=active" in body
    assert words in body
    assert ehr.base not in body


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://ehr.example.invalid/fhir", "`--ehr`"),
        ("http://127.0.0.1:1/fhir", "the server refuses connections"),
    ],
)
def test_a_412_names_why_nobody_could_be_asked(address: str, words: str) -> None:
    """Not on the list, or not there."""
    with closing(RequestsEhr()) as asks:
        request = {**with_token(call("order-sign")), "prefetch": {}, "fhirServer": address}
        body = error_of(make_service(asks), "order-sign", request)

    assert words in body
    assert address not in body
