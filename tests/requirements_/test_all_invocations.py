"""CRD page Supported Hooks: coverage information in invocations of every sort.

The plain ones stand in `test_hooks_page`; here are orders and members that little is known of, and
several of what a call is about.
"""

from typing import Any

import pytest
from coverage_information_rules import order_violations
from crowds import alternate
from every_hook import (
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    PRIMARY,
    VERSIONS,
    JsonObject,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    covered,
    minimal_orders,
    reference,
    updates,
    with_token,
)
from hook_requests import coverage, patient, service_request
from scripted_ehr import ScriptedEhr

NEWER = ("2.1", "2.2")
MODIFIED: JsonObject = {
    "modifierExtension": [{"url": "https://else.example.invalid", "valueBoolean": True}]
}
UNKNOWN_STATUS = (patient(), coverage(status="suspended"))


def updated(response: JsonObject, version: str) -> list[str]:
    """What the response puts valid coverage information onto."""
    assert [order_violations(resource, version) for resource in updates(response)] == [
        [] for _ in updates(response)
    ]
    return [reference(resource) for resource in updates(response)]


@pytest.mark.crd("hook-16", "hook-26", "hook-33")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize(
    ("elements", "member", "stated"),
    [(MODIFIED, MEMBERS["medicare"], "conditional"), ({}, UNKNOWN_STATUS, "not-covered")],
    ids=["a modifier that nobody knows", "a Coverage of a status that nobody knows"],
)
def test_a_primary_hook_says_what_it_does_not_understand(
    elements: JsonObject, member: Any, stated: str, hook: str, version: str
) -> None:
    """It is no reason to be silent; what a policy refuses to all is refused still."""
    about = asked_about(hook, **elements)
    response = ask(call(hook, about, version=version, member=member))

    assert updated(response, version) == [reference(about)]
    assert covered(response) == [stated]


@pytest.mark.crd("hook-16", "hook-26", "hook-33")
@pytest.mark.parametrize("version", [None, "2.0"])
@pytest.mark.parametrize("hook", PRIMARY)
def test_an_older_client_of_another_payers_member_gets_it_too(
    hook: str, version: str | None
) -> None:
    """2.0 refuses no such call, so that it says for which Coverage nothing could be told."""
    about = asked_about(hook)
    response = ask(call(hook, about, version=version, member=MEMBERS["elsewhere"]))

    assert updated(response, "2.0") == [reference(about)]
    assert covered(response) == ["conditional"]


@pytest.mark.crd("hook-26", "resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_of_several_appointments_each_is_answered(version: str) -> None:
    """Those for a service that no policy is about among them."""
    codes = (LISTED, NOT_IN_A_POLICY, "0601T")
    booked = [{**appointment(code), "id": f"appointment-{code}"} for code in codes]
    response = ask(call("appointment-book", *booked, version=version))

    assert updated(response, version) == list(map(reference, booked))


@pytest.mark.crd("hook-26", "resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_appointment_for_several_orders_is_answered_on_each(version: str) -> None:
    """Since 2.1; what 2.0 has is one answer for all of them, on the Appointment."""
    orders = list(minimal_orders().values())
    service, *others = map(reference, orders)
    booked = appointment(basedOn=[{"reference": service}, *map(alternate, others)])
    response = ask(call("appointment-book", booked, sent=orders, version=version))
    asked = [booked] if version == "2.0" else orders

    assert updated(response, version) == list(map(reference, asked))


@pytest.mark.crd("hook-26")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", [None, "nothing", "a failure"])
def test_an_appointment_whose_order_is_not_at_hand_is_answered_on_itself(
    found: str | None, version: str
) -> None:
    """Nobody can be asked for the order, there is no such order, or it could not be read."""
    booked = appointment(basedOn=[{"reference": "ServiceRequest/elsewhere"}])
    request = call("appointment-book", booked, version=version)
    ehr = ScriptedEhr(fails=lambda _query: found == "a failure")
    response = ask(with_token(request) if found else request, ehr=ehr)

    assert ehr.queries == ["ServiceRequest/elsewhere"] * bool(found)
    assert updated(response, version) == [reference(booked)]
    assert len(annotations(response)) == 1


@pytest.mark.crd("hook-39")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("member", "stated"),
    [
        ("medicare", "not-covered"),
        ("plan unknown", "conditional"),
        ("commercial", "not-covered"),
        ("california", "conditional"),
        ("cancelled", "not-covered"),
    ],
)
def test_order_select_carries_it_for_every_member(member: str, stated: str, version: str) -> None:
    """Whatever a policy says of them, and where it has no say, for the coverage is not active."""
    about = service_request()
    response = ask(call("order-select", about, version=version, member=MEMBERS[member]))

    assert updated(response, version) == [reference(about)]
    assert covered(response) == [stated]
