"""The OpenAPI document: sound, true to what is served, and whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeLog
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from whole_site import BASE_URL, whole_site

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.crd.request.hooks import HOOKS
from cds_service.pages.coverage.routes import MEDIA_TYPES
from cds_service.pages.coverage.rows import ANSWERS
from cds_service.rest.search.parameter_table import PARAMETERS
from cds_service.settings import Settings
from cds_service.web.openapi.fhir_paths import SEARCHED
from cds_service.web.openapi.parts import PROBLEMS

JsonObject = dict[str, Any]

# Answers 404 in FHIR's words to whatever else is asked below /fhir: nothing that is offered.
NOT_OFFERED = {"/fhir/<path:path>"}
_OFFERED = ("GET", "POST")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """An application that offers everything."""
    with whole_site(Path(tmp_path_factory.mktemp("site"))) as app:
        yield app


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    """Its client."""
    return app.test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> JsonObject:
    """The document it gives."""
    response = client.get("/openapi.json")
    assert response.mimetype == "application/json"
    found: JsonObject = response.get_json()
    return found


def operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    """Path, method and description of each operation."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield path, method.upper(), described


def rule_of(app: Flask, path: str, method: str) -> str:
    """The rule that serves a path of the document, filled with texts of its own."""
    filled = re.sub(r"\{(\w+)\}", lambda found: f"X{found[1].replace('_', '')}", path)
    with app.test_request_context():
        rule, _ = app.url_map.bind("localhost").match(filled, method, return_rule=True)
    return str(rule.rule)


def test_the_document_is_sound(document: JsonObject) -> None:
    """By OpenAPI's own rules for 3.1."""
    assert document["openapi"] == "3.1.0"
    assert [str(fault) for fault in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_path_of_the_document_is_served(app: Flask, document: JsonObject) -> None:
    """By a rule that has as many variables in the same places."""
    for path, method, _ in operations(document):
        rule = rule_of(app, path, method)

        assert rule not in NOT_OFFERED, path
        if not path.startswith("/cds-services/"):
            assert re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule) == path


def test_every_rule_that_is_served_is_in_the_document(app: Flask, document: JsonObject) -> None:
    """With each of its methods."""
    described = {(rule_of(app, path, method), method) for path, method, _ in operations(document)}
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method in _OFFERED and rule.rule not in NOT_OFFERED
    }

    assert served == described


def test_every_hook_has_its_service_and_its_feedback(document: JsonObject) -> None:
    """One by one, with its own schema of requests."""
    for hook in HOOKS.values():
        path = document["paths"][f"/cds-services/{hook.service_id}"]["post"]
        name = path["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][name.rsplit("/", 1)[-1]]

        assert schema["properties"]["hook"] == {"const": hook.name}
        assert f"/cds-services/{hook.service_id}/feedback" in document["paths"]


def test_every_operation_has_a_name_of_its_own(document: JsonObject) -> None:
    """Programs that are made from the document name their functions by it."""
    names = [described["operationId"] for _, _, described in operations(document)]

    assert len(names) == len(set(names))


def test_every_parameter_of_a_path_is_described(document: JsonObject) -> None:
    """And no other."""
    for path, _, described in operations(document):
        parameters = described.get("parameters", ())
        named = [part["name"] for part in parameters if part["in"] == "path"]

        assert sorted(named) == sorted(re.findall(r"\{(\w+)\}", path))


def test_every_component_is_used(document: JsonObject) -> None:
    """What nothing refers to is forgotten."""
    text = str(document)
    for kind in ("schemas", "responses", "headers"):
        for name in document["components"][kind]:
            assert f"#/components/{kind}/{name}'" in text, name


def test_where_tokens_are_not_asked_for_none_are_described(document: JsonObject) -> None:
    """Here clients need none, and operators do."""
    paths = document["paths"]

    assert paths["/cds-services"]["get"]["security"] == []
    assert "401" not in paths["/cds-services"]["get"]["responses"]
    assert paths["/metrics"]["get"]["security"] == [{"operatorToken": []}]
    assert paths["/admin/reload"]["post"]["security"] == [{"operatorToken": []}]


def test_where_tokens_are_asked_for_they_are_described(tmp_path: Path) -> None:
    """With `--auth jwt`; and what is not served there is not described."""
    file = tmp_path / "clients.toml"
    file.write_text("")
    file.chmod(0o600)
    settings = Settings(
        auth="jwt", base_url=BASE_URL, clients=str(file), data_dir=str(tmp_path / "data")
    )
    service = build_service(settings, ehr=None, log=FakeLog())
    document = open_site(service, settings).app.test_client().get("/openapi.json").get_json()

    assert document["paths"]["/cds-services"]["get"]["security"] == [{"clientToken": []}]
    assert "401" in document["paths"]["/cds-services"]["get"]["responses"]
    assert "/auth/token" in document["paths"]
    assert "/admin/reload" not in document["paths"]
    assert document["servers"] == [{"url": BASE_URL}]


def test_the_example_is_answered(client: FlaskClient, document: JsonObject) -> None:
    """It is a call of a policy that is here: not covered, and nothing is refused."""
    call = document["paths"]["/cds-services/order-sign-crd"]["post"]
    example = call["requestBody"]["content"]["application/json"]["example"]
    response = client.post("/cds-services/order-sign-crd", json=example)
    (action,) = response.get_json()["systemActions"]
    codes = [
        part.get("valueCode")
        for extension in action["resource"]["extension"]
        for part in extension["extension"]
    ]

    assert response.status_code == 200
    assert "not-covered" in codes


def test_the_examples_of_every_question_are_answered(
    client: FlaskClient, document: JsonObject
) -> None:
    """Each GET that is free with the examples of its parameters, each operation by POST too."""
    free = [part for part in operations(document) if not part[2]["security"]]
    for path, method, described in free:
        examples = {part["name"]: part.get("example") for part in described.get("parameters", ())}
        address = path.format(**examples)
        for name in re.findall(r"\{(\w+)\}", path):
            del examples[name]
        asked = {name: value for name, value in examples.items() if value}
        if method == "GET":
            response = client.get(address, query_string=asked)
        elif "$" in path:
            body = described["requestBody"]["content"]["application/fhir+json"]["example"]
            response = client.post(address, json=body)
        else:
            continue
        assert response.status_code in (200, 302), (path, response.get_data(as_text=True))


def test_the_search_parameters_that_are_described_are_known() -> None:
    """By some type of the library."""
    known = {"_id"} | {name for searched in PARAMETERS.values() for name in searched}

    assert set(SEARCHED) <= known


def test_the_problems_are_errors_of_ours(document: JsonObject) -> None:
    """Each has its status once."""
    names = [name for name, _ in PROBLEMS.values()]

    assert len(names) == len(set(names))
    assert set(document["components"]["responses"]) == set(names)


def test_the_coverage_list_is_described_as_it_is(document: JsonObject, client: FlaskClient) -> None:
    """Its answers and formats by name, and the most rows that a page can have."""
    listing = document["paths"]["/coverage-list"]["get"]
    asked = {parameter["name"]: parameter for parameter in listing["parameters"]}
    most = re.sub(r"\D", "", asked["count"]["description"].rpartition(" to ")[2])

    assert asked["answer"]["schema"]["enum"] == [*ANSWERS, ""]
    assert asked["format"]["schema"]["enum"] == [*MEDIA_TYPES, ""]
    assert client.get(f"/coverage-list?format=json&count={most}").status_code == 200
    assert client.get(f"/coverage-list?format=json&count={int(most) + 1}").status_code == 400


def test_the_document_can_be_asked_whether_it_is_the_same(client: FlaskClient) -> None:
    """304 for whoever has it; any page may read it."""
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert "max-age" in first.headers["Cache-Control"]
    assert first.headers["Access-Control-Allow-Origin"] == "*"
