"""CRD page Supported Hooks: the hooks, the orders they are about, and coverage information."""

import pytest
from coverage_information_rules import order_violations
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    SECONDARY,
    UNLISTED,
    VERSIONS,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    covered,
    facts,
    minimal_orders,
    reason_codes,
    reference,
    updatable_orders,
    updates,
)
from hook_requests import bundle, service_request


@pytest.mark.crd("hook-16", "hook-26", "hook-33", "resp-26", "resp-14")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch", "appointment-book"])
@pytest.mark.parametrize("code", [LISTED, UNLISTED, NOT_IN_A_POLICY])
@pytest.mark.parametrize(
    "member", ["medicare", "plan unknown", "commercial", "california", "cancelled"]
)
def test_a_primary_hook_always_carries_coverage_information(
    hook: str, version: str, code: str, member: str
) -> None:
    """Every member gets it, where a policy decides, where it needs to know more, and without one.

    It is a valid repetition of the extension, on what the call is about.
    """
    about = asked_about(hook, code)
    response = ask(call(hook, about, version=version, member=MEMBERS[member]))
    (action,) = response["systemActions"]

    assert (action["type"], reference(action["resource"])) == ("update", reference(about))
    assert len(annotations(response)) == 1
    assert order_violations(action["resource"], version) == []


@pytest.mark.crd("hook-16", "hook-33", "resp-29")
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
@pytest.mark.parametrize(
    ("kind", "version"),
    [(kind, version) for version in VERSIONS for kind in updatable_orders(version)],
)
def test_every_kind_of_order_gets_coverage_information(hook: str, version: str, kind: str) -> None:
    """Each of the six kinds of orders is updated, though the policies are about one of them.

    2.0.1 alone has no place for it on a VisionPrescription.
    """
    order = minimal_orders()[kind]
    response = ask(call(hook, order, version=version))

    assert [reference(resource) for resource in updates(response)] == [reference(order)]


# The next four are how hook-16 and hook-39 are read, where the guide leaves it open.


@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
@pytest.mark.parametrize("version", [None, "2.0"])
def test_a_2_0_client_gets_no_action_on_a_vision_prescription(
    hook: str, version: str | None
) -> None:
    """The published extension may not stand there, and 2.0 has no other place for the answer."""
    vision_prescription = minimal_orders()["VisionPrescription"]
    response = ask(call(hook, vision_prescription, version=version))

    assert response == {"cards": [], "systemActions": []}


@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_forbids_its_service_asks_for_no_coverage(hook: str, version: str) -> None:
    """`doNotPerform`: nothing will be done that could be covered."""
    response = ask(call(hook, service_request(doNotPerform=True), version=version))

    assert (updates(response), response["cards"]) == ([], [])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_where_no_policy_addresses_an_order_a_secondary_hook_says_nothing(
    hook: str, version: str
) -> None:
    """It evaluates nothing then: neither an action nor a card, and no error."""
    assert ask(call(hook, asked_about(hook, NOT_IN_A_POLICY), version=version)) == {"cards": []}


@pytest.mark.crd("resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_of_selected_orders_those_are_updated_that_a_policy_addresses(version: str) -> None:
    """The others are not evaluated; in-scope are those that were selected."""
    orders = [service_request(code, id=code) for code in (NOT_IN_A_POLICY, LISTED, "0601T")]
    response = ask(call("order-select", *orders, version=version))

    assert [resource["id"] for resource in updates(response)] == [LISTED, "0601T"]


@pytest.mark.crd("hook-26", "resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_appointment_for_an_order_is_answered_on_the_order_since_2_1(version: str) -> None:
    """Since 2.1 the order is updated; for 2.0 the Appointment is."""
    order = service_request()
    booked = appointment(NOT_IN_A_POLICY, basedOn=[{"reference": reference(order)}])
    response = ask(call("appointment-book", booked, sent=[order], version=version))
    expected = "Appointment/appointment-1" if version == "2.0" else "ServiceRequest/order-1"

    assert [reference(resource) for resource in updates(response)] == [expected]
    assert covered(response) == ["not-covered"]


@pytest.mark.crd("hook-23")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_context_that_is_not_of_the_hook_is_ignored(hook: str) -> None:
    """Unknown fields of the context, such as those of later versions of a hook, are ignored."""
    request = call(hook)
    unknown = {
        "davinci": [{"resourceType": "Basic"}],
        "tasks": bundle(),
        "locale": "en",
        "selected": None,
    }

    assert facts(ask({**request, "context": {**request["context"], **unknown}})) == facts(
        ask(request)
    )


@pytest.mark.crd("hook-30")
@pytest.mark.parametrize("version", VERSIONS)
def test_only_dispatched_orders_are_answered(version: str) -> None:
    """An order in the prefetch that is not dispatched gets no answer."""
    other = service_request("0601T", id="order-2")
    response = ask(call("order-dispatch", service_request(), sent=[other], version=version))

    assert [resource["id"] for resource in updates(response)] == ["order-1"]
    assert len(response["cards"]) == 1


@pytest.mark.crd("hook-34")
@pytest.mark.parametrize("version", VERSIONS)
def test_only_selected_orders_are_answered(version: str) -> None:
    """An order that was drafted before and is not selected gets no answer."""
    request = call(
        "order-select", service_request(), service_request("0601T", id="order-2"), version=version
    )
    request["context"]["selections"] = ["ServiceRequest/order-2"]
    response = ask(request)

    assert [resource["id"] for resource in updates(response)] == ["order-2"]
    assert len(response["cards"]) == 1


@pytest.mark.crd("ops-1", "resp-27", "resp-28")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
@pytest.mark.parametrize(
    ("member", "code"),
    [("medicare", "not-reasonable-necessary"), ("cancelled", "no-active-coverage")],
)
def test_secondary_hooks_say_early_what_is_certain(
    hook: str, version: str, member: str, code: str
) -> None:
    """A service that is not covered and a coverage that is not active are reported early."""
    response = ask(call(hook, version=version, member=MEMBERS[member]))

    assert covered(response) == ["not-covered"]
    defined_there = version == "2.2" or code != "no-active-coverage"
    assert reason_codes(annotations(response)[0]) == [code] * defined_there
