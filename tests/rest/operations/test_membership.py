"""ValueSet/$validate-code over HTTP (FHIR R4, ValueSet-validate-code)."""

from pathlib import Path
from typing import Any

import pytest
from coded_library import (
    ANIMALS,
    BASE,
    client_of_operations,
    coded_library,
    parameters_of,
)
from flask.testing import FlaskClient

from cds_service.fhir.coding import CPT, ICD_10_CM

JsonObject = dict[str, Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of the operations."""
    return client_of_operations(coded_library(Path(tmp_path_factory.mktemp("coded"))))


def ask(client: FlaskClient, name: str, **parameters: Any) -> JsonObject:
    """What the operation answers about a code and a system."""
    response = client.get(f"/fhir/ValueSet/{name}/$validate-code", query_string=parameters)
    assert response.status_code == 200, response.get_data(as_text=True)
    return parameters_of(response.get_json(force=True))


def post(client: FlaskClient, name: str, *parameters: JsonObject) -> tuple[int, JsonObject]:
    """The status and the body of the answer to a Parameters resource."""
    response = client.post(
        f"/fhir/ValueSet/{name}/$validate-code",
        json={"resourceType": "Parameters", "parameter": list(parameters)},
    )
    return response.status_code, response.get_json(force=True)


def test_a_code_of_the_set_is_valid(client: FlaskClient) -> None:
    """With the display that is known of it."""
    assert ask(client, "listed", code="0001T", system=CPT) == {"result": True}
    assert ask(client, "mammals", code="cat", system=ANIMALS) == {
        "result": True,
        "display": "Domestic cat",
    }


def test_a_code_that_is_not_in_the_set_is_not_valid(client: FlaskClient) -> None:
    """And the message says so; whether its own system is known here makes no difference."""
    other_code = ask(client, "listed", code="9999T", system=CPT)
    other_system = ask(client, "listed", code="0001T", system="http://snomed.info/sct")

    assert other_code["result"] is False
    assert "9999T" in other_code["message"]
    assert other_system["result"] is False
    assert "has no codes of http://snomed.info/sct" in other_system["message"]


@pytest.mark.parametrize(
    ("code", "system"),
    [("0001t", CPT), ("0001T:53", CPT), ("0001T", "urn:oid:2.16.840.1.113883.6.12")],
)
def test_a_spelling_that_only_policies_understand_is_not_valid(
    client: FlaskClient, code: str, system: str
) -> None:
    """FHIR's answer is about the code that came; the message names the one in the set."""
    answer = ask(client, "listed", code=code, system=system)

    assert answer["result"] is False
    assert f"`0001T` of {CPT}" in answer["message"]


def test_another_version_of_the_code_system_is_not_valid(client: FlaskClient) -> None:
    """Where the set pins one."""
    assert ask(client, "listed", code="0001T", system=CPT, systemVersion="2024")["result"]
    answer = ask(client, "listed", code="0001T", system=CPT, systemVersion="2025")

    assert answer["result"] is False
    assert "2024" in answer["message"]


def test_a_version_that_a_set_pins_counts_where_the_set_is_taken_in(client: FlaskClient) -> None:
    """Also where the outer set has an expansion, which names no version."""
    assert ask(client, "taking", code="0001T", system=CPT, systemVersion="2024")["result"]
    answer = ask(client, "taking", code="0001T", system=CPT, systemVersion="2025")

    assert answer["result"] is False
    assert "2024" in answer["message"]


def test_the_path_and_url_name_one_set(client: FlaskClient) -> None:
    """An answer about another set than `url` names would be taken for that one's."""
    asked = {"code": "0001T", "system": CPT}
    same = client.get(
        "/fhir/ValueSet/listed/$validate-code",
        query_string={"url": f"{BASE}/ValueSet/listed", **asked},
    )
    other = client.get(
        "/fhir/ValueSet/listed/$validate-code",
        query_string={"url": f"{BASE}/ValueSet/any-cpt", **asked},
    )

    assert same.status_code == 200
    assert other.status_code == 400
    assert f"{BASE}/ValueSet/listed" in other.get_json(force=True)["issue"][0]["diagnostics"]


def test_a_display_is_compared_where_one_is_known(client: FlaskClient) -> None:
    """Letter case and blanks aside; designations count; no display of CPT is held."""
    right = ask(client, "mammals", code="cat", system=ANIMALS, display="domestic  CAT")
    in_german = ask(client, "mammals", code="cat", system=ANIMALS, display="Hauskatze")
    wrong = ask(client, "mammals", code="cat", system=ANIMALS, display="Dog")
    unseen = ask(client, "listed", code="0001T", system=CPT, display="Anything")

    assert right["result"]
    assert in_german["result"]
    assert wrong["result"] is False
    assert wrong["display"] == "Domestic cat"
    assert unseen["result"]
    assert "not compared" in unseen["message"]


def test_what_cannot_be_told_is_an_error_and_neither_true_nor_false(client: FlaskClient) -> None:
    """A set of all codes of a system that is not held here."""
    for name, code, system in (("any-cpt", "0001T", CPT), ("flutter", "I48.1", ICD_10_CM)):
        response = client.get(
            f"/fhir/ValueSet/{name}/$validate-code", query_string={"code": code, "system": system}
        )

        assert response.status_code == 422
        assert response.get_json(force=True)["issue"][0]["code"] == "not-found"


def test_a_rule_of_a_set_answers_where_it_can(client: FlaskClient) -> None:
    """A code that no rule takes in is no member; one that is listed beside a rule is; a code system
    that is here whole is asked."""
    assert ask(client, "flutter", code="J10.1", system=ICD_10_CM)["result"] is False
    assert ask(client, "flutter", code="0003T", system=CPT)["result"]
    assert ask(client, "all-animals", code="dog", system=ANIMALS)["result"]
    assert ask(client, "all-animals", code="unicorn", system=ANIMALS)["result"] is False
    assert ask(client, "any-cpt", code="x", system=ANIMALS)["result"] is False


def test_a_coding_and_a_concept_are_understood(client: FlaskClient) -> None:
    """One coding of a concept that is in the set is enough."""
    inside = {"system": CPT, "code": "0001T"}
    outside = {"system": "http://loinc.org", "code": "1-8"}
    coding = post(client, "listed", {"name": "coding", "valueCoding": inside})
    concept = {"coding": [outside, inside], "text": "words"}
    mixed = post(client, "listed", {"name": "codeableConcept", "valueCodeableConcept": concept})

    assert parameters_of(coding[1])["result"]
    assert parameters_of(mixed[1])["result"]


@pytest.mark.parametrize("concept", [{"text": "words"}, {"coding": [{"code": "0001T"}]}])
def test_a_concept_without_system_and_code_is_in_no_set(
    client: FlaskClient, concept: JsonObject
) -> None:
    """Words are no code."""
    _, answer = post(client, "listed", {"name": "codeableConcept", "valueCodeableConcept": concept})

    assert parameters_of(answer)["result"] is False


def test_of_a_concept_the_untold_outweighs_the_no(client: FlaskClient) -> None:
    """One coding that is out, one of which it cannot be told: no `false` is given."""
    concept = {"coding": [{"system": ANIMALS, "code": "cat"}, {"system": CPT, "code": "0001T"}]}

    status, _ = post(
        client, "any-cpt", {"name": "codeableConcept", "valueCodeableConcept": concept}
    )

    assert status == 422


@pytest.mark.parametrize(
    ("code", "parameters"),
    [
        ("required", {}),
        ("required", {"code": "0001T"}),
        ("required", {"system": CPT}),
        ("invalid", {"coding": "0001T"}),
        ("invalid", {"code": ["0001T", "0002T"], "system": CPT}),
    ],
)
def test_a_question_that_is_none_is_refused(
    client: FlaskClient, code: str, parameters: JsonObject
) -> None:
    """With the issue code that fits."""
    response = client.get("/fhir/ValueSet/listed/$validate-code", query_string=parameters)

    assert response.status_code == 400
    assert response.get_json(force=True)["issue"][0]["code"] == code


def test_only_one_thing_may_be_asked(client: FlaskClient) -> None:
    """A code and a coding are two."""
    status, _ = post(
        client,
        "listed",
        {"name": "code", "valueCode": "0001T"},
        {"name": "coding", "valueCoding": {"system": CPT, "code": "0001T"}},
    )

    assert status == 400


def test_the_set_may_be_named_by_url(client: FlaskClient) -> None:
    """On the type."""
    response = client.get(
        "/fhir/ValueSet/$validate-code",
        query_string={"url": f"{BASE}/ValueSet/listed|1", "code": "0001T", "system": CPT},
    )

    assert parameters_of(response.get_json(force=True)) == {"result": True}
    assert f"{BASE}/ValueSet/none" not in response.get_data(as_text=True)
