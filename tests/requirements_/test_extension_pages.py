"""CRD pages on two extensions: billing options, and the coverage information they scope."""

from collections.abc import Callable
from itertools import combinations, product

import pytest
from complete_resources import (
    REQUESTS,
    WRITTEN,
    complete_orders,
    concept_of,
    index_of,
    member,
    refusing,
)
from every_answer import every_answer
from every_hook import (
    BILLING_OPTIONS,
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
    reference,
    repetitions,
    updates,
)
from every_part import rule_of
from hook_requests import COMMERCIAL_PPO, coverage, patient
from small_library import COVERED_WITHOUT_AUTHORIZATION, NOT_COVERED

from cds_service.fhir.coding import CPT
from cds_service.policy.run.index import PolicyIndex

REFUSED, COVERED, IN_NO_POLICY, OF_THE_ORDER = "0001T", "0002T", "0008T", "0009T"
WRITTEN_AT_ONCE = [case for case in WRITTEN if case[0] in PRIMARY]
CODES_BEHIND = {
    "MedicationRequest": ("medication", "Medication"),
    "DeviceRequest": ("code", "Device"),
}


def extended(holder: JsonObject, *codes: str) -> None:
    """Put codes that an order may be billed under on what holds it."""
    holder["extension"] = [
        *holder.get("extension", ()),
        *({"url": BILLING_OPTIONS, "valueCodeableConcept": concept(code)} for code in codes),
    ]


def billed_as(kind: str, *codes: str) -> JsonObject:
    """An order for a code in no policy, with billing options where its profile has them."""
    order = complete_orders()[kind]
    concept_of(order)["coding"] = [{"system": CPT, "code": OF_THE_ORDER}]
    holder = {
        "NutritionOrder": order,
        "VisionPrescription": order.get("lensSpecification", [{}])[0],
        "Encounter": order.get("serviceType", {}),
    }.get(kind, concept_of(order))
    extended(holder, *codes)
    return order


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """For each kind of order a rule that refuses one code, and one that covers another."""
    by_code = {REFUSED: NOT_COVERED, COVERED: COVERED_WITHOUT_AUTHORIZATION}
    rules = []
    for kind, code in product(REQUESTS, by_code):
        listed = [{"path": "code", "code": [{"system": CPT, "code": code}]}]
        filtered = {"id": f"{kind}-{code}", "input": [{"type": kind, "codeFilter": listed}]}
        rules.append({**rule_of(by_code[code], kind), **filtered})
    return index_of(rules)


@pytest.mark.crd("billopt-2")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_an_order_without_billing_options_is_answered_like_one_with(
    hook: str, kind: str, version: str
) -> None:
    """A policy decides by the order's own code, whether or not the extension names it again."""
    order, same = complete_orders()[kind], complete_orders()[kind]
    extended(concept_of(same), concept_of(order)["coding"][0]["code"])
    without, with_options = (
        ask(call(hook, asked, version=version, member=member()), index=refusing())
        for asked in (order, same)
    )

    assert BILLING_OPTIONS not in str(order)
    assert covered(without) == covered(with_options) == ["not-covered"]


@pytest.mark.crd("billopt-2")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN_AT_ONCE)
def test_an_order_that_no_policy_addresses_is_answered_without_them_too(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """A primary hook leaves it undecided, whether or not it could be billed in other ways."""
    undecided = "indeterminate" if version == "2.2" else "conditional"
    without, with_options = (
        ask(call(hook, billed_as(kind, *options), version=version, member=member()), index=index)
        for options in ((), (IN_NO_POLICY,))
    )

    assert covered(without) == covered(with_options) == [undecided]


@pytest.mark.crd("billopt-3")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN)
def test_a_code_in_billing_options_counts_like_the_orders_own(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """A policy that lists only a billing option refuses the order."""
    without, with_option = (
        ask(call(hook, billed_as(kind, *options), version=version, member=member()), index=index)
        for options in ((), (REFUSED,))
    )

    assert "not-covered" not in covered(without)
    assert covered(with_option) == ["not-covered"]


def beside_a_covered_code() -> JsonObject:
    """An order whose own code a policy covers."""
    order = billed_as("ServiceRequest", REFUSED)
    concept_of(order)["coding"][0]["code"] = COVERED
    return order


def in_a_second_coding() -> JsonObject:
    """An order to be billed under one thing, coded in two systems."""
    order = billed_as("ServiceRequest", REFUSED)
    option = concept_of(order)["extension"][0]["valueCodeableConcept"]
    option["coding"].insert(0, {"system": "https://ehr.example.invalid/codes", "code": "local"})
    return order


def on_a_second_lens() -> JsonObject:
    """A prescription of glasses of which only the second is billed in another way."""
    order = billed_as("VisionPrescription", REFUSED)
    order["lensSpecification"].insert(0, {"product": concept(OF_THE_ORDER), "eye": "left"})
    return order


@pytest.mark.crd("billopt-3")
@pytest.mark.parametrize("made", [beside_a_covered_code, in_a_second_coding, on_a_second_lens])
def test_no_code_in_billing_options_is_passed_over(
    index: PolicyIndex, made: Callable[[], JsonObject]
) -> None:
    """Wherever it stands, and whatever stands beside it."""
    response = ask(call("order-sign", made(), member=member()), index=index)

    assert covered(response) == ["not-covered"]


@pytest.mark.crd("billopt-3")
@pytest.mark.parametrize("version", VERSIONS)
def test_billing_options_of_the_order_behind_an_appointment_count(
    index: PolicyIndex, version: str
) -> None:
    """On the order, and on the appointment where 2.0 wants it there."""
    order, booked = billed_as("ServiceRequest", REFUSED), complete_orders()["Appointment"]
    booked.update(basedOn=[{"reference": reference(order)}], serviceType=[concept(OF_THE_ORDER)])
    request = call("appointment-book", booked, version=version, member=member(), sent=[order])

    assert covered(ask(request, index=index)) == ["not-covered"]


@pytest.mark.crd("resp-35")
@pytest.mark.parametrize("version", VERSIONS)
def test_several_repetitions_in_another_order_are_nothing_new(
    index: PolicyIndex, version: str
) -> None:
    """A server may give them back as it likes."""
    order = billed_as("ServiceRequest", REFUSED, COVERED)
    (stored,) = updates(
        ask(call("order-sign", order, version=version, member=member()), index=index)
    )
    assert len(repetitions(stored)) == 2
    stored["extension"].reverse()
    again = ask(call("order-sign", stored, version=version, member=member()), index=index)

    assert updates(again) == []


@pytest.mark.crd("billopt-3")
@pytest.mark.parametrize("place", ["the resource", "its code"])
@pytest.mark.parametrize("kind", ["MedicationRequest", "DeviceRequest"])
def test_billing_options_behind_a_reference_count(
    index: PolicyIndex, kind: str, place: str
) -> None:
    """Those of the Medication or the Device that holds an order's code."""
    name, behind = CODES_BEHIND[kind]
    order = complete_orders()[kind]
    del order[f"{name}CodeableConcept"]
    order[f"{name}Reference"] = {"reference": f"{behind}/1"}
    code = concept(OF_THE_ORDER)
    held = {"resourceType": behind, "id": "1", "type" if behind == "Device" else "code": code}
    extended(code if place == "its code" else held, REFUSED)
    response = ask(call("order-sign", order, member=member(), sent=[held]), index=index)

    assert covered(response) == ["not-covered"]


@pytest.mark.crd("billopt-3", "covinfo-1", "resp-33")
@pytest.mark.parametrize(("hook", "kind", "version"), WRITTEN_AT_ONCE)
def test_every_billing_code_is_answered_in_exactly_one_repetition(
    index: PolicyIndex, hook: str, kind: str, version: str
) -> None:
    """Codes with different determinations have a repetition each, under one assertion id."""
    options = (REFUSED, COVERED, IN_NO_POLICY)
    request = call(hook, billed_as(kind, *options), version=version, member=member())
    parts = annotations(ask(request, index=index))
    determined = {
        code["code"]: repetition["covered"][0]
        for repetition in parts
        for code in repetition["billingCode"]
    }
    open_code = "indeterminate" if version == "2.2" else "conditional"

    assert determined == {REFUSED: "not-covered", COVERED: "covered", IN_NO_POLICY: open_code}
    assert sum(len(repetition["billingCode"]) for repetition in parts) == len(options)
    assert len(parts) == len(options)
    assert len({repetition["coverage-assertion-id"][0] for repetition in parts}) == 1


@pytest.mark.crd("covinfo-1")
def test_repetitions_for_one_coverage_never_overlap() -> None:
    """A coverage has one repetition, or each repetition has billing codes of its own."""
    resources = [resource for answered in every_answer() for resource in updates(answered.response)]
    assert resources
    for resource in resources:
        for first, second in combinations(repetitions(resource), 2):
            scopes = [
                {code["code"] for code in parts.get("billingCode", ())} for parts in (first, second)
            ]
            assert first["coverage"] != second["coverage"] or (
                all(scopes) and scopes[0].isdisjoint(scopes[1])
            )


@pytest.mark.crd("covinfo-2")
@pytest.mark.parametrize("version", VERSIONS)
def test_each_of_several_reasons_says_what_it_is_about(version: str) -> None:
    """A code that is not specified, and a date that may lie outside the coverage's period."""
    order = {
        **asked_about("order-sign"),
        "code": concept(UNLISTED),
        "occurrenceDateTime": "2026",
    }
    insured = [patient(), coverage("anthem", COMMERCIAL_PPO, period={"end": "2026-06-30"})]
    response = ask(call("order-sign", order, version=version, member=insured))
    reasons = [reason["text"] for reason in annotations(response)[0]["reason"]]

    assert len(reasons) == 2
    assert [UNLISTED in words for words in reasons].count(True) == 1
    assert ["the member's coverage is active" in words for words in reasons].count(True) == 1
