"""Elements: a path that FHIR does not have is a mistake, found before any order is."""

import pytest
from policy.language.asking import evaluate

from cds_service.policy.language.elements import ANYTHING, ElementModel, Place, choice_suffix

MODEL = ElementModel()


@pytest.mark.parametrize(
    ("fhir_type", "path"),
    [
        ("ServiceRequest", ""),
        ("ServiceRequest", "code.coding.system"),
        ("ServiceRequest", "occurrence"),
        ("ServiceRequest", "reasonReference.reference"),
        ("ServiceRequest", "meta.profile"),
        ("ServiceRequest", "extension.url"),
        ("ServiceRequest", "contained.anything.at.all"),
        ("Coverage", "class.value"),
        ("Coverage", "costToBeneficiary.type.coding.code"),
        ("Patient", "contact.name.family"),
        ("Patient", "link.other.reference"),
        ("MedicationRequest", "dosageInstruction.timing.repeat.frequency"),
        ("Questionnaire", "item.item.item.linkId"),
        ("Period", "start"),
        ("Coding", "code"),
        (ANYTHING, "anything.at.all"),
        ("%own", "anything"),
    ],
)
def test_a_path_of_fhir_has_no_fault(fhir_type: str, path: str) -> None:
    """Through backbone elements, data types, contained resources and what only run time knows."""
    assert MODEL.fault(fhir_type, tuple(path.split(".")) if path else ()) == ""


@pytest.mark.parametrize(
    ("fhir_type", "path", "fault"),
    [
        ("ServiceRequest", "codes", "ServiceRequest has no element `codes`"),
        ("ServiceRequest", "code.code", "CodeableConcept has no element `code`"),
        ("ServiceRequest", "code.coding.value", "Coding has no element `value`"),
        ("Patient", "contact.given", "Patient.contact has no element `given`"),
        ("ServiceRequest", "status.code", "code has no element `code`"),
        (
            "ServiceRequest",
            "occurrenceDateTime",
            "`occurrenceDateTime` is JSON's name: write `occurrence.ofType(dateTime)`",
        ),
        (
            "Observation",
            "valueQuantity.value",
            "`valueQuantity` is JSON's name: write `value.ofType(Quantity)`",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_named(fhir_type: str, path: str, fault: str) -> None:
    """With what to write instead where JSON's name was written."""
    assert MODEL.fault(fhir_type, tuple(path.split("."))) == fault


def test_a_choice_has_a_name_in_json_for_each_of_its_types() -> None:
    """The type is at the end, with a capital."""
    assert "occurrenceDateTime" in MODEL.choices("occurrence")
    assert MODEL.choices("nothing") == ()
    assert choice_suffix("dateTime") == "DateTime"


@pytest.mark.parametrize(
    ("name", "is_resource"),
    [
        ("Patient", True),
        ("Bundle", True),
        ("Organization", True),
        ("Resource", False),
        ("DomainResource", False),
        ("Quantity", False),
        ("dateTime", False),
        ("patient", False),
        ("", False),
    ],
)
def test_a_resource_is_told_from_a_data_type(name: str, is_resource: bool) -> None:
    """Only resources state their type in JSON, and abstract ones are never there."""
    assert MODEL.is_resource(name) is is_resource


def test_a_place_is_written_as_a_path() -> None:
    """For messages."""
    place = Place("%order").inside("code").inside("text")

    assert place == Place("%order", ("code", "text"))
    assert str(place) == "%order.code.text"


@pytest.mark.parametrize(
    ("order", "values"),
    [
        ({"occurrenceDateTime": "2024"}, ("2024",)),
        ({"occurrencePeriod": {"start": "2024"}}, ({"start": "2024"},)),
        ({"occurrence": "2024"}, ("2024",)),
        ({"occurrenceDateTime": None}, ()),
        ({}, ()),
    ],
)
def test_a_choice_is_read_by_its_plain_name(order: dict[str, object], values: object) -> None:
    """Whichever type it is in."""
    assert evaluate("%order.occurrence", order=order) == values


@pytest.mark.parametrize(
    ("note", "texts"),
    [
        ([{"text": "a"}, None, {"text": "b"}, {}], ("a", "b")),
        ({"text": "a"}, ("a",)),
        ("a", ()),
        ([[{"text": "a"}]], ()),
        ([{"text": ["a", None, "b"]}], ("a", "b")),
        (None, ()),
    ],
)
def test_lists_nulls_and_what_is_no_object_are_read_through(note: object, texts: object) -> None:
    """A request may hold anything."""
    assert evaluate("%order.note.text", order={"note": note}) == texts
