"""The FHIR API over some library, inside the application that answers errors for it."""

from datetime import UTC, datetime
from typing import Any

from fake_web import fake_web
from fakes import BASE_URL
from flask.testing import FlaskClient

from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.snapshot import digest
from cds_service.rest.library import RestLibrary, read_rest
from cds_service.rest.routes import create_rest

JsonObject = dict[str, Any]

BASE = f"{BASE_URL}/fhir"
SINCE = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)


def rest_of(library: Library) -> RestLibrary:
    """What the API shows of a library, in service since a certain moment."""
    return read_rest(library, digest(library), SINCE)


def fhir_client(library: Library) -> FlaskClient:
    """A client of the API over one library."""
    shown = rest_of(library)
    return fake_web({}, [create_rest(lambda: shown, BASE_URL)]).test_client()


def get(client: FlaskClient, path: str, status: int = 200) -> JsonObject:
    """The resource at a path under /fhir."""
    response = client.get(f"/fhir{path}")
    assert response.status_code == status, response.text
    resource: JsonObject = response.get_json(force=True)
    return resource


def found(bundle: JsonObject, mode: str = "match") -> list[str]:
    """The ids of what a search found, or included."""
    entries = bundle.get("entry", [])
    return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == mode]


def ids(client: FlaskClient, path: str) -> list[str]:
    """The ids that a search at a path finds."""
    return found(get(client, path))


def links(bundle: JsonObject) -> dict[str, str]:
    """The links of a Bundle by relation, each as a path under /fhir."""
    assert all(link["url"].startswith(BASE) for link in bundle["link"])
    return {link["relation"]: link["url"].removeprefix(BASE) for link in bundle["link"]}


def notes(bundle: JsonObject) -> list[str]:
    """What a search was told beside its results."""
    entries = bundle.get("entry", [])
    outcomes = [entry["resource"] for entry in entries if entry["search"]["mode"] == "outcome"]
    return [issue["diagnostics"] for outcome in outcomes for issue in outcome["issue"]]
