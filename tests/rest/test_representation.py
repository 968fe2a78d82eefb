"""How resources leave: formats, caching, packing, parts of them, other sites (FHIR R4, http)."""

import gzip
from http import HTTPStatus

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_api import BASE, SINCE, fhir_client, get
from flask.testing import FlaskClient

from cds_service.fhir.reference import ResourceKey
from cds_service.policy.library.artifacts import Library, builtin_library, read_library

POLICY = "/PlanDefinition/icare-wi-pa-1266-20241008"
SEARCH = "/PlanDefinition?_count=1"


@pytest.fixture(scope="module")
def library() -> Library:
    """The policies that come with the service."""
    return read_library([builtin_library()])


@pytest.fixture(scope="module")
def client(library: Library) -> FlaskClient:
    """The API over them."""
    return fhir_client(library)


def test_every_resource_is_read_as_it_is(client: FlaskClient, library: Library) -> None:
    """Nothing is added to an artifact, and nothing left out."""
    read = {key: get(client, f"/{key.type}/{key.id}") for key in library.by_key}

    assert read == {key: artifact.resource for key, artifact in library.by_key.items()}


def test_a_version_is_read_by_its_business_version(client: FlaskClient, library: Library) -> None:
    """Of this id; the message for any other names the versions there are."""
    key = ResourceKey("PlanDefinition", "icare-wi-pa-1266-20241008")
    refusal = get(client, f"{POLICY}/_history/2023.1", 404)

    assert get(client, f"{POLICY}/_history/2024.10.8") == library.by_key[key].resource
    assert "version 2024.10.8 is PlanDefinition/icare" in refusal["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/PlanDefinition/none", "not-found"),
        ("/Organization/icare/_history/1", "not-found"),
        ("/Organization/none/_history", "not-found"),
        ("/Patient/1", "not-supported"),
        ("/Patient?name=x", "not-supported"),
        ("?_type=Patient", "not-supported"),
        ("/PlanDefinition/$apply", "not-supported"),
        ("/a/b/c/d", "not-supported"),
    ],
)
def test_what_is_not_there_is_404(client: FlaskClient, path: str, code: str) -> None:
    """With an OperationOutcome that tells an unknown resource from an unknown type."""
    outcome = get(client, path, 404)

    assert outcome["issue"][0]["code"] == code


def test_the_history_of_a_resource_is_its_one_version(client: FlaskClient) -> None:
    """Since it came into service."""
    bundle = get(client, f"{POLICY}/_history")
    get_fhir_model_class("Bundle").model_validate(bundle)

    assert bundle["entry"][0]["resource"]["version"] == "2024.10.8"
    assert bundle["entry"][0]["response"]["lastModified"] == SINCE.isoformat()


@pytest.mark.parametrize(
    "path", [POLICY, SEARCH, "/metadata", f"{POLICY}/_history/2024.10.8", f"{POLICY}/_history"]
)
def test_who_has_the_latest_gets_no_body(client: FlaskClient, path: str) -> None:
    """By ETag, or by the moment from which on it was given; each is open to caches that ask."""
    first = client.get(f"/fhir{path}")
    etag, moment = first.headers["ETag"], first.headers["Last-Modified"]
    same = client.get(f"/fhir{path}", headers={"If-None-Match": etag})
    since = client.get(f"/fhir{path}", headers={"If-Modified-Since": moment})
    other = client.get(
        f"/fhir{path}", headers={"If-None-Match": 'W/"x"', "If-Modified-Since": moment}
    )

    assert etag.startswith('W/"')
    assert (same.status_code, since.status_code, other.status_code) == (304, 304, 200)
    assert same.data == b""
    assert same.headers["ETag"] == etag
    assert first.headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", [POLICY, SEARCH, "/metadata"])
def test_large_answers_are_packed_for_who_takes_that(client: FlaskClient, path: str) -> None:
    """The same bytes inside; who does not ask gets them plain."""
    plain = client.get(f"/fhir{path}")
    packed = client.get(f"/fhir{path}", headers={"Accept-Encoding": "br, gzip"})
    refused = client.get(f"/fhir{path}", headers={"Accept-Encoding": "gzip;q=0"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "query", "status"),
    [
        ("", "", 200),
        ("*/*", "", 200),
        ("application/fhir+json", "", 200),
        ("application/json", "", 200),
        ("application/fhir+json; fhirVersion=4.0", "", 200),
        ("application/fhir+json; fhirVersion=5.0", "", 406),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+json", "", 200),
        ("application/fhir+xml", "", 406),
        ("text/turtle", "", 406),
        ("application/fhir+xml, application/fhir+json;q=0.1", "", 200),
        ("application/fhir+json;q=0", "", 406),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", 200),
        ("text/html", "", 200),
        ("\u20ac", "", 406),
        ("application/fhir+xml", "?_format=json", 200),
        ("", "?_format=application/fhir%2Bjson", 200),
        ("", "?_format=application/fhir+json", 200),
        ("", "?_format=application/fhir%2Bjson; fhirVersion=4.0", 200),
        ("", "?_format=application/fhir%2Bjson; fhirVersion=5.0", 406),
        ("", "?_format=xml", 406),
        ("*/*", "?_format=ttl", 406),
    ],
)
def test_it_is_json_or_not_acceptable(
    client: FlaskClient, accept: str, query: str, status: int
) -> None:
    """`_format` goes before Accept, and a browser gets JSON (FHIR R4, http)."""
    headers = {"Accept": accept.encode().decode("latin-1")} if accept else {}
    response = client.get(f"/fhir{POLICY}{query}", headers=headers)

    assert response.status_code == status
    assert response.mimetype == "application/fhir+json"
    assert response.get_json(force=True)["resourceType"] in ("PlanDefinition", "OperationOutcome")


def test_json_is_pretty_where_asked(client: FlaskClient) -> None:
    """The same value, with line breaks."""
    plain, pretty = (client.get(f"/fhir{POLICY}{query}") for query in ("", "?_pretty=true"))

    assert plain.get_json(force=True) == pretty.get_json(force=True)
    assert plain.text.count("\n") == 0
    assert pretty.text.count("\n") > 100


@pytest.mark.parametrize(
    ("query", "has", "lacks"),
    [
        ("_summary=true", {"url", "status", "effectivePeriod"}, {"text", "action"}),
        ("_summary=text", {"text", "status"}, {"url", "action"}),
        ("_summary=data", {"url", "action"}, {"text"}),
        ("_elements=title,action", {"title", "action", "status"}, {"url", "text"}),
        ("_elements=PlanDefinition.title", {"title"}, {"url"}),
        ("_elements=title&_summary=text", {"title"}, {"text"}),
        ("_elements=nothing", {"status"}, {"title"}),
    ],
)
def test_a_part_of_a_resource_is_marked_as_one(
    client: FlaskClient, query: str, has: set[str], lacks: set[str]
) -> None:
    """Read or found, with its id and its mandatory elements, so that nobody stores it as whole."""
    read = get(client, f"{POLICY}?{query}")
    searched = get(client, f"/PlanDefinition?_id=icare-wi-pa-1266-20241008&{query}")

    assert read == searched["entry"][0]["resource"]
    assert has | {"id", "resourceType"} <= read.keys()
    assert not lacks & read.keys()
    assert read["meta"]["tag"][-1]["code"] == "SUBSETTED"


def test_the_whole_is_not_marked(client: FlaskClient) -> None:
    """`_summary=false` asks for all."""
    assert get(client, f"{POLICY}?_summary=false") == get(client, POLICY)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", POLICY, "GET"),
        ("PATCH", POLICY, "GET"),
        ("DELETE", POLICY, "GET"),
        ("POST", "/PlanDefinition", "GET"),
        ("POST", "", "GET"),
        ("POST", "/metadata", "GET"),
        ("PUT", "/PlanDefinition/_search", "POST"),
    ],
)
def test_nothing_is_written(client: FlaskClient, method: str, path: str, allowed: str) -> None:
    """405, with what is allowed there."""
    response = client.open(f"/fhir{path}", method=method, json={"resourceType": "PlanDefinition"})

    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert allowed in response.headers["Allow"]
    assert response.get_json(force=True)["issue"][0]["code"] == "not-supported"


@pytest.mark.parametrize("path", [POLICY, SEARCH, "/metadata", ""])
def test_head_is_get_without_the_body(client: FlaskClient, path: str) -> None:
    """The same headers."""
    whole, head = client.get(f"/fhir{path}"), client.head(f"/fhir{path}")

    assert head.data == b""
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


@pytest.mark.parametrize("path", [POLICY, SEARCH, "/metadata", "/PlanDefinition/_search"])
def test_pages_of_any_site_may_ask(client: FlaskClient, path: str) -> None:
    """A browser learns beforehand that it may send conditions, and afterwards reads the ETag."""
    preflight = client.options(
        f"/fhir{path}",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "GET"},
    )
    answer = client.get(f"/fhir{path}", headers={"Origin": "https://app.example"})

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "If-None-Match" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Prefer" in preflight.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    if path != "/PlanDefinition/_search":
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("path", ["/", "/PlanDefinition/", f"{POLICY}/", "/metadata/"])
def test_a_slash_at_the_end_changes_nothing(client: FlaskClient, path: str) -> None:
    """No redirect, which would name the Host that came."""
    assert get(client, path) == get(client, path.rstrip("/"))


def test_a_search_posted_as_json_is_refused(client: FlaskClient) -> None:
    """A form it has to be."""
    response = client.post("/fhir/PlanDefinition/_search", json={"status": "active"})

    assert response.status_code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    assert "x-www-form-urlencoded" in response.text


def test_results_are_under_our_own_address(client: FlaskClient) -> None:
    """Whatever Host a request names."""
    response = client.get(f"/fhir{SEARCH}", headers={"Host": "evil.example"})

    assert "evil" not in response.text
    assert response.get_json(force=True)["entry"][0]["fullUrl"].startswith(
        f"{BASE}/PlanDefinition/"
    )
