"""The CapabilityStatement says what can be done, and all that it says can be done."""

from collections.abc import Iterator

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_api import BASE, JsonObject, fhir_client, get, links, notes
from flask.testing import FlaskClient

from cds_service.policy.library.artifacts import builtin_library, read_library

VALUES = {
    "token": "x",
    "string": "x",
    "uri": "urn:x",
    "date": "2024",
    "reference": "x",
    "composite": "x$y",
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """The API over the policies that come with the service."""
    return fhir_client(read_library([builtin_library()]))


@pytest.fixture(scope="module")
def statement(client: FlaskClient) -> JsonObject:
    """What it says of itself."""
    return get(client, "/metadata")


def test_the_statement_is_valid(statement: JsonObject) -> None:
    """As a FHIR resource, and of this installation."""
    get_fhir_model_class("CapabilityStatement").model_validate(statement)

    assert statement["kind"] == "instance"
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == BASE
    assert statement["rest"][0]["security"]["cors"] is True


def test_it_claims_no_guide_it_does_not_fulfil(statement: JsonObject) -> None:
    """`instantiates` is for what is true."""
    assert "instantiates" not in statement


def resources(statement: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Each resource type it names, with what can be done."""
    for resource in statement["rest"][0]["resource"]:
        yield resource["type"], resource


def test_every_search_parameter_it_names_is_understood(
    client: FlaskClient, statement: JsonObject
) -> None:
    """With each of its modifiers."""
    for kind, resource in resources(statement):
        for parameter in resource["searchParam"]:
            query = f"{parameter['name']}={VALUES[parameter['type']]}"
            bundle = get(client, f"/{kind}?{query}")

            assert notes(bundle) == []
            assert links(bundle)["self"] == f"/{kind}?{query}"


def test_every_include_it_names_is_followed(client: FlaskClient, statement: JsonObject) -> None:
    """Forth and back."""
    for kind, resource in resources(statement):
        for include in resource.get("searchInclude", ()):
            assert notes(get(client, f"/{kind}?_include={include}")) == []
        for include in resource.get("searchRevInclude", ()):
            assert notes(get(client, f"/{kind}?_revinclude={include}&_elements=id")) == []


def test_every_type_in_the_library_is_named(client: FlaskClient, statement: JsonObject) -> None:
    """And no resource has another."""
    bundle = get(client, "?_count=500&_elements=id")
    held = {entry["resource"]["resourceType"] for entry in bundle["entry"]}

    assert held <= dict(resources(statement)).keys()
