"""References: relative, absolute and versioned ones have the key of their target."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.fhir.reference import ResourceKey, fits_reference, parse_reference, read_key

types = st.sampled_from(
    ["Patient", "ServiceRequest", "Coverage", "Organization", "PractitionerRole"]
)
# FHIR ids, and the longer and odder ones EHRs send: opaque, but for what ends a path.
ids = st.text(
    st.characters(exclude_characters="/?#|", exclude_categories=["C", "Z"]), min_size=1, max_size=80
)
bases = st.sampled_from(
    [
        "",
        "/",
        "https://ehr.example.invalid/fhir/",
        "http://10.0.0.1:8080/api/FHIR/R4/",
        "/someEHR/fhir/",
    ]
)
versions = st.sampled_from(["", "/_history/1", "/_history/a-b.c"])


@settings(max_examples=200, deadline=None)
@given(kind=types, identity=ids, base=bases, version=versions)
def test_a_target_has_one_key_however_it_is_written(
    kind: str, identity: str, base: str, version: str
) -> None:
    """Relative, absolute and versioned references share type and id (FHIR R4, Reference)."""
    assert parse_reference(f"{base}{kind}/{identity}{version}") == ResourceKey(kind, identity)


@settings(max_examples=100, deadline=None)
@given(kind=types, identity=ids)
def test_a_key_reads_as_the_reference_it_is(kind: str, identity: str) -> None:
    """A key written out is a relative reference to the same target."""
    key = ResourceKey(kind, identity)

    assert parse_reference(str(key)) == key


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "#",
        "#org",
        "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "urn:oid:2.16.840.1.113883.4.642",
        "Patient",
        "Patient/",
        "patient/1",
        "Patient/1/",
        "Patient/1/_history",
        "Patient/1/_history/",
        "Patient/1#name",
        "Patient/1|2",
        "Patient?identifier=1",
        "an order of today",
    ],
)
def test_what_is_no_literal_reference_has_no_key(reference: str) -> None:
    """Fragments, URNs, searches and words name no type and id."""
    assert parse_reference(reference) is None


@pytest.mark.parametrize(
    "reference",
    [
        "Patient?identifier=https://ids.example.invalid/Patient/1",
        "#contained/Patient/1",
        "urn:example:Patient/Patient/1",
    ],
)
def test_a_key_is_not_found_inside_something_else(reference: str) -> None:
    """A conditional reference, a fragment or a URN that ends like a reference is none."""
    assert parse_reference(reference) is None


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ({"resourceType": "Patient", "id": "1"}, ResourceKey("Patient", "1")),
        ({"resourceType": "Patient", "id": 1}, ResourceKey("Patient", "1")),
        ({"resourceType": "Patient", "id": ""}, None),
        ({"resourceType": "Patient"}, None),
        ({"id": "1"}, None),
        ({"resourceType": ["Patient"], "id": "1"}, None),
    ],
)
def test_a_resource_is_addressed_by_type_and_id(
    resource: dict[str, Any], key: ResourceKey | None
) -> None:
    """A resource without type or id cannot be addressed."""
    assert read_key(resource) == key


@pytest.mark.parametrize(
    ("identity", "fits"),
    [("1", True), ("a_b:c.d-e", True), ("x" * 194, True), ("a b", True), ("", True)]
    + [(f"a{character}b", False) for character in "/?#|\\"],
)
def test_what_ends_an_id_does_not_fit_into_a_reference(identity: str, fits: bool) -> None:
    """EHRs send ids that FHIR does not allow; those that break a reference name nothing."""
    assert fits_reference(identity) is fits
