"""CRD page Supported Hooks: what a hook only names, and what is answered if it is not there."""

from typing import Any

import pytest
from every_hook import (
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    minimal_orders,
    reference,
    updates,
    with_token,
)
from hook_requests import bundle, service_request
from scripted_ehr import ScriptedEhr, always

from cds_service.audit.trail import Trail
from cds_service.errors import HookError
from cds_service.fhir.outcome import outcome_of

KINDS = tuple(minimal_orders())
MEMBER_KEYS = ("patient", "coverage")
NOTHING: dict[str, Any] = {
    "null": None,
    "an empty object": {},
    "an empty Bundle": bundle(),
    "a Bundle without entries": {"resourceType": "Bundle", "type": "searchset"},
}
OUTCOME: JsonObject = {"resourceType": "OperationOutcome", "issue": []}


def dispatched(*orders: JsonObject, version: str = "2.2", prefetch: Any = None) -> JsonObject:
    """An order-dispatch call that names these orders, and has this of them in its prefetch."""
    request = call("order-dispatch", *orders, version=version)
    sent = {key: value for key, value in request["prefetch"].items() if key in MEMBER_KEYS}
    return {**request, "prefetch": {**sent, **(prefetch or {})}}


def of_another(order: JsonObject) -> JsonObject:
    """The same order, of another patient."""
    whose = "patient" if "patient" in order else "subject"
    return {**order, whose: {"reference": "Patient/another"}}


def refusal(request: JsonObject, ehr: ScriptedEhr | None = None) -> HookError:
    """The error that a call gets."""
    with pytest.raises(HookError) as caught:
        ask(request, ehr=ehr)
    return caught.value


def issue(error: HookError) -> JsonObject:
    """The one issue of the OperationOutcome that tells of an error."""
    (found,) = outcome_of(error)["issue"]
    return dict(found)


def is_order_not_there(error: HookError) -> bool:
    """Whether an error says that the order named is not there, at its place and without ids."""
    told = issue(error)
    words = told["diagnostics"]
    hides_ids = not any(name in words for name in ("-1", "Request/", "member", "another-"))
    return (
        (error.status, told["code"], told["expression"]) == (422, "not-found", ["context"])
        and "not there" in words
        and hides_ids
    )


@pytest.mark.crd("hook-16", "hook-33", "hook-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
def test_a_dispatched_order_that_the_client_did_not_find_is_an_error(
    nothing: Any, kind: str, version: str
) -> None:
    """The client looked and there is no such order: 422, for there is nothing to write on."""
    order = minimal_orders()[kind]
    request = dispatched(
        order, version=version, prefetch={f"{kind[0].lower()}{kind[1:]}s": nothing}
    )

    assert is_order_not_there(refusal(request))


@pytest.mark.crd("hook-16", "hook-33", "hook-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatched_order_that_the_ehr_does_not_have_is_an_error(kind: str, version: str) -> None:
    """The service asked for it, and the EHR has none under that id."""
    order = minimal_orders()[kind]
    ehr = ScriptedEhr()
    request = with_token(dispatched(order, version=version))

    assert is_order_not_there(refusal(request, ehr))
    assert ehr.queries == [reference(order)]


@pytest.mark.crd("hook-16", "hook-33", "found-32")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_queried", [False, True], ids=["prefetched", "queried"])
def test_a_dispatched_order_of_another_patient_is_an_error(
    is_queried: bool, kind: str, version: str
) -> None:
    """It is not among this patient's, and nothing of it is told."""
    order = of_another(minimal_orders()[kind])
    prefetch = {} if is_queried else {kind.lower(): bundle(order)}
    request = with_token(dispatched(order, version=version, prefetch=prefetch))

    assert is_order_not_there(refusal(request, ScriptedEhr([order])))


@pytest.mark.crd("hook-16", "hook-33")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_dispatched_and_is_no_order_is_an_error(version: str) -> None:
    """A Task was sent, and it is not what coverage information stands on."""
    task = {"resourceType": "Task", "id": "task-1", "for": {"reference": "Patient/member-1"}}
    request = dispatched(task, version=version, prefetch={"task": bundle(task)})

    assert is_order_not_there(refusal(request))


@pytest.mark.crd("hook-16", "hook-33", "hook-13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("named", [[], [""], [None, {}], ""], ids=repr)
def test_a_dispatch_that_names_no_order_is_an_error(named: Any, version: str) -> None:
    """CDS Hooks requires the references to the dispatched orders: 400."""
    request = dispatched(service_request(), version=version)
    request["context"]["dispatchedOrders"] = named
    error = refusal(request)

    assert (error.status, issue(error)["code"]) == (400, "invalid")
    assert issue(error)["expression"][0].startswith("context")


@pytest.mark.crd("hook-16", "hook-33")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_dispatched_order_that_could_not_be_read_is_another_error(
    kind: str, version: str
) -> None:
    """Neither sent nor to be had: 412, since it may be there when the client tries again."""
    order = minimal_orders()[kind]
    unsent, failed = dispatched(order, version=version), dispatched(order, version=version)
    failed["prefetch"][kind.lower()] = OUTCOME

    assert [refusal(request).status for request in (unsent, failed)] == [412, 412]
    assert refusal(with_token(unsent), ScriptedEhr(fails=always)).status == 412


@pytest.mark.parametrize("version", VERSIONS)
def test_of_two_orders_one_not_there_and_one_out_of_reach_the_latter_counts(version: str) -> None:
    """The one that could not be read may be there: 412, and not that it is not."""
    first, second = service_request(), service_request(id="order-2")
    ehr = ScriptedEhr(fails=lambda query: query.endswith("order-2"))

    assert refusal(with_token(dispatched(first, second, version=version)), ehr).status == 412


@pytest.mark.crd("hook-33", "found-34")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("missing", ["not there", "another patient's", "unreadable"])
def test_orders_that_are_there_are_answered_beside_one_that_is_not(
    missing: str, version: str
) -> None:
    """Those found get coverage information; an operator reads how many were not, and no id."""
    there, gone = service_request(), service_request(id="lost-order")
    held = [there, *([of_another(gone)] if missing == "another patient's" else [])]
    ehr = ScriptedEhr(held, fails=lambda query: missing == "unreadable" and "lost" in query)
    trail = Trail()
    response = ask(with_token(dispatched(there, gone, version=version)), ehr=ehr, trail=trail)

    assert [reference(resource) for resource in updates(response)] == ["ServiceRequest/order-1"]
    assert len(annotations(response)) == 1
    assert "1 of 2 resources named are not at hand" in trail.oddities
    assert "lost-order" not in str(trail.oddities)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
def test_a_secondary_hook_has_nothing_to_say_of_an_encounter_that_is_not_there(
    nothing: Any, hook: str, version: str
) -> None:
    """No hook but a primary one must carry coverage information, so this is no error."""
    request = call(hook, version=version)
    request["prefetch"]["encounter"] = nothing
    trail = Trail()

    assert ask(request, trail=trail) == {"cards": []}
    assert trail.oddities == ("1 of 1 resources named are not at hand",)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge"])
def test_a_secondary_hook_has_nothing_to_say_of_an_encounter_of_another(
    hook: str, version: str
) -> None:
    """Nor that it is another's."""
    request = call(hook, of_another(asked_about(hook)), version=version)

    assert ask(request) == {"cards": []}


# How hook-16 is read where the context itself holds nothing that could be written on.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["order-sign", "appointment-book"])
@pytest.mark.parametrize("held", ["nothing", "another patient's", "no order"])
def test_a_primary_hook_about_no_order_of_the_patient_has_nothing_to_say(
    held: str, hook: str, version: str
) -> None:
    """An empty Bundle, what is another's, or a dispense, as a reference client sends it."""
    request = call(hook, version=version)
    about = asked_about(hook)
    whose = {
        "subject": {"reference": "Patient/another"},
        "participant": [{"actor": {"reference": "Patient/another"}}],
    }
    dispense = {"resourceType": "MedicationDispense", "id": "1", "status": "completed"}
    inside = {
        "nothing": [],
        "another patient's": [{**about, **{name: whose[name] for name in whose if name in about}}],
        "no order": [dispense],
    }
    field = "appointments" if hook == "appointment-book" else "draftOrders"
    request["context"][field] = bundle(*inside[held])
    response = ask(request)

    assert (updates(response), response["cards"]) == ([], [])
