"""Whatever is asked, the answer is FHIR and never a fault of ours."""

from urllib.parse import quote

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir_api import fhir_client
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.fhir.resource import encode
from cds_service.policy.library.artifacts import builtin_library, read_library

NASTY = (
    "%00",
    "%FF%FE",
    "%2F..%2F..%2Fetc%2Fpasswd",
    "..%2f",
    "'%20OR%201=1%20--",
    "%22%3E%3Cscript%3E",
    "x" * 10_000,
    "/" * 9_000,
    "%5C" * 3_000,
    "%5C",
    "%7C",
    "%7C%7C%7C",
    "%24",
    "%24%24",
    "%2C%2C",
    "99999999999999999999",
    "-1",
    "0001-01-01T00:00:00%2B14:00",
    "9999-12-31T23:59:59-14:00",
    "eq9999",
    "2024-02-30",
    "%F0%9F%98%80",
    "%D9%A1%D9%A2%D9%A3",
    "*",
    "PlanDefinition:*:*:*",
    "true",
    "http://",
    "http%3A%2F%2F%5B",
)
NAMES = (
    "_id url identifier status name title date effective context context-type-value depends-on "
    "composed-of _count _page _sort _summary _elements _include _revinclude _total _format _pretty "
    "_type status:not url:below title:contains name:exact status:missing depends-on:identifier "
    ": _ :missing _include:iterate _has:x %00 %FF"
).split()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """The API over the policies that come with the service."""
    return fhir_client(read_library([builtin_library()]))


def check(client: FlaskClient, url: str) -> None:
    """The answer to a URL is a resource; an error of the caller's if it is one."""
    response = client.get(url)
    assert response.status_code in (200, 400, 404, 406), url
    resource = response.get_json(force=True)
    assert response.mimetype == "application/fhir+json"
    entries = resource.get("entry", ())
    notes = [entry for entry in entries if entry["search"]["mode"] == "outcome"]
    assert len(encode(notes)) < 2_000
    if response.status_code != 200:
        assert resource["resourceType"] == "OperationOutcome"
        get_fhir_model_class("OperationOutcome").model_validate(resource)
        assert len(response.data) < 2_000


@pytest.mark.parametrize("name", NAMES)
def test_no_value_of_a_parameter_breaks_a_search(client: FlaskClient, name: str) -> None:
    """Of one type, of all, and twice; nothing that came is thrown back at length."""
    for value in NASTY:
        check(client, f"/fhir/PlanDefinition?{name}={value}&_elements=id")
        check(client, f"/fhir?{name}={value}&{name}={value}&_elements=id")


@pytest.mark.parametrize("value", NASTY)
def test_no_path_breaks_a_read(client: FlaskClient, value: str) -> None:
    """As a type, an id, a version, or more."""
    for path in (
        f"/fhir/{value}",
        f"/fhir/PlanDefinition/{value}",
        f"/fhir/PlanDefinition/icare-wi-pa-1266-20241008/_history/{value}",
        f"/fhir/{value}/{value}",
        f"/fhir/metadata?_pretty={value}",
        f"/fhir/metadata?{value}",
    ):
        check(client, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "x" * 5_000},
        {"Accept": ",;q=,;;="},
        {"Accept": "application/fhir+json;q=nan"},
        {"Accept-Encoding": ";;q=x,gzip;q=-1"},
        {"If-None-Match": '"' * 99},
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Fri, 99 Nov 2026 00:00:00 GMT"},
        {"Prefer": "handling=strict;;=,,handling"},
        {"Range": "bytes=0-1,5-,-9"},
    ],
)
def test_no_header_breaks_an_answer(client: FlaskClient, headers: dict[str, str]) -> None:
    """A resource or an OperationOutcome; a part of one that somebody ranges over is none."""
    response = client.get("/fhir/PlanDefinition?_count=1", headers=headers)

    assert response.status_code in (200, 406)


def test_bodies_are_read_as_forms_or_not_at_all(client: FlaskClient) -> None:
    """Bytes that are no text, a form as large as a service takes, and none."""
    form = "application/x-www-form-urlencoded"
    url = "/fhir/PlanDefinition/_search"

    assert client.post(url, data=b"\xff\x00=\xfe&&&=", content_type=form).status_code == 200
    assert client.post(url, data=b"_id=" + b"a" * 9_000, content_type=form).status_code == 200
    assert client.post(url, data=b"_id=" + b"," * 20_000, content_type=form).status_code == 413
    assert client.post(url, data=b"&" * 9_000, content_type=form).status_code == 400
    assert client.post(url).status_code == 200


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), value=st.text(max_size=40))
def test_no_text_breaks_a_search(client: FlaskClient, name: str, value: str) -> None:
    """Whatever characters it has."""
    check(client, f"/fhir/PlanDefinition?{name}={quote(value.encode(errors='replace'))}")
