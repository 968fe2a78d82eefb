"""CRD page Conformance: discovery, all that clients are told, names no place to put data in."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import pytest

from cds_service.crd.codes import Topic
from cds_service.crd.request.hooks import HOOKS

# The resources of CRD's profiles, and of those that a request refers to.
RESOURCES = (
    "Appointment",
    "CommunicationRequest",
    "Coverage",
    "Device",
    "DeviceRequest",
    "Encounter",
    "Location",
    "Medication",
    "MedicationRequest",
    "NutritionOrder",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "ServiceRequest",
    "Task",
    "VisionPrescription",
)
# Elements are called by these too, but here they mean what they mean anywhere.
PLAIN_WORDS = set(
    "about appointment contact encounter end for link name network order patient performer "
    "quantity required start use version".split()
)
STRUCTURE = set(
    "attribute bundle element extension field fhir identifier json prefetch profile property "
    "reference resource slot".split()
)
_CODE = re.compile(r"\S*(?:[a-z][A-Z]|[`$%{}\[\]<>=#_\\]|[^\W\d][.:/]\w|\w[.:/][^\W\d])\S*")
_TYPE_IN_A_SENTENCE = re.compile(rf"(?<=[\w,] )(?:{'|'.join(RESOURCES)})s?\b")
_WORD = re.compile(r"\w+")


@cache
def element_names() -> frozenset[str]:
    """What the elements of these resources are called, at any depth."""
    return frozenset(
        field.alias or name
        for resource in RESOURCES
        for model in vars(import_module(f"fhir.resources.R4B.{resource.lower()}")).values()
        if isinstance(model, type) and model.__name__.startswith(resource)
        for name, field in getattr(model, "model_fields", {}).items()
    )


def places_named(text: str) -> list[str]:
    """What a text says that could be a place in a structure; nothing if it says none."""
    suspect = (element_names() - PLAIN_WORDS) | STRUCTURE
    words = [
        word
        for word in _WORD.findall(text)
        if {word, word.lower(), word.lower().removesuffix("s")} & suspect
    ]
    return [*words, *_CODE.findall(text), *_TYPE_IN_A_SENTENCE.findall(text)]


def published() -> Iterator[str]:
    """Every text of discovery, whatever types of card the loaded policies make."""
    for hook in HOOKS.values():
        shown = hook.service(frozenset(Topic)).to_json()
        yield from (shown["title"], shown["description"], shown["usageRequirements"])
        for option in shown["extension"]["davinci-crd.configuration-options"]:
            yield from (option["name"], option["description"])


@pytest.mark.crd("conf-14")
def test_nothing_that_discovery_publishes_says_where_data_is_to_be_conveyed() -> None:
    """No element, no resource, no path and no code: the guide alone says where something stands."""
    texts = set(published())

    assert len(texts) > len(Topic)
    assert {text: found for text in texts if (found := places_named(text))} == {}


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Send the payer's Organization with its identifiers.", ["identifiers", "Organization"]),
        ("The plan is expected in Coverage.class.", ["class", "Coverage.class."]),
        ("Give the procedure in the note.", ["note"]),
        ("Say it in `code`.", ["code", "`code`."]),
        ("Fill subscriberId.", ["subscriberId."]),
        ("Put it into an extension.", ["extension"]),
        ("A member's Coverage in force.", ["Coverage"]),
        ("Ask for davinci-crd.requestedVersion first.", ["davinci-crd.requestedVersion"]),
    ],
)
def test_a_text_that_names_a_place_is_found(text: str, places: list[str]) -> None:
    """The check above would find it."""
    assert set(places) <= set(places_named(text))


def test_a_text_that_names_what_is_needed_passes() -> None:
    """A number of a version is no path, and the start of a sentence no type."""
    assert places_named("Coverage of the patient, by a client of CRD 2.0 who asks for it.") == []
