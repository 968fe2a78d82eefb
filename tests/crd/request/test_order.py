"""Orders: where each of the six kinds keeps its codes, dates and subject."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from every_hook import call
from hook_requests import patient
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.cds_hooks.prefetch import read_resources
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.codes import BILLING_OPTIONS
from cds_service.crd.request.chart import Chart, index_chart
from cds_service.crd.request.hooks import HOOKS
from cds_service.crd.request.order import (
    PAYLOAD_CONTENT,
    Order,
    day_of_service,
    read_order,
)
from cds_service.crd.request.order_kinds import ORDER_KINDS, is_order
from cds_service.crd.request.requested_orders import find_requested, read_requested_orders
from cds_service.crd.request.version import VERSIONS
from cds_service.errors import InvalidRequest
from cds_service.fhir.coding import CPT, HCPCS
from cds_service.fhir.dates import ANY_DAY, Days
from cds_service.fhir.resource import decode, encode

JsonObject = dict[str, Any]


def read_orders(resources: Sequence[JsonObject], at_hand: Chart) -> tuple[Order, ...]:
    """The orders of an order-sign call about these resources."""
    found = read_resources(list(resources))
    called = replace(at_hand.with_found(found, {}), _in_context={"draftOrders": found})
    requested = find_requested(HOOKS["order-sign"], called)
    return tuple(read_requested_orders(requested, called, VERSIONS["2.2"]))


TODAY = date(2026, 11, 20)
CODE: JsonObject = {
    "coding": [{"system": CPT, "code": "0600T", "display": "invented display"}],
    "text": "invented words",
}
PAYLOAD: JsonObject = {"extension": [{"url": PAYLOAD_CONTENT, "valueCodeableConcept": CODE}]}
PAYLOAD_X: JsonObject = {
    "extension": [{"url": f"{PAYLOAD_CONTENT}[x]", "valueCodeableConcept": CODE}]
}

# Kind, where its code stands, the name of its subject, the element that says when it was written.
CODED: list[tuple[str, JsonObject]] = [
    ("ServiceRequest", {"code": CODE}),
    ("DeviceRequest", {"codeCodeableConcept": CODE}),
    ("MedicationRequest", {"medicationCodeableConcept": CODE}),
    ("NutritionOrder", {"oralDiet": {"type": [CODE]}}),
    ("NutritionOrder", {"supplement": [{"type": CODE}]}),
    ("NutritionOrder", {"enteralFormula": {"baseFormulaType": CODE}}),
    ("NutritionOrder", {"enteralFormula": {"additiveType": CODE}}),
    ("VisionPrescription", {"lensSpecification": [{"product": CODE}]}),
    ("CommunicationRequest", {"payload": [PAYLOAD]}),
    ("CommunicationRequest", {"payload": [PAYLOAD_X]}),
]
WRITTEN = {
    "ServiceRequest": "authoredOn",
    "DeviceRequest": "authoredOn",
    "MedicationRequest": "authoredOn",
    "NutritionOrder": "dateTime",
    "VisionPrescription": "dateWritten",
    "CommunicationRequest": "authoredOn",
}
SUBJECT = {
    kind: "patient" if kind in ("NutritionOrder", "VisionPrescription") else "subject"
    for kind in WRITTEN
}


def order(kind: str = "ServiceRequest", **elements: Any) -> Order:
    return read_order({"resourceType": kind, "id": "1", **elements})


def chart(*resources: JsonObject) -> Chart:
    return index_chart(list(read_resources(list(resources))), patient_id="member-1")


def day(year: int, month: int, number: int) -> Days:
    return Days(date(year, month, number), date(year, month, number))


def test_the_kinds_of_order_are_known() -> None:
    """Those a request Bundle may hold, Appointment and Encounter, and nothing else."""
    assert set(ORDER_KINDS) == {*WRITTEN, "Appointment", "Encounter"}
    assert not any(
        is_order({"resourceType": kind}) for kind in ("Task", "Patient", "", "servicerequest")
    )


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        ("order-sign", "draftOrders"),
        ("order-select", "draftOrders"),
        ("appointment-book", "appointments"),
    ],
)
@pytest.mark.parametrize("kind", [*ORDER_KINDS, "Bundle"])
def test_a_resource_of_each_kind_may_come_without_its_bundle(
    hook: str, name: str, kind: str
) -> None:
    """The schema of a hook's context knows every kind of order there is."""
    parse_context(hook, name, {"resourceType": kind, "id": "1"})


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        ("order-sign", "draftOrders"),
        ("order-select", "draftOrders"),
        ("appointment-book", "appointments"),
    ],
)
@pytest.mark.parametrize("kind", ["Patient", "Task", "OperationOutcome", "servicerequest", "", 7])
def test_a_resource_that_comes_alone_and_is_no_order_is_refused(
    hook: str, name: str, kind: Any
) -> None:
    """Nothing at all would be answered, and nobody would learn why."""
    with pytest.raises(InvalidRequest) as caught:
        parse_context(hook, name, {"resourceType": kind, "id": "1"})

    assert caught.value.where == f"$.context.{name}.resourceType"


def parse_context(hook: str, name: str, value: JsonObject) -> None:
    """Read a call of a hook with this in its context."""
    request = call(hook)
    body = {**request, "context": {**request["context"], name: value}}
    HookRequestParser(hook).parse(encode(body))


@pytest.mark.parametrize(("kind", "elements"), CODED)
def test_each_kind_is_read_where_it_keeps_its_code(kind: str, elements: JsonObject) -> None:
    """Codes and words, whatever the element is called."""
    read = order(kind, **elements)

    assert [coding.code for coding in read.codings] == ["0600T"]
    assert read.words == ("invented words", "invented display")
    assert read.label == "invented words"


@pytest.mark.parametrize(
    ("kind", "element", "target", "held"),
    [
        ("DeviceRequest", "codeReference", "Device", "type"),
        ("MedicationRequest", "medicationReference", "Medication", "code"),
    ],
)
def test_a_code_may_stand_on_the_thing_the_order_points_to(
    kind: str, element: str, target: str, held: str
) -> None:
    """Prefetched or contained, the Device or Medication gives the order its code."""
    thing = {"resourceType": target, "id": "t", held: CODE}
    pointing = {"resourceType": kind, "id": "1", element: {"reference": f"{target}/t"}}
    containing = {
        "resourceType": kind,
        "id": "2",
        element: {"reference": "#t"},
        "contained": [thing],
    }
    dangling = {"resourceType": kind, "id": "3", element: {"reference": f"{target}/missing"}}
    read = read_orders((pointing, containing, dangling), chart(thing))

    assert [[coding.code for coding in order.codings] for order in read] == [
        ["0600T"],
        ["0600T"],
        [],
    ]


@pytest.mark.parametrize("kind", WRITTEN)
def test_an_order_with_mandatory_elements_alone_is_read(kind: str) -> None:
    """Nothing beyond type and id is needed, and the label is then the type."""
    read = order(kind)

    assert (read.codings, read.words, read.date_of_service, read.prohibits) == ((), (), None, False)
    assert read.label == kind


@pytest.mark.parametrize(
    "code",
    [
        {"coding": [{}]},
        {"coding": [{"code": "0600T"}]},
        {"coding": [{"system": CPT}]},
        {"coding": []},
        {"coding": None},
        {"coding": "0600T"},
        [],
        None,
        "0600T",
        7,
    ],
    ids=repr,
)
def test_a_code_that_is_not_system_and_code_is_none(code: Any) -> None:
    """The CDS Hooks Sandbox sends `[{}]`; a code without a system could be anybody's."""
    assert order(code=code).codings == ()


def test_every_coding_counts_in_its_order() -> None:
    """EHRs put their local code first."""
    local = {"system": "urn:oid:1.2.3", "code": "LOCAL"}

    assert [coding.code for coding in order(code={"coding": [local, *CODE["coding"]]}).codings] == [
        "LOCAL",
        "0600T",
    ]


def test_a_label_is_the_orders_words_else_its_codes() -> None:
    """What a person would call it."""
    assert order(code={"coding": CODE["coding"]}).label == "invented display"
    assert (
        order(
            code={"coding": [{"system": CPT, "code": "0600T"}, {"system": CPT, "code": "0601T"}]}
        ).label
        == "0600T, 0601T"
    )


# Modifiers (FHIR R4, Extensibility).
MODIFIER: JsonObject = {"modifierExtension": [{"url": "https://e.example.invalid"}]}


@pytest.mark.parametrize(
    "elements",
    [
        MODIFIER,
        {"dispenseRequest": MODIFIER},
        {"lensSpecification": [{}, MODIFIER]},
        {"dispenseRequest": {"initialFill": MODIFIER}},
        {"lensSpecification": [{"eye": "left"}, {"prism": [{"base": "up"}, MODIFIER]}]},
        {"oralDiet": {"nutrient": [{"modifier": {"text": "x"}}, {"modifier": MODIFIER}]}},
        {"enteralFormula": {"administration": [{"schedule": {"repeat": {"bounds": MODIFIER}}}]}},
    ],
    ids=["root", "object", "list", "object in object", "list in list", "three deep", "five deep"],
)
def test_a_modifier_is_found_however_deep_it_stands(elements: JsonObject) -> None:
    """It turns the meaning of what holds it around, and with it perhaps the order's."""
    assert order("NutritionOrder", **elements).modified


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"modifierExtension": []},
        {"modifierExtension": None, "dispenseRequest": {"modifierExtension": [], "quantity": {}}},
        {"extension": [{"url": "https://e.example.invalid", "valueString": "modifierExtension"}]},
        {"contained": [{"resourceType": "Medication", **MODIFIER}]},
    ],
    ids=["nothing", "an empty list", "empty ones inside", "a word", "in a contained resource"],
)
def test_an_order_without_a_modifier_of_its_own_is_not_modified(elements: JsonObject) -> None:
    """Empty is absent, and a contained resource's modifier changes that resource alone."""
    assert not order("MedicationRequest", **elements).modified


# Dates of service (design 4.6).
OCTOBER = {"start": "2026-10-05T08:00:00Z", "end": "2026-10-09"}
PLANNED: list[tuple[str, JsonObject, Days | None]] = [
    ("ServiceRequest", {"occurrenceDateTime": "2026-10-05"}, day(2026, 10, 5)),
    ("ServiceRequest", {"occurrenceDateTime": "2026-10-05T23:59:59-08:00"}, day(2026, 10, 5)),
    (
        "ServiceRequest",
        {"occurrenceDateTime": "2026-10"},
        Days(date(2026, 10, 1), date(2026, 10, 31)),
    ),
    ("ServiceRequest", {"occurrenceDateTime": "2026"}, Days(date(2026, 1, 1), date(2026, 12, 31))),
    ("ServiceRequest", {"occurrencePeriod": OCTOBER}, day(2026, 10, 5)),
    (
        "ServiceRequest",
        {"occurrenceTiming": {"event": ["2026-10-05", "2026-10-07"]}},
        day(2026, 10, 5),
    ),
    (
        "ServiceRequest",
        {"occurrenceTiming": {"repeat": {"boundsPeriod": OCTOBER}}},
        day(2026, 10, 5),
    ),
    ("ServiceRequest", {"occurrenceTiming": {"event": "2026-10-05"}}, day(2026, 10, 5)),
    ("DeviceRequest", {"occurrenceDateTime": "2026-10-05"}, day(2026, 10, 5)),
    ("DeviceRequest", {"occurrencePeriod": OCTOBER}, day(2026, 10, 5)),
    ("CommunicationRequest", {"occurrencePeriod": OCTOBER}, day(2026, 10, 5)),
]


@pytest.mark.crd("conf-8")
def test_a_dispense_period_plans_nothing() -> None:
    """CRD's profile of MedicationRequest does not promise it; the day it was written counts."""
    order = {
        "resourceType": "MedicationRequest",
        "authoredOn": "2026-11-01",
        "dispenseRequest": {"validityPeriod": OCTOBER},
    }

    assert read_order(order).date_of_service == day(2026, 11, 1)


@pytest.mark.parametrize(("kind", "elements", "expected"), PLANNED)
def test_the_planned_date_is_the_date_of_service(
    kind: str, elements: JsonObject, expected: Days
) -> None:
    """It comes before the date the order was written."""
    read = order(kind, **elements, **{WRITTEN[kind]: "2026-11-01"})

    assert day_of_service(read, TODAY) == expected


@pytest.mark.parametrize("kind", WRITTEN)
def test_without_a_planned_date_it_is_the_day_the_order_was_written(kind: str) -> None:
    """Each kind has its own name for that."""
    assert day_of_service(order(kind, **{WRITTEN[kind]: "2026-11-01T10:00:00Z"}), TODAY) == day(
        2026, 11, 1
    )


@pytest.mark.parametrize("kind", WRITTEN)
def test_without_any_date_it_is_today(kind: str) -> None:
    """A draft is about to be signed."""
    assert day_of_service(order(kind), TODAY) == Days(TODAY, TODAY)


UNREADABLE = [
    "10/05/2026",
    "2026-13-01",
    "2026-02-30",
    "soon",
    "20261005",
    "2026-1-5",
    "0000-01-01",
    "05.10.2026",
]


@pytest.mark.parametrize("written", UNREADABLE)
@pytest.mark.parametrize(
    "elements",
    [
        lambda day: {"occurrenceDateTime": day},
        lambda day: {"occurrencePeriod": {"start": day}},
        lambda day: {"occurrenceTiming": {"event": [day]}},
        lambda day: {"occurrenceDateTime": day, "authoredOn": "2026-11-01"},
    ],
    ids=["dateTime", "Period", "Timing", "beside a readable authoredOn"],
)
def test_a_planned_date_that_cannot_be_read_is_unknown(elements: Any, written: str) -> None:
    """Unreadable means unknown, never today."""
    assert day_of_service(order(**elements(written)), TODAY) == ANY_DAY


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_written_date_that_cannot_be_read_is_unknown_too(kind: str) -> None:
    """An order written on a day that nobody can read was not therefore written today."""
    assert day_of_service(order(kind, **{WRITTEN[kind]: "10/05/2019"}), TODAY) == ANY_DAY


@pytest.mark.parametrize("nothing", [None, "", "  ", {}, []], ids=repr)
def test_an_empty_date_is_an_absent_one(nothing: Any) -> None:
    """EHRs send null and empty strings for what they do not have."""
    assert day_of_service(order(occurrenceDateTime=nothing, authoredOn=nothing), TODAY) == Days(
        TODAY, TODAY
    )


# Billing options.


def options(*codes: str) -> list[JsonObject]:
    concepts = [{"coding": [{"system": CPT, "code": code}]} for code in codes]
    return [{"url": BILLING_OPTIONS, "valueCodeableConcept": concept} for concept in concepts]


def billed(read: Order) -> list[list[str]]:
    return [[coding.code for coding in group] for group in read.billing_options]


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("ServiceRequest", {"code": {**CODE, "extension": options("0600T", "0601T")}}),
        (
            "DeviceRequest",
            {"codeCodeableConcept": {**CODE, "extension": options("0600T", "0601T")}},
        ),
        (
            "MedicationRequest",
            {"medicationCodeableConcept": {**CODE, "extension": options("0600T", "0601T")}},
        ),
        (
            "VisionPrescription",
            {"lensSpecification": [{"product": {**CODE, "extension": options("0600T", "0601T")}}]},
        ),
        (
            "VisionPrescription",
            {"lensSpecification": [{"product": CODE, "extension": options("0600T", "0601T")}]},
        ),
    ],
    ids=["ServiceRequest", "DeviceRequest", "MedicationRequest", "product", "lensSpecification"],
)
def test_each_code_an_order_may_be_billed_under_is_read(kind: str, elements: JsonObject) -> None:
    """One group a repetition, wherever the profile or the extension's context lets it stand."""
    assert billed(order(kind, **elements)) == [["0600T"], ["0601T"]]


def test_the_billing_options_of_a_device_are_the_orders() -> None:
    """The Device profile carries the extension on the Device itself."""
    device = {
        "resourceType": "Device",
        "id": "d",
        "type": CODE,
        "extension": options("0600T", "0601T"),
    }
    pointing = {
        "resourceType": "DeviceRequest",
        "id": "1",
        "codeReference": {"reference": "Device/d"},
    }
    (read,) = read_orders((pointing,), chart(device))

    assert billed(read) == [["0600T"], ["0601T"]]


def test_synonyms_of_one_billing_option_are_one_group() -> None:
    """Codings of one concept mean one thing."""
    both = {"coding": [{"system": CPT, "code": "0600T"}, {"system": HCPCS, "code": "X0000"}]}
    extension = [{"url": BILLING_OPTIONS, "valueCodeableConcept": both}]

    assert billed(order(code={**CODE, "extension": extension})) == [["0600T", "X0000"]]


@pytest.mark.parametrize(
    "extension",
    [None, [], [{}], [{"url": BILLING_OPTIONS}], options(""), [{"url": "https://else.invalid"}]],
)
def test_an_order_without_billing_options_has_none(extension: Any) -> None:
    """They are never depended on; empty ones are not groups."""
    assert billed(order(code={**CODE, "extension": extension})) == []


# Which orders are asked about.


@pytest.mark.parametrize("stated", [True, "true"])
def test_an_order_that_forbids_its_service_asks_for_nothing(stated: Any) -> None:
    """`doNotPerform` is understood, as a boolean and as an EHR's string."""
    resource = {"resourceType": "ServiceRequest", "id": "1", "code": CODE, "doNotPerform": stated}

    assert order(doNotPerform=stated).prohibits
    assert read_orders((resource,), chart()) == ()


@pytest.mark.parametrize("stated", [False, "false", None, "", 0])
def test_an_order_that_does_not_forbid_is_asked_about(stated: Any) -> None:
    """Only `true` forbids."""
    assert not order(doNotPerform=stated).prohibits


@pytest.mark.parametrize("kind", WRITTEN)
def test_another_patients_order_is_left_alone(kind: str) -> None:
    """Each kind names its subject in its own element."""
    mine = {"resourceType": kind, "id": "1", SUBJECT[kind]: {"reference": "Patient/member-1"}}
    theirs = {"resourceType": kind, "id": "2", SUBJECT[kind]: {"reference": "Patient/another"}}
    nobodys = {"resourceType": kind, "id": "3"}
    read = read_orders((mine, theirs, nobodys), chart(patient()))

    assert [order.resource["id"] for order in read] == ["1", "3"]


def test_an_order_that_came_twice_is_one_order() -> None:
    """Orders without an id are each their own."""
    order_1 = {"resourceType": "ServiceRequest", "id": "1", "code": CODE}
    nameless = {"resourceType": "ServiceRequest"}
    read = read_orders((order_1, dict(order_1), nameless, dict(nameless)), chart())

    assert [order.key is not None for order in read] == [True, False, False]


@pytest.mark.parametrize("listed_first", [True, False])
def test_two_orders_under_one_id_are_refused(listed_first: bool) -> None:
    """Only one of them could be updated: the other's answer, perhaps a refusal, would be lost."""
    listed = {"resourceType": "ServiceRequest", "id": "1", "code": CODE}
    other = {"resourceType": "ServiceRequest", "id": "1"}
    with pytest.raises(
        InvalidRequest, match="two different orders \\(ServiceRequest\\) have one id"
    ):
        read_orders((listed, other) if listed_first else (other, listed), chart())


def test_the_order_is_the_very_object_that_came() -> None:
    """Reading never copies or mends it."""
    resource = decode(
        encode(
            {
                "resourceType": "ServiceRequest",
                "id": " 1 ",
                "code": CODE,
                "quantityQuantity": {"value": 1},
            }
        )
    )

    assert read_order(resource).resource is resource


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["coding", "text", "code", "start", "event", "repeat", "extension", "url", "type"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
ELEMENTS = (
    "id code codeCodeableConcept codeReference medicationCodeableConcept medicationReference "
    "oralDiet supplement enteralFormula lensSpecification payload subject patient "
    "occurrenceDateTime occurrencePeriod occurrenceTiming dispenseRequest authoredOn dateTime "
    "dateWritten doNotPerform contained"
).split()


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(sorted(WRITTEN)),
    elements=st.dictionaries(st.sampled_from(ELEMENTS), junk, max_size=5),
)
def test_no_malformed_order_stops_the_answer(kind: str, elements: JsonObject) -> None:
    """Whatever stands where: what is read is the order that came, dated and named somehow."""
    resource = {"resourceType": kind, **elements}
    before = encode(resource)
    for read in read_orders((resource,), chart(patient())):
        days = day_of_service(read, TODAY)
        assert days.first <= days.last
        assert read.label.strip()
        assert read.resource is resource

    assert encode(resource) == before


@pytest.mark.parametrize("identity", ["a/b", "a?b", "a#b", "a|1"])
def test_an_order_whose_id_no_reference_can_carry_cannot_be_updated(identity: str) -> None:
    """It is read like any other, and has no key that an update could name."""
    read = order(id=identity, code=CODE)

    assert (read.key, [coding.code for coding in read.codings]) == (None, ["0600T"])
