"""CRD page Response Types, Coverage Information: annotations when facts are missing or inferred."""

import pytest
from every_hook import (
    HOOK_NAMES,
    LISTED,
    MEMBERS,
    ORDER_HOOKS,
    PRIMARY,
    PULSED_FIELD,
    UNLISTED,
    VERSIONS,
    JsonObject,
    annotations,
    ask,
    asked_about,
    call,
    covered,
    reason_codes,
    with_token,
)
from hook_requests import COMMERCIAL_PPO, coverage, patient
from scripted_ehr import ScriptedEhr, always

UNDECIDED = {"2.0": "conditional", "2.1": "conditional", "2.2": "indeterminate"}


@pytest.mark.crd("resp-30")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", PRIMARY)
def test_what_qualifies_an_answer_stands_in_the_annotation(hook: str, version: str) -> None:
    """An annotation has its codes, what it depends on, and the members it does not hold for."""
    about = asked_about(hook, UNLISTED)
    request = call(hook, about, member=MEMBERS["commercial"], version=version)
    (unclear,) = annotations(ask(request))
    no_plan = [patient("CA"), coverage("anthem", None)]
    (refused,) = annotations(ask(call(hook, member=no_plan, version=version)))

    assert unclear["info-needed"] == ["detail-code" if version == "2.2" else "OTH"]
    assert [code["code"] for code in refused["billingCode"]] == [LISTED]
    assert "commercial HMO in California" in str(refused["detail"])


@pytest.mark.crd("resp-32")
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_coverages_have_an_assertion_id_each(hook: str) -> None:
    """CRD 2.0 lets several Coverages come; each has an annotation of its own."""
    others = [coverage("anthem", COMMERCIAL_PPO, id=f"coverage-{number}") for number in (2, 3)]
    every = [*MEMBERS["medicare"], *others]
    parts = annotations(ask(call(hook, version="2.0", member=every)))

    assert [repetition["coverage"][0]["reference"] for repetition in parts] == [
        "Coverage/coverage-1",
        "Coverage/coverage-2",
        "Coverage/coverage-3",
    ]
    assert len({repetition["coverage-assertion-id"][0] for repetition in parts}) == len(parts)


@pytest.mark.crd("resp-43", "hook-16")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
def test_a_technical_failure_leaves_it_undecided_and_says_so(hook: str, version: str) -> None:
    """If the payer of the Coverage cannot be read, the order is undecided, with the cause."""
    member = [patient(), coverage(payor=[{"reference": "Organization/payer"}])]
    request = with_token(call(hook, version=version, member=member))
    (parts,) = annotations(ask(request, ehr=ScriptedEhr(fails=always)))

    assert parts["covered"] == [UNDECIDED[version]]
    assert reason_codes(parts) == (["technical"] if version == "2.2" else [])
    assert "could not be read" in parts["reason"][0]["text"]


def test_a_member_who_cannot_be_read_is_told_what_holds_in_california() -> None:
    """With an unknown plan the position is stated, and what holds for a Californian."""
    request = with_token(call("order-sign", member=[MEMBERS["california"][1]]))
    (parts,) = annotations(ask(request, ehr=ScriptedEhr(fails=always)))

    assert parts["covered"] == ["conditional"]
    assert "investigational and not medically necessary" in str(parts["reason"])
    assert "818-234-2767" in str(parts["detail"])


@pytest.mark.crd("resp-45")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("hook", HOOK_NAMES)
@pytest.mark.parametrize(
    "elements",
    [
        {"status": "cancelled"},
        {"status": "draft"},
        {"status": "entered-in-error"},
        {"period": {"end": "2025-12-31"}},
        {"period": {"start": "2030-01-01"}},
    ],
    ids=["cancelled", "draft", "entered in error", "ended", "not begun"],
)
def test_a_coverage_that_is_not_active_is_said_to_be_so(
    hook: str, version: str, elements: JsonObject
) -> None:
    """The determination is `not-covered` with words in every version, and a code from 2.2 on."""
    response = ask(call(hook, version=version, member=[patient(), coverage(**elements)]))
    (parts,) = annotations(response)

    assert parts["covered"] == ["not-covered"]
    assert reason_codes(parts) == (["no-active-coverage"] if version == "2.2" else [])
    assert "not active" in parts["reason"][0]["text"]


@pytest.mark.crd("resp-45")
@pytest.mark.parametrize("hook", ["order-sign", "order-select", "order-dispatch"])
@pytest.mark.parametrize(
    ("period", "reasons"),
    [
        ({"end": "2026-11-30"}, ["no-active-coverage"]),
        ({"start": "2026-12-01"}, ["not-reasonable-necessary"]),
    ],
    ids=["ends before", "begins before"],
)
def test_active_is_a_coverage_on_the_day_of_service(
    hook: str, period: JsonObject, reasons: list[str]
) -> None:
    """And not on the day of the call."""
    order = asked_about(hook, occurrenceDateTime="2026-12-24")
    (parts,) = annotations(ask(call(hook, order, member=[patient(), coverage(period=period)])))

    assert (parts["covered"], reason_codes(parts)) == (["not-covered"], reasons)


@pytest.mark.crd("resp-51")
@pytest.mark.parametrize("hook", ORDER_HOOKS)
@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"authoredOn": "2024-01-01"}, "indeterminate"),
        ({"authoredOn": "2024-01-01", "occurrenceDateTime": "2026-12-01"}, "not-covered"),
        ({"authoredOn": None}, "not-covered"),
    ],
    ids=["written before the policy", "planned after it began", "no date at all"],
)
def test_a_date_of_service_that_was_not_sent_is_inferred(
    hook: str, elements: JsonObject, expected: str
) -> None:
    """The date of service is that of the order, or else today."""
    response = ask(call(hook, asked_about(hook, **elements)))

    assert covered(response) == ([expected] if hook in PRIMARY or expected == "not-covered" else [])


@pytest.mark.crd("resp-51", "impl-5")
@pytest.mark.parametrize("hook", ORDER_HOOKS)
def test_what_was_inferred_from_words_is_said(hook: str) -> None:
    """An unspecific code is read together with the order's words, and the detail quotes them."""
    order = asked_about(hook, UNLISTED, PULSED_FIELD)
    (parts,) = annotations(ask(call(hook, order, member=MEMBERS["commercial"])))

    assert parts["covered"] == ["not-covered"]
    assert (
        "relies on these words of the order: pulsed field ablation" in str(parts["detail"]).lower()
    )
    assert [code["code"] for code in parts["billingCode"]] == [UNLISTED]
