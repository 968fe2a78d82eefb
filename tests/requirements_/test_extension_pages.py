"""CRD pages on two extensions: billing options, and the coverage information they scope."""

from itertools import combinations

import pytest
from every_answer import every_answer
from every_hook import (
    BILLING_OPTIONS,
    HOOK_NAMES,
    LISTED,
    NOT_IN_A_POLICY,
    PRIMARY,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    concept,
    covered,
    minimal_orders,
    repetitions,
    updatable_orders,
    updates,
)
from hook_requests import COMMERCIAL_PPO, coverage, patient


def billed_as(hook: str, code: str, *options: str) -> JsonObject:
    """What the hook is about, with codes it may be billed under."""
    extension = [
        {"url": BILLING_OPTIONS, "valueCodeableConcept": concept(option)} for option in options
    ]
    about = asked_about(hook, code)
    name = {"Appointment": "serviceType", "Encounter": "type"}.get(about["resourceType"], "code")
    coded = {**concept(code), "extension": extension}
    return {**about, name: [coded] if name != "code" else coded}


@pytest.mark.crd("billopt-2")
@pytest.mark.parametrize(
    ("kind", "version"),
    [(kind, version) for version in VERSIONS for kind in updatable_orders(version)],
)
def test_an_order_without_billing_options_is_answered(kind: str, version: str) -> None:
    """Every kind of order gets coverage information without the extension."""
    response = ask(call("order-sign", minimal_orders()[kind], version=version))

    assert len(annotations(response)) == 1


@pytest.mark.crd("billopt-3")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_code_in_billing_options_counts_like_the_orders_own(hook: str, version: str) -> None:
    """A policy that lists only a billing option refuses the order."""
    without = ask(call(hook, asked_about(hook, NOT_IN_A_POLICY), version=version))
    response = ask(call(hook, billed_as(hook, NOT_IN_A_POLICY, LISTED), version=version))

    assert "not-covered" not in covered(without)
    assert covered(response) == ["not-covered"]


@pytest.mark.crd("billopt-3", "covinfo-1", "resp-33")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_every_billing_code_is_answered_in_exactly_one_repetition(hook: str, version: str) -> None:
    """Codes with different determinations have a repetition each, under one assertion id."""
    options = [LISTED, "0601T", NOT_IN_A_POLICY]
    response = ask(call(hook, billed_as(hook, NOT_IN_A_POLICY, *options), version=version))
    scopes = [{code["code"] for code in parts["billingCode"]} for parts in annotations(response)]

    assert len(scopes) > 1
    assert not any(scope & other for scope, other in combinations(scopes, 2))
    assert set.union(*scopes) == set(options)
    assert len({parts["coverage-assertion-id"][0] for parts in annotations(response)}) == 1


@pytest.mark.crd("covinfo-1")
def test_repetitions_for_one_coverage_never_overlap() -> None:
    """A coverage has one repetition, or each repetition has billing codes of its own."""
    for answered in every_answer():
        for resource in updates(answered.response):
            scopes = [
                (parts["coverage"][0]["reference"], code["code"])
                for parts in repetitions(resource)
                for code in parts.get("billingCode", [{"code": ""}])
            ]
            assert len(set(scopes)) == len(scopes)


@pytest.mark.crd("covinfo-2")
@pytest.mark.parametrize("version", VERSIONS)
def test_each_of_several_reasons_says_what_it_is_about(version: str) -> None:
    """A code that is not specified, and a date that may lie outside the coverage's period."""
    order = {
        **asked_about("order-sign"),
        "code": concept(UNLISTED),
        "occurrenceDateTime": "2026",
    }
    member = [patient(), coverage("anthem", COMMERCIAL_PPO, period={"end": "2026-06-30"})]
    response = ask(call("order-sign", order, version=version, member=member))
    reasons = [reason["text"] for reason in annotations(response)[0]["reason"]]

    assert len(reasons) == 2
    assert [UNLISTED in words for words in reasons].count(True) == 1
    assert ["the member's coverage is active" in words for words in reasons].count(True) == 1
