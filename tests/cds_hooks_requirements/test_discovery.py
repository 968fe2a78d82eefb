"""CDS Hooks, Discovery: what services there are, and by which members they are described."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from every_hook import HOOK_NAMES, JsonObject, call
from wire import Wire, open_wire

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.fhir.resource import decode
from cds_service.settings import Settings


def is_text(value: Any) -> bool:
    """Whether a value is a string that tells something."""
    return isinstance(value, str) and bool(value.strip())


def is_object_of_texts(value: Any) -> bool:
    """Whether a value is an object whose members are strings."""
    return isinstance(value, dict) and bool(value) and all(map(is_text, value.values()))


def is_object(value: Any) -> bool:
    """Whether a value is an object with members."""
    return isinstance(value, dict) and bool(value)


# Each member that CDS Hooks has for a service, with what it must be.
MEMBERS: Mapping[str, Callable[[Any], bool]] = {
    "hook": is_text,
    "title": is_text,
    "description": is_text,
    "id": is_text,
    "prefetch": is_object_of_texts,
    "usageRequirements": is_text,
    "version": is_text,
    "hookVersion": is_text,
    "extension": is_object,
}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    """The service over HTTP."""
    return open_wire(tmp_path_factory.mktemp("wire") / "library")


@pytest.fixture(scope="module")
def services(wire: Wire) -> Mapping[str, JsonObject]:
    """What discovery lists, by the hook it is for."""
    return {service.get("hook", ""): service for service in wire.services()}


@pytest.mark.cds_hooks("discovery-1")
def test_discovery_is_at_its_address_whatever_else_happens(wire: Wire) -> None:
    """Without credentials or headers, before and after calls that are refused, and each time."""
    first = wire.client.get("/cds-services")
    wire.post("order-sign-crd", b"{")
    second = wire.client.get("/cds-services")

    assert [answer.status_code for answer in (first, second)] == [200, 200]
    assert first.mimetype == "application/json"
    assert first.data == second.data


@pytest.mark.cds_hooks("discovery-1", "discovery-2")
def test_a_service_without_policies_can_be_discovered(tmp_path: Any) -> None:
    """Discovery does not depend on what is hosted."""
    settings = Settings(builtin_library=False, database_url=f"sqlite:///{tmp_path / 'log.sqlite3'}")
    service = build_service(settings, ehr=None)
    answer = open_site(service, settings).app.test_client().get("/cds-services")
    service.log.close()

    assert answer.status_code == 200
    assert len(decode(answer.data)["services"]) == len(HOOK_NAMES)


@pytest.mark.cds_hooks("discovery-2")
def test_discovery_is_an_object_that_lists_the_services(wire: Wire) -> None:
    """An array under `services`, and nothing beside it."""
    body = decode(wire.client.get("/cds-services").data)

    assert list(body) == ["services"]
    assert [type(service) for service in body["services"]] == [dict] * len(HOOK_NAMES)


@pytest.mark.cds_hooks("discovery-3")
def test_each_service_names_its_hook_by_the_hooks_own_name(wire: Wire) -> None:
    """One for each of the six hooks."""
    hooks = [service.get("hook", "") for service in wire.services()]

    assert sorted(hooks) == sorted(HOOK_NAMES)


@pytest.mark.cds_hooks("discovery-3", "discovery-5")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_the_service_at_an_id_answers_the_hook_it_names(
    wire: Wire, services: Mapping[str, JsonObject], hook: str
) -> None:
    """The address is made of the id; there another hook's call is refused."""
    path = services[hook]["id"]
    answers = {
        called: wire.client.post(f"/cds-services/{path}", json=call(called))
        for called in HOOK_NAMES
    }

    assert {called for called, answer in answers.items() if answer.status_code == 200} == {hook}
    assert {answer.status_code for answer in answers.values()} == {200, 400}


@pytest.mark.cds_hooks("discovery-4")
def test_each_service_is_described(services: Mapping[str, JsonObject]) -> None:
    """In words of its own, for people: a sentence, and no other hook's."""
    descriptions = [str(service.get("description", "")) for service in services.values()]

    assert len(descriptions) == len(HOOK_NAMES)
    assert all(is_text(description) and " " in description for description in descriptions)
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.cds_hooks("discovery-5")
def test_each_id_is_a_segment_of_an_address(services: Mapping[str, JsonObject]) -> None:
    """It needs no escaping, and no two services share one, as only one hook may be meant."""
    ids = [service["id"] for service in services.values()]

    assert len(set(ids)) == len(HOOK_NAMES)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz-") for name in ids)


@pytest.mark.cds_hooks("discovery-6")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_service_is_described_by_the_members_there_are(
    services: Mapping[str, JsonObject], hook: str
) -> None:
    """Names that CDS Hooks has, values of the types it gives them."""
    service = services[hook]
    wrong = [name for name, value in service.items() if not MEMBERS[name](value)]

    assert wrong == []
    assert {"title", "usageRequirements", "prefetch", "extension"} <= set(service)


@pytest.mark.cds_hooks("discovery-7")
def test_no_service_claims_a_version_of_its_hook(services: Mapping[str, JsonObject]) -> None:
    """The guide and the published hook disagree on one, so none is claimed that could be wrong."""
    assert len(services) == len(HOOK_NAMES)
    assert [hook for hook, service in services.items() if "hookVersion" in service] == []
