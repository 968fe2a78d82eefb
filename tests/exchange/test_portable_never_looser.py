"""Wherever the portable view answers at all, it answers as we do: a property over made-up orders.

The view is evaluated by an engine that shares nothing with ours (`tiny_engine`).
"""

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_engine import TinyEngine, is_true

from cds_service.authoring.case_runs import run_case
from cds_service.authoring.cases import MEMBER, Case, read_cases
from cds_service.crd.codes import BILLING_OPTIONS, PAYER_ID
from cds_service.crd.decision.determination import Determination
from cds_service.crd.request.order_kinds import ORDER_KINDS
from cds_service.crd.response.coverage_information import Assertion, write_parts
from cds_service.exchange.portable.order_kinds import PORTABLE_KINDS
from cds_service.exchange.portable.view import portable_view
from cds_service.fhir.coding import CPT, HCPCS, ICD_10_PCS
from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]
EXAMPLES = Path(__file__).parents[2] / "examples" / "policies"
LIBRARIES = (builtin_library(), EXAMPLES)
TODAY = "2026-11-27"
# What our service adds or an order may earn: the view has as much of it as is always so.
BESIDES = {"coverage", "date", "coverage-assertion-id", "detail", "billingCode"}
PAYERS = ("icare", "anthem", "example-lakeside", "example-midvale", "example-northland")
PLANS = (
    "icare-medicare-advantage",
    "anthem-commercial",
    "anthem-california-commercial-hmo",
    "example-lakeside-commercial",
    "somebody-else's",
)
CODES = (
    (CPT, "0600T"),
    (CPT, "0601T"),
    (CPT, "0600T:53"),
    (CPT, "93799"),
    (CPT, "33340"),
    (CPT, "22856"),
    (ICD_10_PCS, "0F503ZF"),
    (HCPCS, "C1889"),
    ("urn:oid:2.16.840.1.113883.6.12", "93799"),
    ("https://www.ama-assn.org/go/CPT/", "0601T"),
    ("https://www.ama-assn.org/go/CPT/", "22856"),
    ("urn:oid:1.2.3", "LOCAL"),
)
PLAIN = (
    ("icare", CPT, "0600T", "111"),
    ("anthem", CPT, "0601T", "512"),
    ("anthem", ICD_10_PCS, "0F503ZF", "512"),
    ("example-lakeside", HCPCS, "C1889", "512"),
)
CLASS_SYSTEM = "http://terminology.hl7.org/CodeSystem/coverage-class"


class Engines:
    """Ours over the library, and the tiny one over its portable view."""

    def __init__(self, ours: PolicyIndex, tiny: TinyEngine) -> None:
        self.ours, self.tiny = ours, tiny


@pytest.fixture(scope="module")
def engines() -> Engines:
    """Both, over the built-in library and the examples."""
    library = read_library(LIBRARIES)
    index = compile_library(library, base_url="https://crd.example.invalid")
    return Engines(index, TinyEngine(portable_view(library, index).resources))


DAYS = st.sampled_from(
    (
        *("2026-11-20", "2025-01-01", "2026-12-24T09:00:00Z", "2027-02"),
        *("2024", "2024-10", "2024-10-07", "2024-10-08", "2024-10-08T01:30:00+14:00"),
        *("2024-04-01", "2024-03-31T23:30:00-10:00"),
    )
)
USUALLY_NOTHING = {"doNotPerform": True, "modifierExtension": [{"url": "urn:x"}]}


@st.composite
def orders(draw: st.DrawFn) -> JsonObject:
    """A ServiceRequest with some codes and dates, and seldom something that turns it around."""
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique=True))
    concept: JsonObject = {"coding": [{"system": system, "code": code} for system, code in codes]}
    if draw(st.integers(0, 5)) == 0:
        concept["text"] = "pulsed field ablation"
    order: JsonObject = {
        "resourceType": "ServiceRequest",
        "id": "order",
        "status": "draft",
        "intent": "order",
        "code": concept,
        "subject": {"reference": f"Patient/{MEMBER}"},
    }
    for name in ("authoredOn", "occurrenceDateTime"):
        if draw(st.booleans()):
            order[name] = draw(DAYS)
    if draw(st.integers(0, 9)) == 0:
        order["occurrencePeriod"] = {"start": draw(DAYS)}
        order.pop("occurrenceDateTime", None)
    unusual = draw(st.integers(0, 20))
    if unusual < len(USUALLY_NOTHING):
        order |= dict([list(USUALLY_NOTHING.items())[unusual]])
    if unusual == len(USUALLY_NOTHING):
        billed = {"coding": [{"system": CPT, "code": "93799"}]}
        order["extension"] = [{"url": BILLING_OPTIONS, "valueCodeableConcept": billed}]
    return order


@st.composite
def coverages(draw: st.DrawFn, payer: str) -> JsonObject:
    """A Coverage of a payer, with some type, class, status and period."""
    coverage: JsonObject = {
        "resourceType": "Coverage",
        "id": "coverage",
        "status": draw(st.sampled_from(("active",) * 6 + ("cancelled", "Active", "odd"))),
        "beneficiary": {"reference": f"Patient/{MEMBER}"},
        "payor": [{"identifier": {"system": PAYER_ID, "value": payer}}],
    }
    if draw(st.integers(0, 9)) == 0:
        del coverage["status"]
    types = draw(st.lists(st.sampled_from(("111", "2", "512", "511", "1", "9")), max_size=2))
    if types:
        codings = [{"system": "https://nahdo.org/sopt", "code": code} for code in types]
        coverage["type"] = {"coding": codings}
    if draw(st.booleans()):
        named = draw(st.sampled_from(("plan", "Plan", "group")))
        concept = {"coding": [{"system": CLASS_SYSTEM, "code": named}]}
        coverage["class"] = [{"type": concept, "value": draw(st.sampled_from(PLANS))}]
    if draw(st.booleans()):
        names = draw(st.sampled_from((("start",), ("end",), ("start", "end"))))
        coverage["period"] = {name: draw(DAYS) for name in names}
    return coverage


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, JsonObject, JsonObject]:
    """A payer, an order and the Coverage: plain ones, and some of what made-up ones say."""
    payer, *order_and_type = draw(st.sampled_from(PLAIN))
    order, coverage = plain(payer, *order_and_type)
    other, other_coverage = draw(orders()), draw(coverages(payer))
    for name in draw(st.sets(st.sampled_from(sorted(other)), max_size=3)):
        if name == "code":
            other["code"]["coding"] += order["code"]["coding"]
        order[name] = other[name]
    for name in draw(st.sets(st.sampled_from(sorted(other_coverage)), max_size=2)):
        coverage[name] = other_coverage[name]
    return payer, order, coverage


def stated(parts: list[JsonObject]) -> list[JsonObject]:
    """What an extension says of the service, in the order of its parts' names."""
    kept = (part for part in parts if part["url"] not in BESIDES)
    return sorted(kept, key=repr)


def as_written(determination: Determination) -> list[JsonObject]:
    """What our service would write."""
    assertion = Assertion(
        coverage=ResourceKey("Coverage", "coverage"), day=date.fromisoformat(TODAY), id="1"
    )
    return stated(write_parts(determination, assertion))


def check_never_looser(
    engines: Engines, payer: str, order: JsonObject, coverage: JsonObject
) -> int:
    """Compare both engines; how many answers the portable view gave."""
    patient = {"resourceType": "Patient", "id": MEMBER, "address": [{"state": "CA"}]}
    found = engines.tiny.answers((PAYER_ID, payer), order, (coverage, patient), "order-sign")
    case = Case(
        file=Path("made up"),
        name="made up",
        order=order,
        member={"coverage": coverage, "patient": patient},
        day=TODAY,
        expect={},
    )
    determined = [
        as_written(determination)
        for answer in run_case(case, engines.ours).answers
        for determination in answer.determinations
    ]
    for extension in found:
        assert determined == [stated(extension["extension"])]
    return len(found)


@settings(max_examples=150, deadline=None)
@given(situation=situations())
def test_wherever_the_view_answers_it_answers_as_we_do(
    situation: tuple[str, JsonObject, JsonObject], engines: Engines
) -> None:
    """Silence is allowed, and another answer is not, of a looser kind or any other."""
    check_never_looser(engines, *situation)


@pytest.mark.parametrize(("payer", "system", "code", "kind"), PLAIN)
def test_the_view_does_answer(
    payer: str, system: str, code: str, kind: str, engines: Engines
) -> None:
    """The property would hold of a view that says nothing too: this one speaks."""
    order, coverage = plain(payer, system, code, kind)

    assert check_never_looser(engines, payer, order, coverage) == 1


def plain(payer: str, system: str, code: str, kind: str) -> tuple[JsonObject, JsonObject]:
    """An order of one code, of a member with one type of Coverage."""
    order = {
        "resourceType": "ServiceRequest",
        "id": "order",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{MEMBER}"},
        "authoredOn": "2026-11-20",
    }
    coverage = {
        "resourceType": "Coverage",
        "id": "coverage",
        "status": "active",
        "beneficiary": {"reference": f"Patient/{MEMBER}"},
        "type": {"coding": [{"system": "https://nahdo.org/sopt", "code": kind}]},
        "payor": [{"identifier": {"system": PAYER_ID, "value": payer}}],
    }
    return order, coverage


def silent(change_order: JsonObject, change_coverage: JsonObject) -> Any:
    """A row of the table below."""
    return pytest.param(change_order, change_coverage, id=str(change_order or change_coverage))


@pytest.mark.parametrize(
    ("change_order", "change_coverage"),
    [
        silent({"doNotPerform": True}, {}),
        silent({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, {}),
        silent({"extension": [{"url": BILLING_OPTIONS}]}, {}),
        silent({"authoredOn": "2024-10-07"}, {}),
        silent({"occurrenceDateTime": "2024-10-07T23:30:00-10:00"}, {}),
        silent({"occurrencePeriod": {"start": "2026-12-01"}, "authoredOn": None}, {}),
        silent({"authoredOn": None}, {}),
        silent({}, {"status": "cancelled"}),
        silent({}, {"period": {"end": "2026-11-19"}}),
        silent({}, {"type": {"coding": [{"system": "https://nahdo.org/sopt", "code": "2"}]}}),
        silent({}, {"type": None}),
        silent({}, {"class": [{"type": {"coding": [{"code": "plan"}]}, "value": "another"}]}),
    ],
)
def test_what_our_engine_would_answer_otherwise_gets_no_answer(
    change_order: JsonObject, change_coverage: JsonObject, engines: Engines
) -> None:
    """Each alone silences the rule that answers for 0600T of iCare otherwise."""
    order, coverage = plain("icare", CPT, "0600T", "111")
    changed, cover = without_null(order | change_order), without_null(coverage | change_coverage)

    assert len(engines.tiny.answers((PAYER_ID, "icare"), order, (coverage,), "order-sign")) == 1
    assert engines.tiny.answers((PAYER_ID, "icare"), changed, (cover,), "order-sign") == []


def without_null(resource: JsonObject) -> JsonObject:
    """The resource without what is to be taken away."""
    return {name: value for name, value in resource.items() if value is not None}


CASES = [case for library in LIBRARIES for case in read_cases(library)]


@pytest.mark.parametrize("payer", PAYERS)
def test_no_case_of_the_payers_is_answered_otherwise(payer: str, engines: Engines) -> None:
    """The payers' own cases, orders that authors thought of."""
    given = [case for case in CASES if _is_of(payer, case)]
    check = partial(check_case, engines, payer)

    assert given
    assert all(check(case) for case in given)


def _is_of(payer: str, case: Case) -> bool:
    coverage = case.member.get("coverage") or {}
    return f"'{payer}'" in str(coverage.get("payor"))


def check_case(engines: Engines, payer: str, case: Case) -> bool:
    """Whether one case is answered as we do, or not at all."""
    orders = [entry["resource"] for entry in case.order.get("entry", ())] or [case.order]
    for order in orders:
        if order["resourceType"] in PORTABLE_KINDS:
            data = (case.member["coverage"],)
            found = engines.tiny.answers((PAYER_ID, payer), order, data, "order-sign")
            determined = [
                as_written(determination)
                for answer in run_case(case, engines.ours).answers
                for determination in answer.determinations
            ]
            assert all(determined == [stated(extension["extension"])] for extension in found)
    return set(PORTABLE_KINDS) <= set(ORDER_KINDS)


def test_the_tiny_engine_holds_a_condition_that_it_cannot_bind_for_untrue() -> None:
    """As the real ones do: an order that is not found leaves the action out."""
    expression = {"language": "text/fhirpath", "expression": "%order.code.coding.exists()"}

    assert not is_true(expression, {})
