"""CRD page Supported Hooks: the services as a client finds and calls them, over HTTP."""

from collections.abc import Iterator

import pytest
from coverage_information_rules import order_violations
from crowds import alternate
from every_hook import (
    VERSIONS,
    JsonObject,
    annotations,
    appointment,
    call,
    encounter,
    minimal_orders,
    reference,
    updates,
)
from flask.testing import FlaskClient
from hook_requests import coverage, patient
from small_library import AUTHORIZATION_NEEDED, organization, policy, rule, write_library

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

ACME = (patient(), coverage("acme", None))
HOOKS = (
    "order-sign",
    "order-select",
    "order-dispatch",
    "appointment-book",
    "encounter-start",
    "encounter-discharge",
)
KINDS = (
    "CommunicationRequest",
    "DeviceRequest",
    "MedicationRequest",
    "NutritionOrder",
    "ServiceRequest",
    "VisionPrescription",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """The service over HTTP, with a policy for every order of every kind on every hook."""
    directory = tmp_path_factory.mktemp("services")
    rules = [
        rule(f"rule-{kind.lower()}", codes=(), kind=kind, determination=AUTHORIZATION_NEEDED)
        for kind in KINDS
    ]
    library = write_library(directory / "library", organization(), policy(*rules, hooks=HOOKS))
    settings = Settings(
        builtin_library=False,
        library=(library,),
        database_url=f"sqlite:///{directory / 'log.sqlite3'}",
    )
    service = build_service(settings, ehr=None)
    yield open_site(service, settings).app.test_client()
    service.log.close()


def discovered(client: FlaskClient) -> dict[str, str]:
    """The id of the one service that discovery gives for each hook."""
    services = client.get("/cds-services").get_json()["services"]
    ids = {service["hook"]: service["id"] for service in services}
    assert len(ids) == len(services)
    return ids


def answer(client: FlaskClient, request: JsonObject) -> JsonObject:
    """The response of the service that discovery gives for the call's hook."""
    path = f"/cds-services/{discovered(client)[request['hook']]}"
    response = client.post(path, data=encode(request), content_type="application/json")
    assert response.status_code == 200, response.text
    answered: JsonObject = response.get_json()
    return answered


def about(hook: str, order: JsonObject, version: str) -> tuple[JsonObject, str]:
    """A call of the hook about an order, and what its coverage information has to stand on."""
    if hook == "appointment-book":
        is_plain = order["resourceType"] == "ServiceRequest"
        link = {"reference": reference(order)} if is_plain else alternate(reference(order))
        booked = appointment(basedOn=[link])
        request = call(hook, booked, version=version, member=ACME, sent=[order])
        return request, reference(booked if version == "2.0" else order)
    return call(hook, order, version=version, member=ACME), reference(order)


def is_writable(name: str, version: str) -> bool:
    """Whether the extension of a version may stand on what has this name: see hook-16."""
    return version != "2.0" or not name.startswith("VisionPrescription/")


def sound_updates(response: JsonObject, version: str) -> list[str]:
    """What the response puts valid coverage information of the policy onto."""
    for resource in updates(response):
        assert order_violations(resource, version) == []
    stated = [(parts["covered"], parts["pa-needed"]) for parts in annotations(response)]
    assert stated == [(["covered"], ["auth-needed"])] * len(stated)
    return [reference(resource) for resource in updates(response)]


@pytest.mark.crd("hook-4")
def test_discovery_has_a_service_for_each_of_the_six_hooks_by_its_name(client: FlaskClient) -> None:
    """No more and no fewer, each under an id of its own."""
    ids = discovered(client)

    assert sorted(ids) == sorted(HOOKS)
    assert len(set(ids.values())) == 6


@pytest.mark.crd("hook-4", "hook-16", "hook-33", "resp-14", "resp-26")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
def test_each_service_about_orders_answers_on_every_kind_of_order(
    client: FlaskClient, hook: str, kind: str, version: str
) -> None:
    """A POST under the id of discovery brings coverage information on the order, or a card.

    Good news too: the service is covered.
    """
    request, name = about(hook, minimal_orders()[kind], version)
    response = answer(client, request)

    assert sound_updates(response, version) == [name] * is_writable(name, version)
    assert len(response["cards"]) >= 1


@pytest.mark.crd("hook-4", "hook-16", "hook-26", "resp-26")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_service_about_appointments_answers_for_every_kind_of_order(
    client: FlaskClient, kind: str, version: str
) -> None:
    """On the order that is booked since 2.1, for 2.0 on the Appointment."""
    request, name = about("appointment-book", minimal_orders()[kind], version)

    assert sound_updates(answer(client, request), version) == [name]


@pytest.mark.crd("hook-4")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("hook", "resource"),
    [
        ("appointment-book", appointment()),
        ("encounter-start", encounter()),
        ("encounter-discharge", encounter()),
    ],
    ids=["appointment-book", "encounter-start", "encounter-discharge"],
)
def test_the_other_services_answer_on_what_they_are_about(
    client: FlaskClient, hook: str, resource: JsonObject, version: str
) -> None:
    """An Appointment without order, and an Encounter."""
    request = call(hook, resource, version=version, member=ACME)

    assert sound_updates(answer(client, request), version) == [reference(resource)]


@pytest.mark.crd("hook-39", "resp-28", "resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_order_select_carries_coverage_information_for_every_kind_selected(
    client: FlaskClient, version: str
) -> None:
    """All six kinds in one call, each under its own id, valid in the client's version."""
    orders = list(minimal_orders().values())
    response = answer(client, call("order-select", *orders, version=version, member=ACME))
    names = map(reference, orders)

    assert sound_updates(response, version) == [
        name for name in names if is_writable(name, version)
    ]
    assert len(annotations(response)) == (5 if version == "2.0" else 6)


@pytest.mark.crd("hook-39")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_order_select_carries_it_for_an_order_selected_among_others(
    client: FlaskClient, kind: str, version: str
) -> None:
    """Whichever kind of draft is picked."""
    orders = minimal_orders()
    request = call("order-select", *orders.values(), version=version, member=ACME)
    name = reference(orders[kind])
    request["context"]["selections"] = [name]

    assert sound_updates(answer(client, request), version) == [name] * is_writable(name, version)
