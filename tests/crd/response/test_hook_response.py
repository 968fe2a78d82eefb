"""The response of one call: what older clients cannot be sent, and what they get for it."""

from typing import Any

import pytest
from every_hook import annotations, ask, call, minimal_orders, reference, updates
from hook_requests import coverage, patient
from small_library import NOT_COVERED, policy, rule, small_index

from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]

OLD, NEW = (None, "2.0"), ("2.1", "2.2")
CODE = "0001T"
ACME = (patient(), coverage("acme", None))
NOT_WRITTEN = "was not written onto this order"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """The rules of a payer that refuses a code on glasses and on services."""
    return small_index(
        tmp_path_factory.mktemp("library"),
        policy(
            rule("glasses", codes=(CODE,), kind="VisionPrescription", determination=NOT_COVERED),
            rule("services", codes=(CODE,), kind="ServiceRequest", determination=NOT_COVERED),
            hooks=("order-sign", "order-dispatch", "order-select", "appointment-book"),
        ),
    )


def respond(
    index: PolicyIndex, *kinds: str, version: str | None, hook: str = "order-sign", **more: Any
) -> JsonObject:
    """The response to a call about an order of each of these kinds."""
    orders = [minimal_orders(CODE)[kind] for kind in kinds]
    return ask(call(hook, *orders, version=version, member=ACME, **more), index=index)


@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch", "order-select"])
@pytest.mark.parametrize("version", OLD)
def test_a_2_0_client_is_told_by_card_what_cannot_stand_on_a_vision_prescription(
    index: PolicyIndex, version: str | None, hook: str
) -> None:
    """Its extension has no place there: no action, and the card says so beside the answer."""
    response = respond(index, "VisionPrescription", version=version, hook=hook)
    (card,) = response["cards"]

    assert updates(response) == []
    assert "not covered" in card["detail"]
    assert f"{NOT_WRITTEN}: CRD 2.0 has no place for it on a VisionPrescription" in card["detail"]


@pytest.mark.crd("hook-16")
@pytest.mark.parametrize("version", NEW)
def test_a_newer_client_gets_it_on_the_vision_prescription(
    index: PolicyIndex, version: str
) -> None:
    """2.1 named it in the context of the extension, so nothing is left to excuse."""
    response = respond(index, "VisionPrescription", version=version)
    (card,) = response["cards"]

    assert [parts["covered"] for parts in annotations(response)] == [["not-covered"]]
    assert NOT_WRITTEN not in card["detail"]


@pytest.mark.parametrize("version", OLD)
def test_beside_a_vision_prescription_other_orders_are_updated(
    index: PolicyIndex, version: str | None
) -> None:
    """What one order cannot carry is no reason to say less of another."""
    response = respond(index, "VisionPrescription", "ServiceRequest", version=version)

    assert list(map(reference, updates(response))) == ["ServiceRequest/servicerequest-1"]
    assert [NOT_WRITTEN in card["detail"] for card in response["cards"]] == [True, False]


@pytest.mark.parametrize("version", OLD)
def test_what_cannot_be_written_is_shown_each_time(index: PolicyIndex, version: str | None) -> None:
    """Nothing on the order will tell that it was said before."""
    first, second = (respond(index, "VisionPrescription", version=version) for _ in range(2))

    assert [card["detail"] for card in first["cards"]] == [
        card["detail"] for card in second["cards"]
    ]
    assert first["cards"] != []


@pytest.mark.crd("hook-16", "hook-26")
@pytest.mark.parametrize("version", OLD)
def test_a_2_0_client_gets_it_on_an_appointment(index: PolicyIndex, version: str | None) -> None:
    """2.0.1's context leaves Appointment out too, but its profile has it, and clients take it."""
    booked = {
        "resourceType": "Appointment",
        "id": "appointment-1",
        "status": "proposed",
        "serviceType": [{"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": CODE}]}],
        "participant": [{"actor": {"reference": "Patient/member-1"}, "status": "needs-action"}],
    }
    response = ask(call("appointment-book", booked, version=version, member=ACME), index=index)

    assert list(map(reference, updates(response))) == ["Appointment/appointment-1"]
    assert NOT_WRITTEN not in response["cards"][0]["detail"]
