"""Whose data it is: what cannot be read as the call's patient's decides nothing (design: 4.19)."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from every_hook import (
    annotations,
    appointment,
    ask,
    call,
    encounter,
    minimal_orders,
    reference,
    updates,
)
from hook_requests import coverage, patient, service_request
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cds_service.errors import PayerNotHandled
from cds_service.fhir.reference import ResourceKey, parse_reference

JsonObject = dict[str, Any]

MRN = "urn:oid:1.2.36.146.595.217.0.1"
URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
MEMBER = patient(identifier=[{"system": MRN, "value": "12345"}])
# Contained in each resource here, so that fragments have somebody to lead to.
CONTAINED: list[JsonObject] = [
    {"resourceType": "Patient", "id": "mine", "identifier": [{"system": MRN, "value": "12345"}]},
    {"resourceType": "Patient", "id": "theirs", "identifier": [{"system": MRN, "value": "54321"}]},
    {"resourceType": "Patient", "id": "member-1"},
    {"resourceType": "Group", "id": "group", "identifier": [{"system": MRN, "value": "12345"}]},
]

OTHERS: Mapping[str, Any] = {
    "another id": {"reference": "Patient/OTHER"},
    "a slash at the end": {"reference": "Patient/OTHER/"},
    "a query": {"reference": "Patient/OTHER?x=1"},
    "a version after a bar": {"reference": "Patient/OTHER|1"},
    "a version of the member's after a bar": {"reference": "Patient/member-1|1"},
    "a fragment of a Patient": {"reference": "Patient/OTHER#p"},
    "small letters": {"reference": "patient/OTHER"},
    "two slashes": {"reference": "Patient//OTHER"},
    "a scheme in capitals": {"reference": "HTTP://x/Patient/OTHER"},
    "another scheme": {"reference": "ftp://x/Patient/OTHER"},
    "an absolute reference": {"reference": "https://x.example.invalid/fhir/Patient/OTHER"},
    "a versioned reference": {"reference": "Patient/OTHER/_history/1"},
    "an id in other letters": {"reference": "Patient/MEMBER-1"},
    "a search": {"reference": "Patient?identifier=12345"},
    "a Person": {"reference": "Person/OTHER"},
    "a Person of the member's id": {"reference": "Person/member-1"},
    "a Group": {"reference": "Group/1"},
    "an id alone": {"reference": "member-1"},
    "a type alone": {"reference": "Patient"},
    "a URN that nobody has": {"reference": "urn:uuid:5c3151bd-1cbf-4d64-b04d-cd9187a4c6e1"},
    "an OID": {"reference": "urn:oid:1.2.3"},
    "words": {"reference": "the patient's mother"},
    "a number": {"reference": 7},
    "a contained Patient who is another": {"reference": "#theirs"},
    "a contained Patient without identifier": {"reference": "#member-1"},
    "a contained Group": {"reference": "#group"},
    "a contained resource that is not there": {"reference": "#nobody"},
    "the resource itself": {"reference": "#"},
    "another's identifier": {"identifier": {"system": MRN, "value": "54321"}},
    "the member's identifier in another system": {
        "identifier": {"system": "urn:oid:1.2.3", "value": "12345"}
    },
    "the member's identifier without a system": {"identifier": {"value": "12345"}},
    "a display and nothing else": {"display": "Invented Member"},
    "another patient beside the member's identifier": {
        "reference": "Patient/OTHER",
        "identifier": {"system": MRN, "value": "12345"},
    },
    "a list of two": [{"reference": "Patient/member-1"}, {"reference": "Patient/OTHER"}],
    # What no reader can make out is not taken for nothing.
    "a list where a text is due": {"reference": ["Patient/OTHER"]},
    "an object where a text is due": {"reference": {"value": "Patient/OTHER"}},
    "a text where an identifier is due": {"identifier": "54321"},
    "an identifier of objects": {"identifier": {"system": MRN, "value": {"value": "54321"}}},
    "a list where a display is due": {"display": ["Somebody Else"]},
    "a text where a Reference is due": "Patient/OTHER",
    "a list of texts": ["Patient/OTHER"],
}
OURS: Mapping[str, Any] = {
    "relative": {"reference": "Patient/member-1"},
    "absolute": {"reference": "https://ehr.example.invalid/fhir/R4/Patient/member-1"},
    "absolute under another base": {"reference": "http://10.0.0.7:8080/Patient/member-1"},
    "versioned": {"reference": "Patient/member-1/_history/3"},
    "absolute and versioned": {"reference": "https://x.invalid/Patient/member-1/_history/3"},
    "padded": {"reference": " Patient/member-1 "},
    "the URN of the Patient that came": {"reference": URN},
    "the member's identifier": {"identifier": {"system": MRN, "value": "12345"}},
    "one of two identifiers": {"identifier": [{"value": "1"}, {"system": MRN, "value": "12345"}]},
    "a contained Patient with the member's identifier": {"reference": "#mine"},
    "the member beside another's identifier": {
        "reference": "Patient/member-1",
        "identifier": {"system": MRN, "value": "54321"},
    },
    "a text": "Patient/member-1",
    "nothing": None,
    "an empty Reference": {},
    "an empty reference": {"reference": ""},
    "a blank reference": {"reference": " "},
    "a null reference": {"reference": None, "display": None},
    "an empty list": [],
    "an empty text": "",
    "a type alone": {"type": "Patient"},
}
KINDS = [*minimal_orders(), "Encounter"]


def of(kind: str, whose: Any) -> JsonObject:
    """A call about a resource of a kind that names somebody as its subject, and contains many."""
    name = "patient" if kind in ("NutritionOrder", "VisionPrescription") else "subject"
    if kind == "Encounter":
        return named("encounter-discharge", encounter(subject=whose, contained=CONTAINED))
    return named("order-sign", {**minimal_orders()[kind], name: whose, "contained": CONTAINED})


def of_participants(*actors: Any, contained: Any = CONTAINED) -> JsonObject:
    """A call about an appointment in which these take part."""
    taking_part = [{"actor": actor, "status": "needs-action"} for actor in actors]
    booked = appointment(participant=taking_part, contained=contained)
    return named("appointment-book", booked)


def insured(whose: Any) -> JsonObject:
    """An iCare member's Coverage whose beneficiary is somebody."""
    return coverage(beneficiary=whose, contained=CONTAINED)


def named(hook: str, *about: JsonObject, **more: Any) -> JsonObject:
    """A call in which the member comes with an identifier, under a URN."""
    request = call(hook, *about, **more)
    request["prefetch"]["patient"]["entry"] = [{"fullUrl": URN, "resource": MEMBER}]
    return request


def answered(request: JsonObject) -> list[str]:
    """The resources that the response to a call says anything about."""
    response = ask(request)
    assert bool(response["cards"]) <= bool(updates(response))
    return list(map(reference, updates(response)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("whose", OTHERS)
def test_an_order_that_is_not_read_as_the_patients_is_dropped(whose: str, kind: str) -> None:
    """Another patient's order in this call is no order of this call."""
    assert answered(of(kind, OTHERS[whose])) == []


@pytest.mark.parametrize("kind", minimal_orders())
@pytest.mark.parametrize("whose", OURS)
def test_an_order_of_the_patient_is_answered_however_he_is_named(whose: str, kind: str) -> None:
    """Every spelling that leads to the member; who names nobody means the member too."""
    order = minimal_orders()[kind]

    assert answered(of(kind, OURS[whose])) == [reference(order)]


@pytest.mark.parametrize("whose", OURS)
def test_an_encounter_of_the_patient_is_answered_however_he_is_named(whose: str) -> None:
    """Encounters have a subject like orders."""
    assert answered(of("Encounter", OURS[whose])) == ["Encounter/encounter-1"]


@pytest.mark.parametrize("whose", OTHERS)
def test_a_coverage_that_is_not_read_as_the_patients_is_not_used(whose: str) -> None:
    """A newer client is told that none came; nothing is answered from another's insurance."""
    with pytest.raises(PayerNotHandled, match="no Coverage"):
        ask(named("order-sign", member=[MEMBER, insured(OTHERS[whose])]))


@pytest.mark.parametrize("whose", OTHERS)
def test_an_older_client_gets_nothing_written_from_anothers_coverage(whose: str) -> None:
    """Cards for members of any payer, as if no Coverage had come."""
    request = named("order-sign", member=[MEMBER, insured(OTHERS[whose])], version="2.0")

    assert annotations(ask(request)) == []


@pytest.mark.parametrize("whose", OURS)
def test_a_coverage_of_the_patient_is_used_however_he_is_named(whose: str) -> None:
    """The same spellings as for orders."""
    (parts,) = annotations(ask(named("order-sign", member=[MEMBER, insured(OURS[whose])])))

    assert parts["covered"] == ["not-covered"]


@pytest.mark.parametrize("whose", OTHERS)
def test_an_appointment_in_which_another_takes_part_alone_is_dropped(whose: str) -> None:
    """Nobody in it can be read as the patient."""
    assert answered(of_participants(OTHERS[whose])) == []


LITERAL = [whose for whose, named_by in OTHERS.items() if "reference" in named_by]


@pytest.mark.parametrize("whose", LITERAL)
def test_an_appointment_of_the_patient_and_another_is_dropped(whose: str) -> None:
    """A reference to who may be another patient makes it as much his."""
    assert answered(of_participants({"reference": "Patient/member-1"}, OTHERS[whose])) == []


@pytest.mark.crd("hook-26")
@pytest.mark.parametrize("whose", OURS)
def test_an_appointment_of_the_patient_is_answered_however_he_is_named(whose: str) -> None:
    """The same spellings as for orders, beside a practitioner."""
    performer = {"reference": "Practitioner/performer"}

    assert answered(of_participants(OURS[whose], performer)) == ["Appointment/appointment-1"]


NO_PATIENTS: list[JsonObject] = [
    {"reference": "Practitioner/OTHER"},
    {"reference": "https://x.example.invalid/fhir/PractitionerRole/OTHER/_history/2"},
    {"reference": "RelatedPerson/mother"},
    {"reference": "Device/scanner"},
    {"reference": "HealthcareService/ablation"},
    {"reference": "Location/room-2"},
    {"reference": "#doctor"},
    {"reference": "#room"},
    {"reference": "urn:uuid:5c3151bd-1cbf-4d64-b04d-cd9187a4c6e1", "type": "Practitioner"},
    {"type": "Location", "display": "Room 2"},
    {
        "identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"},
        "type": "Practitioner",
    },
    {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}},
    {"display": "Dr. Invented"},
]
STAFF: list[JsonObject] = [
    {"resourceType": "Practitioner", "id": "doctor"},
    {"resourceType": "Location", "id": "room"},
]


@pytest.mark.crd("hook-26")
@pytest.mark.parametrize("actor", NO_PATIENTS, ids=repr)
def test_who_else_takes_part_in_the_patients_appointment_does_not_matter(actor: JsonObject) -> None:
    """Practitioners and rooms are no patients, though EHRs often have no more than their names."""
    request = of_participants({"reference": "Patient/member-1"}, actor, contained=STAFF)

    assert answered(request) == ["Appointment/appointment-1"]


def test_an_appointment_of_nobody_in_particular_is_the_patients() -> None:
    """It came in this patient's call, and no participant speaks against it."""
    assert answered(of_participants()) == ["Appointment/appointment-1"]
    assert answered(of_participants({"reference": "Practitioner/performer"})) == [
        "Appointment/appointment-1"
    ]


def test_a_type_does_not_make_a_practitioner_of_a_patient() -> None:
    """Where a reference leads counts before what is written beside it."""
    actor = {"reference": "Patient/OTHER", "type": "Practitioner"}

    assert answered(of_participants({"reference": "Patient/member-1"}, actor)) == []


@pytest.mark.parametrize("version", ["2.0", "2.2"])
def test_the_day_of_anothers_appointment_is_no_date_of_service(version: str) -> None:
    """It is booked for an order of the patient, years before the policy began."""
    order = service_request()
    theirs = appointment(
        "0999T",
        participant=[{"actor": {"reference": "Patient/OTHER"}}],
        basedOn=[{"reference": reference(order)}],
        start="2019-01-01",
    )

    assert answered(named("appointment-book", theirs, sent=[order], version=version)) == []


def test_a_contained_order_of_another_is_not_the_patients() -> None:
    """What an appointment of the patient contains may be another's all the same."""
    theirs = service_request(id="theirs", subject={"reference": "Patient/OTHER"})
    booked = appointment("0999T", contained=[theirs], basedOn=[{"reference": "#theirs"}])
    response = ask(named("appointment-book", booked))

    assert "ServiceRequest/theirs" not in map(reference, updates(response))
    assert response["cards"] == []


MEMBER_KEY = ResourceKey("Patient", "member-1")
# Strings near enough to a reference that a careless reader would take one for it.
NEARLY = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "/", "x/", "http://x/", "HTTP://x/", "https://x?", "urn:uuid:", "#"]),
        st.sampled_from(["Patient", "patient", "PATIENT", "Person", "Group", ""]),
        st.sampled_from(["/", "//", "", "?", "#", "|", "/_history/"]),
        st.sampled_from(["member-1", "MEMBER-1", "OTHER", "", "member-1 ", "member"]),
        st.sampled_from(["", "/", "?x=1", "|1", "#p", "/_history/1", "/_history/", "/x"]),
    ),
)
CALLS: Mapping[str, Callable[[Any], JsonObject]] = {
    "an order": lambda whose: of("ServiceRequest", whose),
    "an Encounter": lambda whose: of("Encounter", whose),
    "an appointment": of_participants,
    "an older client's Coverage": lambda whose: named(
        "order-sign", member=[MEMBER, insured(whose)], version="2.0"
    ),
}


@pytest.mark.parametrize("kind", CALLS)
@settings(max_examples=150, deadline=None)
@given(literal=NEARLY | st.text(max_size=12))
@example(literal="Patient/OTHER/")
@example(literal="Patient/OTHER?x=1")
@example(literal="Patient/OTHER|1")
def test_no_reference_that_is_not_read_as_the_patients_lets_a_resource_decide(
    kind: str, literal: str
) -> None:
    """Either `parse_reference` reads this patient in the string, or nothing is answered."""
    stated = literal.strip()
    assume(stated and parse_reference(stated) != MEMBER_KEY and stated not in (URN, "#mine"))

    assert updates(ask(CALLS[kind]({"reference": literal}))) == []
