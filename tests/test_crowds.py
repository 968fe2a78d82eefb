"""Calls that name many things: each is answered with no more work than its size explains (OWASP API4)."""

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest
from answering import Answered, Service, make_service, problems
from dirty_requests import BASES

from cds_service.fhir.resource import encode

JsonObject = dict[str, Any]

LONGEST_SECONDS = 5.0  # of one processor's work: no request may hang a worker
CPT = "http://www.ama-assn.org/go/cpt"
BILLING_OPTIONS = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-billing-options"
COVERAGE_INFORMATION = (
    "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
)


@pytest.fixture(scope="module")
def service() -> Service:
    return make_service()


def base(name: str) -> JsonObject:
    return copy.deepcopy(BASES[name])


def entries(request: JsonObject, name: str = "draftOrders") -> list[JsonObject]:
    """The entries of a Bundle in the context."""
    found: list[JsonObject] = request["context"][name]["entry"]
    return found


def numbered(entry: JsonObject, many: int, **elements: Any) -> list[JsonObject]:
    """Entries alike but for their ids."""
    return [
        {"resource": {**entry["resource"], "id": f"number-{number}", **elements}}
        for number in range(many)
    ]


def orders() -> JsonObject:
    request = base("order-sign")
    request["context"]["draftOrders"]["entry"] = numbered(entries(request)[0], 1_000)
    return request


def coverages_one_of_which_is_to_count() -> JsonObject:
    request = base("order-sign")
    request["prefetch"]["coverage"]["entry"] = numbered(
        request["prefetch"]["coverage"]["entry"][0], 4_000
    )
    return request


def coverages_all_of_which_count() -> JsonObject:
    request = base("older order-sign")
    request["context"]["draftOrders"]["entry"] = numbered(entries(request)[0], 30)
    request["prefetch"]["coverage"]["entry"] = numbered(
        request["prefetch"]["coverage"]["entry"][0], 300
    )
    return request


def appointments_for_orders_named_by_identifier() -> JsonObject:
    request = base("appointment-book")
    request["context"]["appointments"]["entry"] = [
        {
            "resource": {
                **one["resource"],
                "basedOn": [{"identifier": {"system": "urn:x", "value": one["resource"]["id"]}}],
            }
        }
        for one in numbered(entries(request, "appointments")[0], 3_000)
    ]
    return request


def an_appointment_for_many_orders() -> JsonObject:
    request = base("appointment-book")
    ordered = numbered(request["prefetch"]["serviceRequests"]["entry"][0], 1_000)
    named = [{"reference": f"ServiceRequest/{one['resource']['id']}"} for one in ordered]
    request["prefetch"]["serviceRequests"]["entry"] = ordered
    entries(request, "appointments")[0]["resource"]["basedOn"] = named
    return request


def codings() -> JsonObject:
    request = base("order-sign")
    entries(request)[0]["resource"]["code"]["coding"] = [
        {"system": CPT, "code": f"{n:05}"} for n in range(50_000)
    ]
    return request


def ways_of_billing() -> JsonObject:
    request = base("anthem order-sign")
    entries(request)[0]["resource"]["code"]["extension"] = [
        {
            "url": BILLING_OPTIONS,
            "valueCodeableConcept": {"coding": [{"system": CPT, "code": f"{number:05}"}]},
        }
        for number in range(1_000)
    ]
    return request


def words_that_deny_and_affirm() -> JsonObject:
    request = base("anthem order-sign")
    entries(request)[0]["resource"]["code"]["text"] = (
        "not PFA, PFA or IRE, no pulsed field ablation " * 5_000
    )
    return request


def displays() -> JsonObject:
    request = base("anthem order-sign")
    coding = entries(request)[0]["resource"]["code"]["coding"]
    entries(request)[0]["resource"]["code"]["coding"] = [
        {**coding[0], "display": f"one {n}"} for n in range(5_000)
    ]
    return request


def earlier_answers() -> JsonObject:
    request = base("order-sign")
    coverage = {"url": "coverage", "valueReference": {"reference": "Coverage/coverage-1"}}
    earlier = {
        "url": COVERAGE_INFORMATION,
        "extension": [coverage, {"url": "covered", "valueCode": "covered"}],
    }
    entries(request)[0]["resource"]["extension"] = [earlier] * 3_000
    return request


def selections() -> JsonObject:
    request = base("order-select")
    request["context"]["selections"] = [
        f"ServiceRequest/order-{number}" for number in range(50_000)
    ]
    return request


def addresses() -> JsonObject:
    request = base("encounter-discharge")
    request["prefetch"]["patient"]["address"] = [
        {"state": f"S{number}"} for number in range(20_000)
    ]
    return request


CROWDS: tuple[Callable[[], JsonObject], ...] = (
    orders,
    coverages_one_of_which_is_to_count,
    coverages_all_of_which_count,
    appointments_for_orders_named_by_identifier,
    an_appointment_for_many_orders,
    codings,
    ways_of_billing,
    words_that_deny_and_affirm,
    displays,
    earlier_answers,
    selections,
    addresses,
)


def timed(service: Service, request: JsonObject) -> tuple[Answered, float]:
    """An answer, and the processor time it took."""
    body = encode(request)
    started = time.thread_time()
    answered = service.answer(request["hook"], body)
    return answered, time.thread_time() - started


@pytest.mark.parametrize("crowd", CROWDS, ids=lambda crowd: crowd.__name__)
def test_a_crowd_of_anything_hangs_nobody(
    service: Service, crowd: Callable[[], JsonObject]
) -> None:
    """Well below the size a body may have, no call costs more than five seconds of work."""
    answered, seconds = timed(service, crowd())

    assert answered.status in (200, 400)
    assert seconds < LONGEST_SECONDS


@pytest.mark.parametrize(
    "crowd", [orders, codings, ways_of_billing, earlier_answers], ids=lambda crowd: crowd.__name__
)
def test_a_crowd_gets_a_sound_answer(service: Service, crowd: Callable[[], JsonObject]) -> None:
    """Many things are answered as well as few."""
    request = crowd()
    answered, _ = timed(service, request)

    assert problems(answered, request) == []
