"""CDS Hooks, Calling a CDS Service: what a call has to hold, and what each hook's context has to.

All of it is the client's to keep. The service answers calls that do, and refuses those that do not
by naming the place, but for what the table reads otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from every_hook import HOOK_NAMES, JsonObject, asked_about, call, covered, reference, with_token
from hook_requests import HOOK_INSTANCE
from scripted_ehr import ScriptedEhr
from werkzeug.test import TestResponse
from wire import Wire, open_wire

from cds_service.fhir.resource import decode

NOTHING: tuple[Any, ...] = (None, {})
NO_CONTEXTS: tuple[Any, ...] = (None, [], "", "patient", [{}])
ANOTHER = "7b0d7b7e-33f4-4b57-9a5c-0f6a1f2b3c4d"
# What each hook's context must hold, with values that are none of these.
CONTEXTS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "order-sign": {"userId": (5, ""), "patientId": (5, ""), "draftOrders": ("x", 5)},
    "order-select": {
        "userId": (5, ""),
        "patientId": (5, ""),
        "selections": ("x", 5),
        "draftOrders": ("x", 5),
    },
    "order-dispatch": {"patientId": (5, ""), "dispatchedOrders": (5, {})},
    "appointment-book": {"userId": (5, ""), "patientId": (5, ""), "appointments": ("x", 5)},
    "encounter-start": {"userId": (5, ""), "patientId": (5, ""), "encounterId": (5, "")},
    "encounter-discharge": {"userId": (5, ""), "patientId": (5, ""), "encounterId": (5, "")},
}


@pytest.fixture(scope="module")
def ehr() -> ScriptedEhr:
    """An EHR that has nothing."""
    return ScriptedEhr()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, ehr: ScriptedEhr) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library", ehr=ehr)


def without(value: JsonObject, name: str) -> JsonObject:
    """The same object without one member."""
    return {key: inner for key, inner in value.items() if key != name}


def refusal(response: TestResponse) -> tuple[int, str]:
    """The status of an answer and, if it is a refusal, the place and the words of its issue."""
    if response.status_code == 200:
        return 200, ""
    return response.status_code, decode(response.data)["issue"][0]["diagnostics"]


def missing(wire: Wire, request: JsonObject, name: str) -> bool:
    """Whether a call is refused with 400 because a member of the envelope is not there."""
    status, words = refusal(wire.send_to(request["hook"], without(request, name)))
    return status == 400 and f"'{name}'" in words


def refused_at(response: TestResponse, path: str) -> bool:
    """Whether a call is refused with 400 that names a place in the request."""
    status, words = refusal(response)
    return status == 400 and f"`{path}`" in words


@pytest.mark.cds_hooks("request-1")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_service_is_called_by_post(wire: Wire, hook: str) -> None:
    """With any content type or none; by no other method."""
    path, body = f"/cds-services/{hook}-crd", call(hook)
    typed = wire.client.post(path, json=body)

    assert covered(decode(typed.data)) == ["not-covered"]
    assert wire.send(body).status_code == 200
    assert [
        wire.client.open(path, method=method, json=body).status_code
        for method in ("GET", "PUT", "PATCH", "DELETE")
    ] == [405] * 4


@pytest.mark.cds_hooks("request-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_call_names_its_hook(wire: Wire, hook: str) -> None:
    """By its literal name; another one, in another case or none is refused."""
    request = call(hook)
    others = [name for name in HOOK_NAMES if name != hook]

    assert wire.send(request).status_code == 200
    assert missing(wire, request, "hook")
    for name in (*others, "patient-view", hook.upper(), "", None, 5, [hook]):
        assert refused_at(wire.send_to(hook, {**request, "hook": name}), "$.hook")


@pytest.mark.cds_hooks("request-3")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_call_has_an_instance_that_is_a_uuid(wire: Wire, hook: str) -> None:
    """It is recorded with the call; what is no UUID is refused, a prefix is tolerated."""
    request = call(hook, hookInstance=ANOTHER)

    assert wire.send(request).status_code == 200
    assert wire.log.records[-1].hook_instance == ANOTHER
    assert wire.send({**request, "hookInstance": ANOTHER.upper()}).status_code == 200
    assert wire.send({**request, "hookInstance": f"urn:uuid:{ANOTHER}"}).status_code == 200
    assert wire.log.records[-1].hook_instance == ANOTHER
    assert missing(wire, request, "hookInstance")
    for value in ("", "1", HOOK_INSTANCE[:-1], f"{HOOK_INSTANCE}0", None, 5):
        assert refused_at(wire.send({**request, "hookInstance": value}), "$.hookInstance")


@pytest.mark.cds_hooks("request-4")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_authorization_comes_with_the_server_it_is_for(wire: Wire, hook: str) -> None:
    """A server alone, or neither, is a call; an authorization alone is not."""
    both = with_token(call(hook))

    assert wire.send(both).status_code == 200
    assert wire.send(without(both, "fhirAuthorization")).status_code == 200
    assert wire.send(call(hook)).status_code == 200
    assert missing(wire, both, "fhirServer")
    for nothing in NOTHING:
        unauthorized = {**without(both, "fhirServer"), "fhirAuthorization": nothing}
        assert wire.send(unauthorized).status_code == 200


@pytest.mark.cds_hooks("request-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_call_has_a_context(wire: Wire, hook: str) -> None:
    """An object."""
    request = call(hook)

    assert missing(wire, request, "context")
    for value in NO_CONTEXTS:
        assert refused_at(wire.send({**request, "context": value}), "$.context")


def context_breaches(wire: Wire, hook: str) -> Iterator[str]:
    """What a call of a hook may lack, or have of a wrong type, in its context unnoticed."""
    request = call(hook)
    context = request["context"]
    assert wire.send(request).status_code == 200
    for name, wrong_values in CONTEXTS[hook].items():
        status, words = refusal(wire.send({**request, "context": without(context, name)}))
        if status != 400 or not re.search(rf"`\$\.context`.*'{name}'", words):
            yield f"no {name}: {status} {words}"
        for value in wrong_values:
            response = wire.send({**request, "context": {**context, name: value}})
            if not refused_at(response, f"$.context.{name}"):
                yield f"{name} {value}: {refusal(response)}"


@pytest.mark.cds_hooks("context-1")
def test_the_context_of_order_sign(wire: Wire) -> None:
    """The user, the patient and the drafts; an encounter if there is one."""
    request = call("order-sign")
    with_encounter = {**request["context"], "encounterId": "encounter-1"}

    assert list(context_breaches(wire, "order-sign")) == []
    assert wire.send({**request, "context": with_encounter}).status_code == 200


@pytest.mark.cds_hooks("context-2")
def test_the_context_of_order_select(wire: Wire) -> None:
    """The user, the patient, the drafts, and which of them are selected: those are answered."""
    drafts = [asked_about("order-select", id=f"order-{number}") for number in (1, 2)]
    request = call("order-select", *drafts)
    context = {**request["context"], "selections": [reference(drafts[1])]}
    answer = wire.answer({**request, "context": context})

    assert list(context_breaches(wire, "order-select")) == []
    assert [action["resource"]["id"] for action in answer["systemActions"]] == ["order-2"]


@pytest.mark.cds_hooks("context-3")
def test_the_context_of_order_dispatch(wire: Wire) -> None:
    """The patient and the orders; the performer may be missing, as nothing depends on it."""
    request = call("order-dispatch")
    alone = {**request, "context": without(request["context"], "performer")}

    assert list(context_breaches(wire, "order-dispatch")) == []
    assert request["context"]["performer"]
    for answered in (request, alone):
        assert covered(wire.answer(answered)) == ["not-covered"]


@pytest.mark.cds_hooks("context-3")
@pytest.mark.parametrize("name", ["order", "dispatched-orders"])
def test_the_orders_of_earlier_order_dispatch_are_read(wire: Wire, name: str) -> None:
    """Version 1.0 of the hook named one order, the first draft of 1.1 wrote its name otherwise."""
    request = call("order-dispatch", version="2.0")
    context = without(request["context"], "dispatchedOrders")
    named = request["context"]["dispatchedOrders"]
    earlier = {**context, name: named[0] if name == "order" else named}

    assert covered(wire.answer({**request, "context": earlier})) == ["not-covered"]


@pytest.mark.cds_hooks("context-4")
def test_the_context_of_appointment_book(wire: Wire) -> None:
    """The user, who may be the patient, the patient and the appointments."""
    request = call("appointment-book")
    booked_by_patient = {**request["context"], "userId": "Patient/member-1"}

    assert list(context_breaches(wire, "appointment-book")) == []
    assert wire.send({**request, "context": booked_by_patient}).status_code == 200


@pytest.mark.cds_hooks("context-5")
def test_the_context_of_encounter_start(wire: Wire) -> None:
    """The user, the patient and the encounter, without which there is nothing to answer."""
    assert list(context_breaches(wire, "encounter-start")) == []


@pytest.mark.cds_hooks("context-6")
def test_the_context_of_encounter_discharge(wire: Wire) -> None:
    """The same as when it started."""
    assert list(context_breaches(wire, "encounter-discharge")) == []
