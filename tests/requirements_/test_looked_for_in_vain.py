"""CRD page Foundation, section on prefetch: what was looked for and is not there is no 412.

Calls that need all that a hook ever needs, in which one thing at a time is missing, or is a record
of nothing but its id: for every hook, every key it publishes, and every query it makes.
"""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from crowds import alternate
from every_hook import (
    HOOK_NAMES,
    ORDER_HOOKS,
    PRIMARY,
    VERSIONS,
    JsonObject,
    annotations,
    appointment,
    ask,
    asked_about,
    call,
    minimal_orders,
    reference,
    with_token,
)
from hook_requests import bundle, coverage, patient
from scripted_ehr import ScriptedEhr
from small_library import (
    COVERED_WITHOUT_AUTHORIZATION,
    organization,
    policy,
    rule,
    small_index,
)

from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import HookError
from cds_service.fhir.coding import ICD_10_CM
from cds_service.policy.run.index import PolicyIndex

PAYER: JsonObject = {**organization("acme"), "id": "payer"}
INSURED = coverage(payor=[{"reference": "Organization/payer"}], type=None)
FIBRILLATION: JsonObject = {
    "resourceType": "Condition",
    "id": "af",
    "subject": {"reference": "Patient/member-1"},
    "code": {"coding": [{"system": ICD_10_CM, "code": "I48.91"}]},
}
# What the payer is told by: without it a newer client asked the wrong endpoint (hook-13).
TELLS_THE_PAYER = {"Coverage", "Organization"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> PolicyIndex:
    """A policy for every order of every kind on every hook; that for services reads a history."""
    listed = {"path": "code", "code": [{"system": ICD_10_CM, "code": "I48.91"}]}
    history = {"id": "af", "type": "Condition", "codeFilter": [listed]}
    covered = COVERED_WITHOUT_AUTHORIZATION
    rules = [
        rule(f"rule-{kind.lower()}", codes=(), kind=kind, determination=covered)
        for kind in minimal_orders()
    ]
    rules[0] |= {
        "input": [*rules[0]["input"], history],
        "condition": rule(conditions=["%af.exists()"])["condition"],
    }
    directory = tmp_path_factory.mktemp("library")
    return small_index(directory, policy(*rules, hooks=HOOK_NAMES))


def orders() -> list[JsonObject]:
    """An order of each kind; what the drug and the device are stands in resources of their own."""
    by_kind = minimal_orders()
    for kind, element, holder in (
        ("DeviceRequest", "code", "Device"),
        ("MedicationRequest", "medication", "Medication"),
    ):
        del by_kind[kind][f"{element}CodeableConcept"]
        by_kind[kind][f"{element}Reference"] = {"reference": f"{holder}/1"}
    return list(by_kind.values())


def asked(hook: str) -> list[JsonObject]:
    """What a call of the hook is about, such that it needs all that it ever needs."""
    if hook in ORDER_HOOKS:
        return orders()
    if hook == "appointment-book":
        service, *others = orders()
        links = [
            {"reference": reference(service)},
            *(alternate(reference(other)) for other in others),
        ]
        return [appointment(basedOn=links)]
    return [asked_about(hook)]


def held(hook: str) -> list[JsonObject]:
    """All that the EHR holds of it."""
    coded = [{"resourceType": kind, "id": "1"} for kind in ("Device", "Medication")]
    return [patient(), INSURED, PAYER, FIBRILLATION, *orders(), *coded, *asked(hook)]


def bare(resource: JsonObject) -> JsonObject:
    """A record without anything but its type and id."""
    return {name: resource[name] for name in ("resourceType", "id")}


def published(hook: str, index: PolicyIndex) -> dict[str, str]:
    """The type of resource that each prefetch key in discovery is for."""
    service = HOOKS[hook].service(index.topics, index.history_prefetch(hook)).to_json()
    templates: dict[str, str] = service["prefetch"]
    kinds = {
        key: template.partition("?")[0].partition("/")[0] for key, template in templates.items()
    }
    assert {"Patient", "Coverage", "Organization", "Condition"} <= set(kinds.values())
    return kinds


def of_kind(kind: str, resources: Iterable[JsonObject]) -> list[JsonObject]:
    """The resources of one type."""
    return [resource for resource in resources if resource["resourceType"] == kind]


def full_call(hook: str, version: str, index: PolicyIndex) -> JsonObject:
    """A call with data under every key that the hook publishes."""
    request = call(hook, *asked(hook), version=version)
    sent = {key: bundle(*of_kind(kind, held(hook))) for key, kind in published(hook, index).items()}
    assert all(value["entry"] for key, value in sent.items())
    return {**request, "prefetch": sent}


def problem(
    request: JsonObject, kind: str, index: PolicyIndex, ehr: ScriptedEhr | None = None
) -> str:
    """What is wrong with the answer to a call that lacks this type of resource."""
    version = request["extension"]["davinci-crd.requestedVersion"]
    expected = 400 if kind in TELLS_THE_PAYER and version != "2.0" else 200
    try:
        response = ask(request, index=index, ehr=ehr)
    except HookError as error:
        return "" if error.status == expected else f"without {kind}: {error.status}"
    is_annotated = bool(annotations(response))
    must_be = request["hook"] in PRIMARY and (kind != "Coverage" or version != "2.0")
    return f"without {kind}: 200, nothing stated" if must_be and not is_annotated else ""


# What stands in place of the data under one key.
IN_PLACE: dict[str, Callable[[JsonObject], Any]] = {
    "null": lambda _: None,
    "an empty Bundle": lambda _: bundle(),
    "a Bundle without entries": lambda _: {"resourceType": "Bundle", "type": "searchset"},
    "records of their id alone": lambda value: bundle(
        *(bare(entry["resource"]) for entry in value["entry"])
    ),
}


@pytest.mark.crd("found-32")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("in_place", IN_PLACE.values(), ids=IN_PLACE)
def test_no_key_that_was_looked_up_in_vain_is_a_412(
    in_place: Callable[[JsonObject], Any], hook: str, version: str, index: PolicyIndex
) -> None:
    """Every key by itself: answered still, or a 400 where it tells the payer."""
    full = full_call(hook, version, index)
    problems = [
        problem({**full, "prefetch": {**full["prefetch"], key: in_place(value)}}, kind, index)
        for (key, value), kind in zip(
            full["prefetch"].items(), published(hook, index).values(), strict=True
        )
    ]

    assert [found for found in problems if found] == []


@pytest.mark.crd("found-32")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize("is_bare", [False, True], ids=["nothing", "records of their id alone"])
def test_no_query_that_brought_nothing_is_a_412(
    is_bare: bool, hook: str, version: str, index: PolicyIndex
) -> None:
    """Every query by itself, where all has to be asked for; each was performed with success."""
    request = {**with_token(call(hook, *asked(hook), version=version)), "prefetch": {}}
    everything = ScriptedEhr(held(hook))
    ask(request, index=index, ehr=everything)
    kinds = {query.partition("?")[0].partition("/")[0] for query in everything.queries}
    problems = []
    for kind in sorted(kinds):
        others = [found for found in held(hook) if found["resourceType"] != kind]
        left = [*others, *map(bare, of_kind(kind, held(hook)))] if is_bare else others
        problems.append(problem(request, kind, index, ScriptedEhr(left)))

    assert kinds >= {"Patient", "Coverage", "Organization", "Condition"}
    assert [found for found in problems if found] == []


@pytest.mark.crd("found-32")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_nothing_at_all_in_the_ehr_is_no_412(hook: str, version: str, index: PolicyIndex) -> None:
    """All was asked for with success, and all of it is not there."""
    request = {**with_token(call(hook, *asked(hook), version=version)), "prefetch": {}}
    ehr = ScriptedEhr()
    try:
        ask(request, index=index, ehr=ehr)
        status = 200
    except HookError as error:
        status = error.status

    assert ehr.queries
    not_there = 422 if hook == "order-dispatch" else 200
    assert status == (not_there if version == "2.0" else 400)


@pytest.mark.crd("found-32")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", minimal_orders())
def test_the_one_order_dispatched_that_is_not_there_is_no_412(
    kind: str, version: str, index: PolicyIndex
) -> None:
    """It is a 422 that says so (hook-16), whoever looked for it."""
    order = minimal_orders()[kind]
    member = [patient(), INSURED, PAYER]
    request = with_token(call("order-dispatch", order, version=version, member=member))
    by_client = {**request, "prefetch": {**request["prefetch"], kind.lower(): None}}
    by_us = {**request, "prefetch": {}}
    statuses = []
    for looked_for in (by_client, by_us):
        with pytest.raises(HookError) as refusal:
            ask(looked_for, index=index, ehr=ScriptedEhr(member))
        statuses.append(refusal.value.status)

    assert statuses == [422, 422]
