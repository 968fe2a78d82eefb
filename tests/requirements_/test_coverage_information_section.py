"""CRD page Response Types, Coverage Information: on each order, if new, and nothing besides."""

from typing import Any

import pytest
from complete_resources import REQUESTS, WRITTEN, complete_orders, index_of, member, refusing
from coverage_information_rules import URL, order_violations
from every_answer import every_answer
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    NOT_IN_A_POLICY,
    PRIMARY,
    SECONDARY,
    VERSIONS,
    JsonObject,
    appointment,
    ask,
    ask_raw,
    asked_about,
    call,
    covered,
    minimal_orders,
    reference,
    repetitions,
    updatable_orders,
    updates,
    with_token,
)
from every_part import EVERY_PART, rule_of
from hook_requests import service_request
from order_profiles import OF_THE_MODEL
from scripted_ehr import ScriptedEhr

from cds_service.fhir.resource import decode, encode
from cds_service.policy.run.index import PolicyIndex

THEIRS = {
    "url": URL,
    "extension": [
        {"url": "coverage", "valueReference": {"reference": "Coverage/theirs"}},
        {"url": "covered", "valueCode": "covered"},
        {"url": "date", "valueDate": "2026-01-01"},
        {"url": "coverage-assertion-id", "valueString": "their-1"},
    ],
}
# What says of which Coverage a repetition is, and what is new each time.
NAMING_AND_PASSING = ("coverage", "date", "coverage-assertion-id")
# What an EHR may write into any resource, with digits that a careless reader would lose.
AS_WRITTEN = b"""{"_status":{"id":"s"},"zzz":[1,0.30,-0.0,12345678901234567890],
"text":{"status":"empty"},"meta":{},"contained":[{"resourceType":"Device","id":"d","lot":1e3}],
"modifiers":{"value":1.10},"none":null}"""


@pytest.fixture(scope="module")
def every_part() -> PolicyIndex:
    """Rules that state every part, for each kind of order."""
    return index_of(rule_of(EVERY_PART, kind) for kind in REQUESTS)


def again(request: JsonObject, response: JsonObject) -> JsonObject:
    """The call a client makes next, the first answer's updates applied."""
    written = {reference(resource): resource for resource in updates(response)}

    def stored(value: Any) -> Any:
        if isinstance(value, dict):
            known = "id" in value and "resourceType" in value and written.get(reference(value))
            return known or {name: stored(inner) for name, inner in value.items()}
        return [stored(inner) for inner in value] if isinstance(value, list) else value

    applied: JsonObject = stored(request)
    return applied


@pytest.mark.crd("resp-52")
def test_every_action_of_every_answer_fits_the_model() -> None:
    """Whatever is determined, an update of the model's resources, valid in its version."""
    actions = [
        (answered, action)
        for answered in every_answer()
        for action in answered.response.get("systemActions", ())
    ]
    assert len(actions) > len(HOOK_NAMES)

    for answered, action in actions:
        assert (action["type"], "resourceId" in action) == ("update", False)
        assert action["resource"]["resourceType"] in OF_THE_MODEL
        assert repetitions(action["resource"])
        assert order_violations(action["resource"], answered.version) == []


@pytest.mark.crd("resp-27", "resp-28")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", SECONDARY)
def test_secondary_hooks_carry_coverage_information_unless_it_is_switched_off(
    hook: str, version: str
) -> None:
    """Secondary hooks carry a policy's determination."""
    switched_off = ask(call(hook, version=version, settings={"coverage-info": False}))

    assert covered(ask(call(hook, version=version))) == ["not-covered"]
    assert (updates(switched_off), len(switched_off["cards"])) == ([], 1)


@pytest.mark.crd("resp-29", "resp-26", "hook-33", "resp-48")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
def test_each_order_of_a_call_is_updated_once(hook: str, version: str) -> None:
    """Orders of all six kinds in one call, one of them twice, are updated once each."""
    orders = list(minimal_orders().values())
    response = ask(call(hook, *orders, orders[0], version=version))
    updatable = updatable_orders(version).values()

    assert sorted(map(reference, updates(response))) == sorted(map(reference, updatable))


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("code", [LISTED, NOT_IN_A_POLICY])
def test_what_an_order_says_already_is_not_said_again(hook: str, version: str, code: str) -> None:
    """An order that carries the answer already gets no action and no card."""
    request = call(hook, asked_about(hook, code), version=version)
    response = ask(again(request, ask(request)))

    assert updates(response) == []
    assert response["cards"] == []


@pytest.mark.crd("resp-29", "hook-16")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_changed_fact_replaces_what_was_said_and_leaves_other_payers_alone(
    hook: str, version: str
) -> None:
    """Once the plan is known our repetition is replaced; another payer's stays."""
    about = asked_about(hook, extension=[THEIRS])
    undecided = ask(call(hook, about, version=version, member=MEMBERS["plan unknown"]))
    (resource,) = updates(ask(again(call(hook, about, version=version), undecided)))

    assert resource["extension"][0] == THEIRS
    assert [parts["covered"] for parts in repetitions(resource)] == [["covered"], ["not-covered"]]


def bare(resource: JsonObject) -> bytes:
    """A resource as JSON, without coverage information."""
    extensions = resource.get("extension", ())
    kept = [extension for extension in extensions if extension["url"] != URL]
    rest = {name: value for name, value in resource.items() if name != "extension"}
    return encode({**rest, "extension": kept})


@pytest.mark.crd("resp-37")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", [*PRIMARY, *SECONDARY])
def test_nothing_else_in_a_resource_changes(hook: str, version: str) -> None:
    """Digits, order, nulls, contained and unknown elements, and others' extensions are kept."""
    odd = {
        **asked_about(hook),
        **decode(AS_WRITTEN),
        "extension": [{"url": "https://else.invalid", "valueDecimal": 1}],
    }
    (resource,) = updates(decode(ask_raw(call(hook, odd, version=version))))

    assert bare(resource) == bare(odd)
    assert list(resource) == list(odd)


@pytest.mark.crd("resp-37")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_every_kind_of_order_comes_back_as_it_came(hook: str, kind: str, version: str) -> None:
    """A complete order of any kind changes by our extension only."""
    order = complete_orders()[kind]
    request = call(hook, order, version=version, member=member())
    (resource,) = updates(decode(ask_raw(request, index=refusing())))

    assert bare(resource) == bare(order)


@pytest.mark.crd("resp-37")
@pytest.mark.parametrize("hook", ["order-dispatch", "appointment-book", "encounter-start"])
def test_what_was_only_named_comes_back_as_the_ehr_holds_it(hook: str) -> None:
    """An update holds the resource as the EHR gave it, with unknown elements and digits."""
    held = {**service_request(), **decode(AS_WRITTEN)}
    about = held
    if hook == "appointment-book":
        about = appointment(basedOn=[{"reference": reference(held)}])
    if hook == "encounter-start":
        about = held = {**asked_about(hook), **decode(AS_WRITTEN)}
    request = with_token(call(hook, about))
    for name in ("servicerequest", "encounter"):
        request["prefetch"].pop(name, None)
    (resource,) = updates(ask(request, ehr=ScriptedEhr([held])))

    assert bare(resource) == bare(held)


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_an_order_of_any_kind_that_carries_its_answer_is_not_sent_again(
    every_part: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """With every part of coverage information filled."""
    request = call(hook, complete_orders()[kind], version=version, member=member())
    first = ask(request, index=every_part)

    assert len(updates(first)) == 1
    assert updates(ask(again(request, first), index=every_part)) == []


@pytest.mark.crd("resp-29")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_that_carries_all_but_one_part_of_its_answer_is_updated(
    every_part: PolicyIndex, version: str
) -> None:
    """Whichever part it is that is new: the update has it."""
    order = complete_orders()["ServiceRequest"]
    (whole,) = updates(
        ask(call("order-sign", order, version=version, member=member()), index=every_part)
    )
    (stated,) = (extension for extension in whole["extension"] if extension["url"] == URL)
    others = [extension for extension in whole["extension"] if extension["url"] != URL]
    told = [part for part in stated["extension"] if part["url"] not in NAMING_AND_PASSING]
    assert len({part["url"] for part in told}) > 10

    for new in told:
        lacking = [part for part in stated["extension"] if part is not new]
        known = {**order, "extension": [*others, {**stated, "extension": lacking}]}
        request = call("order-sign", known, version=version, member=member())
        assert updates(ask(request, index=every_part)) == [whole], new["url"]


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", ["order-sign", "order-dispatch"])
def test_of_several_orders_only_the_new_one_is_sent(hook: str, version: str) -> None:
    """What the others carry already is still so."""
    known, new = complete_orders()["ServiceRequest"], complete_orders()["DeviceRequest"]
    (stored,) = updates(ask(call(hook, known, version=version, member=member()), index=refusing()))
    response = ask(call(hook, stored, new, version=version, member=member()), index=refusing())

    assert list(map(reference, updates(response))) == [reference(new)]
