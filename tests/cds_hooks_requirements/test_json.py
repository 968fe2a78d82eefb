"""CDS Hooks, Use of JSON and Extensions: JSON both ways, nothing null or empty, extensions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from every_hook import HOOK_NAMES, PRIMARY, VERSIONS, JsonObject, asked_about, call
from fhir.resources.R4B import get_fhir_model_class
from wire import (
    ACME,
    PROPOSING,
    Exchange,
    Wire,
    every_exchange,
    every_suggested_action,
    every_system_action,
    open_wire,
)

from cds_service.fhir.resource import encode

NOTHING: tuple[Any, ...] = (None, "", [], {})
OURS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
# Where an empty value may stand: no guidance, and what CRD 2.0 asks for on primary hooks.
NO_CARDS, NO_ACTIONS = "$.cards", "$.systemActions"
# What CRD puts into extensions of CDS Hooks' own objects.
AGREED_FOR_SERVICES = {"davinci-crd.version", "davinci-crd.configuration-options"}
AGREED_FOR_CARDS = {"davinci-crd.associated-resource"}
SLOPPY: JsonObject = {
    "code": {"coding": [{"system": "", "code": None, "display": ""}], "text": ""},
    "serviceType": [{"coding": [], "text": ""}],
    "type": [{"text": None}],
    "note": [],
    "authoredOn": None,
    "extension": [],
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def empties(value: Any, path: str = "$") -> Iterator[str]:
    """The path of each value inside that is null, or an empty string, array or object."""
    if value in NOTHING:
        yield path
    match value:
        case dict():
            for name, inner in value.items():
                yield from empties(inner, f"{path}.{name}")
        case list():
            for inner in value:
                yield from empties(inner, f"{path}[]")


def written(value: Any) -> Any:
    """The same JSON less what is only given back: of an updated resource what is ours is left."""
    match value:
        case {"type": "update", "resource": dict(resource)}:
            ours = [found for found in resource.get("extension", ()) if found["url"] == OURS]
            return {**value, "resource": ours or "nothing of ours"}
        case dict():
            return {name: written(inner) for name, inner in value.items()}
        case list():
            return [written(inner) for inner in value]
    return value


def sloppy_answers(wire: Wire) -> Iterator[Exchange]:
    """Answers to calls that hold nulls and empties wherever they may, or an order without id."""
    for hook in HOOK_NAMES:
        for version in VERSIONS:
            about = asked_about(hook, **SLOPPY)
            request = call(hook, about, version=version, member=ACME)
            yield Exchange(hook=hook, version=version, request=request, body=wire.answer(request))
    for version in VERSIONS:
        about = asked_about("order-sign", PROPOSING)
        unnamed = {name: value for name, value in about.items() if name != "id"}
        request = call("order-sign", unnamed, version=version, member=ACME)
        body = wire.answer(request)
        assert any("suggestions" in card for card in body["cards"])
        yield Exchange(hook="order-sign", version=version, request=request, body=body)


def refusals(wire: Wire) -> list[Any]:
    """The answers that are errors, of every status a caller can bring about."""
    sound = call("order-sign")
    sent = [
        wire.post("order-sign-crd", b"{"),
        wire.post("order-sign-crd", b"[]"),
        wire.send({**sound, "context": {}}),
        wire.send({**sound, "prefetch": {}}),
        wire.send(call("order-sign", version="9.9")),
        wire.post("nowhere", b"{}"),
        wire.post("order-sign-crd/feedback", b"{}"),
        wire.client.get("/cds-services/order-sign-crd"),
        wire.client.get("/nothing/here"),
    ]
    assert {response.status_code for response in sent} == {400, 404, 405, 412, 422}
    return sent


@pytest.mark.cds_hooks("json-1")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_bodies_are_json_both_ways(wire: Wire, hook: str) -> None:
    """Discovery, answers and errors are objects in JSON and say so; another body is refused."""
    answers = [wire.client.get("/cds-services"), wire.send(call(hook)), *refusals(wire)]

    assert {response.mimetype.rpartition("+")[2].rpartition("/")[2] for response in answers} == {
        "json"
    }
    assert {type(json.loads(response.data)) for response in answers} == {dict}
    for body in (b"hook=order-sign", b"<hook/>", b"hook: order-sign", b""):
        assert wire.post(f"{hook}-crd", body).status_code == 400


@pytest.mark.cds_hooks("json-2")
def test_what_the_service_writes_in_fhir_is_fhir_json(wire: Wire) -> None:
    """Outcomes, created resources and what is put onto an order are read by FHIR's own models."""
    created = [
        action["resource"] for action in every_suggested_action() if action["type"] == "create"
    ]
    put_on = [
        extension
        for action in every_system_action()
        for extension in action["resource"]["extension"]
        if extension["url"] == OURS
    ]
    outcomes = [response.get_json(force=True) for response in refusals(wire)]
    assert {resource["resourceType"] for resource in created} == {"ServiceRequest", "Task"}
    assert len(put_on) > 100

    for resource in (*created, *outcomes):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    for extension in put_on:
        get_fhir_model_class("Extension").model_validate(extension)


@pytest.mark.cds_hooks("json-3", "json-4", "json-5")
def test_nothing_in_discovery_is_null_or_empty(wire: Wire) -> None:
    """What has no value is left out."""
    services = wire.services()

    assert len(services) == len(HOOK_NAMES)
    assert list(empties({"services": services})) == []


@pytest.mark.cds_hooks("json-3", "json-4", "json-5")
def test_nothing_in_an_answer_is_null_or_empty_but_where_it_may_be(wire: Wire) -> None:
    """No cards may be an empty list; the rest has a value or is not there, whatever came."""
    exchanges = [*every_exchange(), *sloppy_answers(wire)]
    found = {
        (exchange.version, path)
        for exchange in exchanges
        for path in empties(written(exchange.body))
    }
    silent = {("2.0", NO_ACTIONS)}

    assert found - silent == {(version, NO_CARDS) for version in VERSIONS}


@pytest.mark.cds_hooks("json-3", "json-4", "json-5")
def test_nothing_in_an_error_is_null_or_empty(wire: Wire) -> None:
    """An outcome without a place has no place."""
    bodies = [json.loads(response.data) for response in refusals(wire)]

    assert list(empties(bodies)) == []


@pytest.mark.cds_hooks("json-4")
@pytest.mark.parametrize("version", [None, *VERSIONS])
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_an_empty_list_of_actions_is_for_primary_hooks_of_crd_2_0_alone(
    wire: Wire, hook: str, version: str | None
) -> None:
    """Testers of CRD 2.0.1 want the member; a client without a version is taken for one of 2.0."""
    answer = wire.answer(call(hook, version=version, settings={"coverage-info": False}))
    wants_empty = hook in PRIMARY and version in (None, "2.0")

    assert answer.get("systemActions", "absent") == ([] if wants_empty else "absent")


@pytest.mark.cds_hooks("extension-1")
def test_an_extension_is_an_object(wire: Wire) -> None:
    """In discovery and on cards, in every version: of members that the guide has agreed on."""
    on_services = [service["extension"] for service in wire.services()]
    on_cards = [
        card["extension"]
        for exchange in every_exchange()
        for card in exchange.cards
        if "extension" in card
    ]

    assert len(on_services) == len(HOOK_NAMES)
    assert {name for value in on_services for name in value} == AGREED_FOR_SERVICES
    assert {name for value in on_cards for name in value} == AGREED_FOR_CARDS
    assert {exchange.version for exchange in every_exchange() if exchange.cards} == set(VERSIONS)
    assert {type(value) for value in (*on_services, *on_cards)} == {dict}


@pytest.mark.cds_hooks("json-1")
def test_feedback_is_acknowledged_in_json(wire: Wire) -> None:
    """With an object that has no members: there is nothing to report."""
    response = wire.post("order-sign-crd/feedback", encode({"feedback": []}))

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert json.loads(response.data) == {}
