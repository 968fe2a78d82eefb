"""CDS Hooks, Action and System Action: what an action says and holds, on cards and beside them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from every_hook import HOOK_NAMES, JsonObject, asked_about, call, minimal_orders, reference
from fhir.resources.R4B import get_fhir_model_class
from hook_requests import service_request
from proposal_library import DEFINITIONS, proposing, replacement
from small_library import organization
from wire import (
    ACME,
    PROPOSING,
    Exchange,
    Wire,
    every_exchange,
    every_suggested_action,
    every_system_action,
    hooks_called,
    open_wire,
)

OURS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
TYPES = {"create", "update", "delete"}
# What the orders of each type may be replaced by, of the definitions that the policies have.
REPLACEMENTS = {"ServiceRequest": "smaller", "DeviceRequest": "device", "MedicationRequest": "drug"}
# What a proposal may change on an order, by the policies of these tests.
CHANGED = {"code", "quantityQuantity", "occurrenceDateTime"}
OTHER = {"url": "https://acme.example.invalid/priority", "valueDecimal": 1.5}
RICH: JsonObject = {
    "identifier": [{"system": "https://ehr.example.invalid/orders", "value": "17"}],
    "priority": "routine",
    "note": [{"text": "as discussed"}],
    "extension": [OTHER, {**OTHER, "valueDecimal": 2}],
    "contained": [{"resourceType": "Device", "id": "aid"}],
    "meta": {"versionId": "3"},
    "text": {"status": "empty", "div": "<div/>"},
    "_authoredOn": {"extension": [{"url": "https://ehr.example.invalid/x", "valueCode": "x"}]},
    "unheardOf": {"kept": [1, 2.50, True]},
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


def suggested() -> list[JsonObject]:
    """The actions of all suggestions, of each type there is."""
    actions = every_suggested_action()
    assert len(actions) > 20
    return actions


def system() -> list[JsonObject]:
    """The system actions of all answers, of every hook."""
    assert hooks_called() == {
        exchange.hook for exchange in every_exchange() if exchange.body.get("systemActions")
    }
    return every_system_action()


def in_prose(value: object) -> bool:
    """Whether a value is a string of words."""
    return isinstance(value, str) and len(value.split()) > 1


def requested(exchange: Exchange) -> Mapping[str, JsonObject]:
    """Every resource that came with a call, by its reference."""
    return {reference(found): found for found in _resources(exchange.request)}


def _resources(value: Any) -> Iterator[JsonObject]:
    if isinstance(value, dict) and "resourceType" in value and "id" in value:
        yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner in inside:
        yield from _resources(inner)


def less_ours(resource: JsonObject) -> JsonObject:
    """A resource without the coverage information on it."""
    kept = [found for found in resource.get("extension", ()) if found["url"] != OURS]
    rest = {name: value for name, value in resource.items() if name != "extension"}
    return {**rest, **({"extension": kept} if kept else {})}


@pytest.mark.cds_hooks("action-1")
def test_every_action_has_a_type() -> None:
    """Of suggestions all three occur; what needs no asking only updates."""
    assert {action["type"] for action in suggested()} == TYPES
    assert {action["type"] for action in system()} == {"update"}


@pytest.mark.cds_hooks("action-2")
def test_every_action_is_described() -> None:
    """In words; a system action too, as 2.0 asks."""
    assert all(in_prose(action["description"]) for action in suggested())
    assert all(in_prose(action["description"]) for action in system())


@pytest.mark.cds_hooks("response-2")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_system_actions_are_actions(wire: Wire, hook: str) -> None:
    """An array of objects, with the members that an action of a suggestion has."""
    actions = wire.answer(call(hook))["systemActions"]

    assert isinstance(actions, list)
    assert [set(action) for action in actions] == [{"type", "description", "resource"}]
    assert actions[0]["resource"]["resourceType"] == asked_about(hook)["resourceType"]


@pytest.mark.cds_hooks("action-3")
def test_what_is_created_is_a_new_resource() -> None:
    """A resource of FHIR that no call had, each under an id of its own."""
    created = [action["resource"] for action in suggested() if action["type"] == "create"]
    came = {name for exchange in every_exchange() for name in requested(exchange)}
    names = [reference(resource) for resource in created]

    assert {resource["resourceType"] for resource in created} == {"ServiceRequest", "Task"}
    assert len(set(names)) == len(names)
    assert not set(names) & came
    for resource in created:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.cds_hooks("action-4")
def test_what_is_updated_is_the_whole_resource() -> None:
    """A system action changes nothing but our extension, a proposal what its policy names."""
    updates = 0
    for exchange in every_exchange():
        came = requested(exchange)
        for action in exchange.body.get("systemActions", ()):
            resource = action["resource"]
            assert less_ours(resource) == less_ours(came[reference(resource)])
            updates += 1

    assert updates > 100


@pytest.mark.cds_hooks("action-4")
def test_an_update_holds_what_nobody_here_reads(wire: Wire) -> None:
    """Elements, extensions and members we do not know go back, in both kinds of update."""
    order = service_request(PROPOSING, **RICH)
    body = json.loads(wire.send(call("order-sign", order, member=ACME)).data)
    written = json.loads(json.dumps(order))
    (annotated,) = [action["resource"] for action in body["systemActions"]]
    proposed = [
        action["resource"]
        for card in body["cards"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion.get("actions", ())
        if action["type"] == "update" and action["resource"]["resourceType"] == "ServiceRequest"
    ]

    assert less_ours(annotated) == written
    assert len(proposed) == 2
    for resource in proposed:
        kept = {name: value for name, value in written.items() if name not in CHANGED}
        assert {name: resource[name] for name in kept} == kept


@pytest.mark.cds_hooks("action-5")
def test_what_is_deleted_is_named_by_a_relative_reference() -> None:
    """To the order of the call; there is no resource beside it."""
    deletions = [
        (action, exchange)
        for exchange in every_exchange()
        for card in exchange.cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion.get("actions", ())
        if action["type"] == "delete"
    ]

    assert len(deletions) > 5
    for action, exchange in deletions:
        assert set(action) == {"type", "description", "resourceId"}
        assert action["resourceId"] in requested(exchange)


@pytest.mark.cds_hooks("action-5")
@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_what_is_deleted_is_named_by_its_own_type(tmp_path: Path, kind: str) -> None:
    """An order of any type may be replaced by one like it."""
    offered = proposing(replacement(defined=REPLACEMENTS[kind]), codes=(), kind=kind)
    wire = open_wire(tmp_path / "library", organization(), *DEFINITIONS, offered)
    order = minimal_orders(PROPOSING)[kind]
    answer = wire.answer(call("order-sign", order, member=ACME))
    (deletion,) = [
        action
        for card in answer["cards"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        if action["type"] == "delete"
    ]

    assert deletion["resourceId"] == reference(order)


@pytest.mark.cds_hooks("action-1", "action-3", "action-4", "response-2")
def test_an_action_that_deletes_nothing_holds_a_resource() -> None:
    """And no reference beside it."""
    holding = [action for action in suggested() if action["type"] != "delete"]

    assert {action["type"] for action in holding} == {"create", "update"}
    assert {frozenset(action) for action in (*holding, *system())} == {
        frozenset({"type", "description", "resource"})
    }
