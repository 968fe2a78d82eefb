"""ValueSet/$expand over HTTP (FHIR R4, ValueSet-expand)."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from coded_library import ANIMALS, BASE, client_of_operations, coded_library
from flask.testing import FlaskClient

from cds_service.fhir.coding import CPT

JsonObject = dict[str, Any]
LISTED = f"{BASE}/ValueSet/listed"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of the operations."""
    return client_of_operations(coded_library(Path(tmp_path_factory.mktemp("coded"))))


def expand(client: FlaskClient, name: str, **parameters: Any) -> JsonObject:
    """The ValueSet that `$expand` answers."""
    response = client.get(
        "/fhir/ValueSet/$expand", query_string={"url": f"{BASE}/ValueSet/{name}", **parameters}
    )
    assert response.status_code == 200, response.get_data(as_text=True)
    answer: JsonObject = response.get_json(force=True)
    return answer


def codes(answer: JsonObject) -> list[str]:
    """The codes of an expansion, in its order."""
    return [part["code"] for part in answer["expansion"].get("contains", ())]


def refused(client: FlaskClient, status: int, **parameters: Any) -> JsonObject:
    """The issue of an OperationOutcome with this status."""
    response = client.get("/fhir/ValueSet/$expand", query_string=parameters)
    assert response.status_code == status
    assert response.mimetype == "application/fhir+json"
    issue: JsonObject = response.get_json(force=True)["issue"][0]
    return issue


def test_a_listed_set_expands_to_its_codes_as_of_today(client: FlaskClient) -> None:
    """System, version and code are those of `compose`; the copyright stays, the narrative goes."""
    answer = expand(client, "listed")

    assert answer["expansion"]["contains"] == [
        {"system": CPT, "version": "2024", "code": "0001T"},
        {"system": CPT, "version": "2024", "code": "0002T", "display": "Shown by the set"},
    ]
    assert answer["expansion"]["total"] == 2
    assert answer["expansion"]["timestamp"] == "2026-11-27T00:00:00Z"
    assert {"name": "used-codesystem", "valueUri": f"{CPT}|2024"} in answer["expansion"][
        "parameter"
    ]
    assert answer["copyright"] == "Somebody's notice"
    assert not {"text", "compose"} & set(answer)


def test_the_definition_comes_if_it_is_asked_for(client: FlaskClient) -> None:
    """`includeDefinition` adds `compose`."""
    assert "compose" in expand(client, "listed", includeDefinition="true")


def test_displays_of_our_own_code_systems_are_shown(client: FlaskClient) -> None:
    """A filter's codes are described by their CodeSystem; designations come if asked for."""
    plain = expand(client, "mammals")
    with_designations = expand(client, "mammals", includeDesignations="true")

    assert sorted(codes(plain)) == ["cat", "dog", "mammal"]
    assert {
        "system": ANIMALS,
        "version": "1",
        "code": "cat",
        "display": "Domestic cat",
    } in plain["expansion"]["contains"]
    (cat,) = (part for part in with_designations["expansion"]["contains"] if part["code"] == "cat")
    assert len(cat["designation"]) == 2


def test_a_set_of_sets_has_the_codes_of_all(client: FlaskClient) -> None:
    """What a set takes in keeps what the other set states of it."""
    answer = expand(client, "both")

    assert codes(answer) == ["0001T", "0002T", "trout"]
    assert answer["expansion"]["contains"][1]["display"] == "Shown by the set"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("0001", ["0001T"]),
        ("TUMORS abl", ["0001T"]),
        ("tumors shown", []),
        ("  ", ["0001T", "0002T"]),
        ("umors", []),
    ],
)
def test_a_filter_finds_words_by_how_they_begin(
    client: FlaskClient, words: str, found: list[str]
) -> None:
    """Of the code, its displays, and what the set remarks on it; every word has to be there."""
    answer = expand(client, "listed", filter=words)

    assert codes(answer) == found
    assert answer["expansion"]["total"] == len(found)


def test_a_filter_finds_designations(client: FlaskClient) -> None:
    """Those in other languages too."""
    assert codes(expand(client, "mammals", filter="hausk")) == ["cat"]


def test_pages_together_are_the_whole(client: FlaskClient) -> None:
    """`count` and `offset` cut the codes; `total` stays."""
    whole = codes(expand(client, "mammals"))
    pages = [expand(client, "mammals", count=1, offset=offset) for offset in range(4)]

    assert [codes(page) for page in pages] == [[whole[0]], [whole[1]], [whole[2]], []]
    assert {page["expansion"]["total"] for page in pages} == {3}
    assert pages[2]["expansion"]["offset"] == 2
    assert len({page["expansion"]["identifier"] for page in pages}) == 4


def test_a_count_of_zero_asks_for_the_total_alone(client: FlaskClient) -> None:
    """As R4 has it."""
    answer = expand(client, "mammals", count=0)

    assert codes(answer) == []
    assert answer["expansion"]["total"] == 3


def test_the_newest_version_answers_unless_another_is_named(client: FlaskClient) -> None:
    """1.10 comes after 1.9; a version may be named in two ways."""
    assert codes(expand(client, "aged")) == ["new"]
    assert codes(expand(client, "aged|1.9")) == ["old"]
    assert codes(expand(client, "aged", valueSetVersion="1.9")) == ["old"]


def test_get_post_and_the_instance_answer_alike(client: FlaskClient) -> None:
    """By query, by Parameters, and by id."""
    by_get = expand(client, "listed", filter="0001")
    parameters = [{"name": "url", "valueUri": LISTED}, {"name": "filter", "valueString": "0001"}]
    by_post = client.post(
        "/fhir/ValueSet/$expand",
        json={"resourceType": "Parameters", "parameter": parameters},
    )
    by_id = client.get("/fhir/ValueSet/listed/$expand?filter=0001")

    assert by_post.get_json(force=True)["expansion"]["contains"] == by_get["expansion"]["contains"]
    assert by_id.get_json(force=True)["expansion"]["contains"] == by_get["expansion"]["contains"]


def test_a_set_that_cannot_be_listed_is_too_costly(client: FlaskClient) -> None:
    """Whole code systems, and codes that a regular expression matches."""
    for name in ("any-cpt", "flutter"):
        issue = refused(client, 422, url=f"{BASE}/ValueSet/{name}")

        assert issue["code"] == "too-costly"


def test_a_set_that_names_what_is_not_here_says_so(client: FlaskClient) -> None:
    """A filter on a code system that the library does not have."""
    issue = refused(client, 422, url=f"{BASE}/ValueSet/unresolved")

    assert issue["code"] == "not-found"
    assert f"{BASE}/CodeSystem/none" in issue["diagnostics"]


@pytest.mark.parametrize(
    ("status", "code", "parameters"),
    [
        (400, "required", {}),
        (404, "not-found", {"url": f"{BASE}/ValueSet/nowhere"}),
        (404, "not-found", {"url": LISTED, "valueSetVersion": "7"}),
        (400, "invalid", {"url": LISTED, "count": "-1"}),
        (400, "invalid", {"url": LISTED, "offset": "two"}),
        (400, "invalid", {"url": [LISTED, LISTED]}),
        (400, "invalid", {"url": LISTED, "includeDesignations": "maybe"}),
        (422, "not-supported", {"url": LISTED, "date": "2020"}),
        (422, "not-supported", {"url": LISTED, "exclude-system": "x"}),
        (406, "not-supported", {"url": LISTED, "_format": "xml"}),
    ],
)
def test_what_cannot_be_answered_is_an_operation_outcome(
    client: FlaskClient, status: int, code: str, parameters: JsonObject
) -> None:
    """With the issue code that R4 has for it."""
    assert refused(client, status, **parameters)["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"resourceType":"ValueSet"}',
        b'{"resourceType":"Parameters","parameter":[1]}',
        b'{"resourceType":"Parameters","parameter":[{"valueUri":"x"}]}',
        b'{"resourceType":"Parameters","parameter":[{"name":"url"}]}',
        b'{"resourceType":"Parameters","parameter":[{"name":"url","valueCoding":{}}]}',
    ],
)
def test_a_body_that_is_no_parameters_resource_is_refused(client: FlaskClient, body: bytes) -> None:
    """As invalid, at its place."""
    response = client.post(
        "/fhir/ValueSet/$expand", data=body, content_type="application/fhir+json"
    )

    assert response.status_code == 400
    assert response.get_json(force=True)["issue"][0]["code"] == "invalid"


def test_a_body_of_another_type_is_refused(client: FlaskClient) -> None:
    """415, and what to send."""
    response = client.post("/fhir/ValueSet/$expand", data=b"<x/>", content_type="text/xml")

    assert response.status_code == 415


def test_a_body_longer_than_parameters_are_is_refused(client: FlaskClient) -> None:
    """It would be read, and sent back in a message."""
    url = {"name": "url", "valueUri": "x" * 100_000}
    response = client.post(
        "/fhir/ValueSet/$expand", json={"resourceType": "Parameters", "parameter": [url]}
    )

    assert response.status_code == 413
    assert len(response.data) < 1_000


def test_an_expansion_can_be_asked_whether_it_is_the_same(client: FlaskClient) -> None:
    """Its ETag holds until the day or the policies change."""
    address = f"/fhir/ValueSet/$expand?url={quote(LISTED)}"
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status_code == 304
    assert first.headers["Access-Control-Allow-Origin"] == "*"
