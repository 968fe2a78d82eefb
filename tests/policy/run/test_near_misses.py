"""Near misses: each policy that would have spoken but for one thing, and what that is."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from fakes import builtin_index, fake_pipeline
from hook_requests import (
    COMMERCIAL_PPO,
    MEDICARE_HMO,
    bundle,
    coverage,
    order_sign,
    patient,
    service_request,
)
from small_library import (
    organization,
    policy,
    rule,
    small_index,
    write_library,
)

from cds_service.audit.explanation import explain
from cds_service.crd.decision.near_miss import NearMiss, Obstacle
from cds_service.crd.decision.order_answer import OrderAnswer
from cds_service.crd.request.order import read_order
from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.unpublished import find_unpublished
from cds_service.policy.run.index import PolicyIndex
from cds_service.policy.run.near_misses import find_near_misses

JsonObject = dict[str, Any]
MEDICAID = {"system": "https://nahdo.org/sopt", "code": "2"}
FOCUS = {"system": "http://terminology.hl7.org/CodeSystem/usage-context-type", "code": "focus"}


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


def answer_of(index: PolicyIndex, order: JsonObject, insured: JsonObject) -> OrderAnswer:
    """The one answer of a call about an order of a member."""
    prefetch = {"patient": patient(), "coverage": bundle(insured)}
    body = encode(order_sign(order, version="2.0", prefetch=prefetch))
    decisions = fake_pipeline(index).evaluate(body).decisions
    (answer,) = decisions.answers
    return answer


def near(
    index: PolicyIndex, order: JsonObject, insured: JsonObject | None = None
) -> tuple[NearMiss, ...]:
    """The near misses of an order; without `insured`, for an iCare Medicare member."""
    return find_near_misses(answer_of(index, order, insured or coverage()), index, "order-sign")


def obstacles(found: Iterable[NearMiss], number: str) -> list[Obstacle]:
    """What keeps the policy of a number from speaking."""
    return [kind for miss in found if number in miss.title for kind, _ in miss.obstacles]


def device(code: JsonObject) -> JsonObject:
    """The same service, ordered as a device."""
    return {
        "resourceType": "DeviceRequest",
        "id": "device-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/member-1"},
        "codeCodeableConcept": code,
    }


NEAR: list[tuple[str, JsonObject, JsonObject, Obstacle, str]] = [
    (
        "another line of business",
        service_request(),
        coverage("icare", MEDICAID),
        Obstacle.PLAN,
        "it is for members of iCare Medicare Advantage",
    ),
    (
        "before it is in force",
        service_request(occurrenceDateTime="2023-01-01"),
        coverage(),
        Obstacle.DATE,
        "in force from 2024-10-08; the date of service is 2023-01-01",
    ),
    (
        "a code of another system",
        service_request(system="https://local.example.invalid"),
        coverage(),
        Obstacle.CODE_SYSTEM,
        "0600T is listed in CPT; the order has it in https://local.example.invalid",
    ),
    (
        "a code without system",
        {**service_request(), "code": {"coding": [{"code": "0600T"}]}},
        coverage(),
        Obstacle.CODE_SYSTEM,
        "0600T is listed in CPT; the order has it without a system",
    ),
    (
        "a code in words",
        {**service_request(), "code": {"text": "ablation, 0600T"}},
        coverage(),
        Obstacle.CODE_SYSTEM,
        "0600T is listed in CPT; the order has it in words alone",
    ),
    (
        "another type of order",
        device(service_request()["code"]),
        coverage(),
        Obstacle.ORDER_TYPE,
        "it is for a ServiceRequest; this is a DeviceRequest",
    ),
]


@pytest.mark.parametrize(
    ("order", "insured", "kind", "words"), [row[1:] for row in NEAR], ids=[row[0] for row in NEAR]
)
def test_a_policy_that_would_speak_but_for_one_thing_is_named_with_it(
    index: PolicyIndex, order: JsonObject, insured: JsonObject, kind: Obstacle, words: str
) -> None:
    """An analyst asks why nothing spoke, and this is the answer."""
    found = near(index, order, insured)

    assert obstacles(found, "WI.PA-1266") == [kind]
    ((_, stated),) = next(miss.obstacles for miss in found if "WI.PA-1266" in miss.title)
    assert words in stated


@pytest.mark.parametrize(
    ("insured", "words"),
    [
        (coverage(), "it is Anthem's; the member's payer is iCare"),
        (coverage("somebody-else"), "it is Anthem's; the member's payer is not identified"),
    ],
)
def test_another_payers_policy_is_a_near_miss(
    index: PolicyIndex, insured: JsonObject, words: str
) -> None:
    """Perhaps the Coverage is not the one meant, or its payer goes by another identifier."""
    found = near(index, service_request("93799"), insured)

    assert [miss.obstacles for miss in found] == [((Obstacle.PAYER, words),)]


def test_what_is_nearest_comes_first_and_the_members_own_payer_before_others(
    index: PolicyIndex,
) -> None:
    """A reader stops at the first that explains it."""
    found = near(index, service_request(occurrenceDateTime="2023-01-01"))

    assert [len(miss.obstacles) for miss in found] == [1, 2]
    by_plan = near(index, service_request(), coverage("icare", MEDICAID))
    assert ["WI.PA-1266" in miss.title for miss in by_plan] == [True, False]


@pytest.mark.parametrize(
    ("order", "insured"),
    [
        (service_request(), coverage()),
        (service_request("99213"), coverage()),
        (service_request(), coverage(status="cancelled")),
        (service_request("0600T"), coverage("anthem", COMMERCIAL_PPO)),
    ],
    ids=["a policy speaks", "no policy is near", "coverage has ended", "another payer's speaks"],
)
def test_there_is_no_near_miss_where_there_is_nothing_to_explain(
    index: PolicyIndex, order: JsonObject, insured: JsonObject
) -> None:
    """Neither an answered order, nor one that is not near anything."""
    assert near(index, order, insured) == ()


def test_an_ended_version_is_a_near_miss_and_so_is_another_hook(tmp_path: Path) -> None:
    """Its successor lists the code no more."""
    old = policy(rule(codes=["0001T"]), name="old", url="urn:p", version="1")
    new = policy(rule(codes=["0002T"]), name="new", url="urn:p", version="2", start="2025-01-01")
    dispatch = policy(rule(codes=["0003T"]), name="elsewhere", hooks=["order-dispatch"])
    index = small_index(tmp_path, old, new, dispatch)
    acme = coverage("acme", None)

    (ended,) = near(index, service_request("0001T"), acme)
    (elsewhere,) = near(index, service_request("0003T"), acme)

    assert ended.obstacles == (
        (Obstacle.DATE, "it ended on 2024-12-31; the date of service is 2026-11-01"),
    )
    assert elsewhere.obstacles == (
        (Obstacle.HOOK, "it answers on order-dispatch; this is order-sign"),
    )


def test_a_condition_of_the_rules_own_that_does_not_hold_is_named(tmp_path: Path) -> None:
    """The code is listed, and the rule is for others."""
    index = small_index(tmp_path, policy(rule(conditions=["%order.intent = 'plan'"])))

    (miss,) = near(index, service_request("0001T"), coverage("acme", None))

    assert miss.obstacles == ((Obstacle.CONDITION, "this does not hold: %order.intent = 'plan'"),)


def test_a_rule_for_every_order_is_no_near_miss_for_another_payer_or_type(tmp_path: Path) -> None:
    """It is about nothing in particular."""
    catch_all = policy(rule(codes=(), kind="MedicationRequest"), name="drugs")
    theirs = policy(rule(codes=()), name="theirs", payer="other")
    index = small_index(tmp_path, organization("other"), catch_all, theirs)

    assert near(index, service_request("0001T"), coverage("acme", None)) == ()


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_a_policy_that_is_not_active_is_a_near_miss_by_its_status(
    tmp_path: Path, status: str
) -> None:
    """It is in the library, and nothing is answered by it."""
    code = service_request("0001T")["code"]
    context = {"code": FOCUS, "valueCodeableConcept": code}
    unpublished = policy(rule(), status=status)
    unpublished["useContext"].append(context)
    library = read_library([write_library(tmp_path, organization(), unpublished)])

    (miss,) = find_unpublished(read_order(service_request("0001T")), library)

    assert miss.obstacles == (
        (Obstacle.STATUS, f"its status is `{status}`, so nothing is answered by it"),
    )
    assert find_unpublished(read_order(service_request("0002T")), library) == ()


def test_near_misses_are_rows_of_the_explanation(index: PolicyIndex) -> None:
    """Beneath what was determined, each with what it lacks; very many are counted."""
    answer = answer_of(index, service_request(), coverage("icare", MEDICAID))
    found = find_near_misses(answer, index, "order-sign")

    lines = explain([answer], lambda _answer: found).splitlines()
    many = explain([answer], lambda _answer: found * 5).splitlines()

    assert len([line for line in lines if line.startswith("near miss     ")]) == len(found) == 2
    assert "  but for     the plan: it is for members of iCare Medicare Advantage" in "\n".join(
        lines
    )
    assert many[-1] == "near misses   5 more"


def test_no_line_of_business_is_a_near_miss_of_itself(index: PolicyIndex) -> None:
    """A plan that could not be told keeps nothing from speaking."""
    assert near(index, service_request(), coverage("icare", None)) == ()
    assert near(index, service_request(), coverage("icare", MEDICARE_HMO)) == ()
