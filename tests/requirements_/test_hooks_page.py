"""CRD page Supported Hooks: the hooks, the orders they are about, and coverage information."""

import pytest
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    ORDER_HOOKS,
    PRIMARY,
    SECONDARY,
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
    status_of,
    updatable_orders,
    updates,
)
from hook_requests import bundle, coverage, patient, service_request
from scripted_ehr import ScriptedEhr
from small_library import part, policy, reason, rule, small_index

from cds_service.crd.request.hooks import HOOKS
from cds_service.policy.run.index import PolicyIndex

FORM = "https://forms.example.invalid/Questionnaire/1"
ACME = (patient(), coverage("acme", None))


@pytest.mark.crd("hook-4")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_there_is_a_service_for_every_hook_and_what_it_is_about(hook: str, version: str) -> None:
    """Each of the six hooks has a service; those about orders take all six kinds of orders."""
    about = list(minimal_orders().values()) if hook in ORDER_HOOKS else [asked_about(hook)]

    assert len(HOOKS) == len(HOOK_NAMES) == 6
    assert HOOKS[hook].service().hook == hook
    assert {status_of(call(hook, resource, version=version)) for resource in about} == {200}


@pytest.mark.crd("hook-16", "hook-26", "hook-33", "hook-39", "resp-26", "resp-14")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
@pytest.mark.parametrize("code", [LISTED, NOT_IN_A_POLICY])
@pytest.mark.parametrize(
    "member", ["medicare", "plan unknown", "commercial", "california", "cancelled"]
)
def test_a_primary_hook_always_carries_coverage_information(
    hook: str, version: str, code: str, member: str
) -> None:
    """Every member gets coverage information, with or without a policy for the order."""
    response = ask(call(hook, asked_about(hook, code), version=version, member=MEMBERS[member]))

    assert [action["type"] for action in response["systemActions"]] == ["update"]
    assert len(annotations(response)) == 1


@pytest.mark.crd("hook-16", "hook-33", "hook-39", "resp-29")
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


@pytest.mark.crd("hook-16")
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
@pytest.mark.parametrize("version", [None, "2.0"])
def test_a_2_0_client_gets_no_action_on_a_vision_prescription(
    hook: str, version: str | None
) -> None:
    """The published extension may not stand there, and 2.0 has no other place for the answer."""
    vision_prescription = minimal_orders()["VisionPrescription"]
    response = ask(call(hook, vision_prescription, version=version))

    assert response == {"cards": [], "systemActions": []}


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


@pytest.mark.crd("hook-16", "hook-33")
def test_a_dispatched_order_that_is_not_at_hand_is_an_error() -> None:
    """A primary hook that cannot annotate the order answers 412, not an empty response."""
    request = call("order-dispatch")
    del request["prefetch"]["servicerequest"]

    assert status_of(request, ehr=ScriptedEhr()) == 412


@pytest.fixture(scope="module", params=["clinical", "admin"])
def asking_for_forms(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> PolicyIndex:
    """A payer whose policy wants documentation and names the form, for all hooks."""
    needs = (
        part("covered", "covered"),
        part("pa-needed", "auth-needed"),
        part("doc-needed", request.param),
        part("doc-purpose", "withclaim"),
        reason("the claim is reviewed with its notes"),
        {"url": "questionnaire", "valueCanonical": FORM},
    )
    directory = tmp_path_factory.mktemp("library")
    return small_index(
        directory, policy(rule(codes=("0600T",), determination=needs), hooks=HOOK_NAMES)
    )


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_a_secondary_hook_asks_for_no_documentation(
    hook: str, version: str, asking_for_forms: PolicyIndex
) -> None:
    """The coverage is given; documentation is asked for when the order is signed."""
    (parts,) = annotations(ask(call(hook, version=version, member=ACME), index=asking_for_forms))

    assert parts["covered"] == ["covered"]
    assert {"doc-needed", "doc-purpose", "questionnaire"}.isdisjoint(parts)


@pytest.mark.crd("resp-38")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_a_primary_hook_names_the_form_beside_the_need(
    hook: str, version: str, asking_for_forms: PolicyIndex
) -> None:
    """The documentation that a policy wants comes with its questionnaire."""
    (parts,) = annotations(ask(call(hook, version=version, member=ACME), index=asking_for_forms))

    assert parts["doc-needed"][0] in ("clinical", "admin")
    assert parts["questionnaire"] == [FORM]


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
