"""CodeSystem/$lookup and $validate-code over HTTP (FHIR R4)."""

from pathlib import Path
from typing import Any

import pytest
from coded_library import ANIMALS, BASE, client_of_operations, coded_library, parameters_of
from flask.testing import FlaskClient

from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of the operations."""
    return client_of_operations(coded_library(Path(tmp_path_factory.mktemp("coded"))))


def look_up(client: FlaskClient, **parameters: Any) -> JsonObject:
    """What `$lookup` answers."""
    response = client.get("/fhir/CodeSystem/$lookup", query_string=parameters)
    assert response.status_code == 200, response.get_data(as_text=True)
    answer: JsonObject = response.get_json(force=True)
    return answer


def properties(answer: JsonObject) -> dict[str, Any]:
    """The properties of a code by name; the last of those that repeat."""
    found = (part["part"] for part in answer["parameter"] if part["name"] == "property")
    return {code["valueCode"]: next(iter(list(value.values())[1:])) for code, value in found}


def validate(client: FlaskClient, name: str, **parameters: Any) -> JsonObject:
    """What `$validate-code` answers."""
    response = client.get(f"/fhir/CodeSystem/{name}/$validate-code", query_string=parameters)
    assert response.status_code == 200, response.get_data(as_text=True)
    return parameters_of(response.get_json(force=True))


def test_a_code_of_our_own_is_described(client: FlaskClient) -> None:
    """Name and version of its system, display, designations, and what is stated of it."""
    answer = look_up(client, code="cat", system=ANIMALS)

    assert parameters_of(answer) == {"name": "Animals", "version": "1", "display": "Domestic cat"}
    assert properties(answer) == {"definition": "One that purrs.", "parent": "mammal", "legs": 4}
    designations = [part for part in answer["parameter"] if part["name"] == "designation"]
    assert designations[0]["part"] == [
        {"name": "language", "valueCode": "de"},
        {"name": "value", "valueString": "Hauskatze"},
    ]


def test_only_the_properties_that_are_asked_for_come(client: FlaskClient) -> None:
    """`property` may come more than once."""
    answer = look_up(client, code="mammal", system=ANIMALS, property=["child", "legs"])

    assert properties(answer) == {"child": "dog"}


def test_a_code_without_display_shows_itself(client: FlaskClient) -> None:
    """R4 demands a display."""
    assert parameters_of(look_up(client, code="dog", system=ANIMALS))["display"] == "dog"


def test_a_coding_may_be_posted(client: FlaskClient) -> None:
    """In place of code and system."""
    coding = {"system": ANIMALS, "code": "trout"}
    response = client.post(
        "/fhir/CodeSystem/$lookup",
        json={
            "resourceType": "Parameters",
            "parameter": [{"name": "coding", "valueCoding": coding}],
        },
    )

    assert parameters_of(response.get_json(force=True))["display"] == "Trout"


@pytest.mark.parametrize(
    ("status", "code", "parameters"),
    [
        (404, "not-found", {"code": "0001T", "system": CPT}),
        (404, "not-found", {"code": "unicorn", "system": ANIMALS}),
        (404, "not-found", {"code": "cat", "system": ANIMALS, "version": "2"}),
        (404, "not-found", {"code": "x", "system": f"{BASE}/CodeSystem/hidden"}),
        (400, "required", {"code": "cat"}),
        (400, "required", {}),
        (422, "not-supported", {"code": "cat", "system": ANIMALS, "date": "2020"}),
    ],
)
def test_what_is_not_held_is_not_found(
    client: FlaskClient, status: int, code: str, parameters: JsonObject
) -> None:
    """Other code systems are looked up where they are at home."""
    response = client.get("/fhir/CodeSystem/$lookup", query_string=parameters)

    assert response.status_code == status
    assert response.get_json(force=True)["issue"][0]["code"] == code


def test_a_code_is_valid_in_its_system_alone(client: FlaskClient) -> None:
    """By code, system and version; a display is compared."""
    assert validate(client, "animals", code="cat")["result"]
    assert validate(client, "animals", code="unicorn")["result"] is False
    assert validate(client, "animals", code="cat", version="9")["result"] is False
    assert validate(client, "animals", code="cat", display="Dog")["result"] is False


def test_a_coding_of_another_system_is_not_valid(client: FlaskClient) -> None:
    """Though the code is one."""
    coding = {"system": CPT, "code": "cat"}
    response = client.post(
        "/fhir/CodeSystem/animals/$validate-code",
        json={
            "resourceType": "Parameters",
            "parameter": [{"name": "coding", "valueCoding": coding}],
        },
    )

    assert parameters_of(response.get_json(force=True))["result"] is False


def test_codes_that_are_not_held_are_neither_valid_nor_not(client: FlaskClient) -> None:
    """A fragment answers for the codes that it has."""
    response = client.get("/fhir/CodeSystem/some/$validate-code?code=b")

    assert validate(client, "some", code="a")["result"]
    assert response.status_code == 422


def test_the_system_may_be_named_by_url(client: FlaskClient) -> None:
    """On the type; it has to be named."""
    named = client.get(
        "/fhir/CodeSystem/$validate-code", query_string={"url": ANIMALS, "code": "cat"}
    )
    unnamed = client.get("/fhir/CodeSystem/$validate-code", query_string={"code": "cat"})

    assert parameters_of(named.get_json(force=True))["result"]
    assert unnamed.status_code == 400
