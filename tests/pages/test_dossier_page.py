"""The page of one answer: for operators, as HTML or JSON, in no cache, with nothing that runs."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes import NOON, builtin_index
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from hook_requests import order_sign
from html_page import Page
from replaying import payload_of, record_call

from cds_service.audit.dossier import Dossier, Hold, Seal
from cds_service.errors import AuditError, HookError, NotRecorded, Unauthorized
from cds_service.fhir.resource import decode, encode
from cds_service.pages.dossier_routes import create_dossier_pages
from cds_service.pages.routes import CONTENT_SECURITY, create_pages, read_pages
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.run.index import PolicyIndex

JsonObject = dict[str, Any]
Find = Callable[[str, str], Dossier | None]

HOSTILE = "</title><script>alert('x')</script><img src=x onerror=\"y\">\u202e"


@pytest.fixture(scope="module")
def index() -> PolicyIndex:
    """The policies that come with the service."""
    return builtin_index()


@pytest.fixture(scope="module")
def site(index: PolicyIndex) -> Blueprint:
    """The policies, which the header of a page links to."""
    shown = read_pages(read_library([builtin_library()]), index)
    return create_pages(lambda: shown, NOON.date)


@pytest.fixture(scope="module")
def dossier(index: PolicyIndex) -> Dossier:
    """That of a real call."""
    record = payload_of(record_call(index, order_sign(version="2.2")))
    return Dossier(asked=record["decisions"][0]["assertion"], record=record)


def ada() -> str:
    """An operator."""
    return "ada"


def client_for(site: Blueprint, find: Find, operator: Callable[[], str] = ada) -> FlaskClient:
    """A browser of the page and of the policies."""
    app = Flask("test")
    app.register_blueprint(site)
    app.register_blueprint(create_dossier_pages(find, operator))
    app.register_error_handler(HookError, _problem)
    return app.test_client()


def _problem(error: HookError) -> tuple[str, int]:
    return str(error), error.status


@pytest.fixture
def client(site: Blueprint, dossier: Dossier) -> FlaskClient:
    """A browser of an operator."""
    return client_for(site, _finder(dossier))


def _finder(dossier: Dossier) -> Find:
    return lambda _who, identity: dossier if identity == dossier.asked else None


def test_the_page_shows_the_dossier_in_sections(client: FlaskClient, dossier: Dossier) -> None:
    """Well formed, with a table a section."""
    response = client.get(f"/assertions/{dossier.asked}")
    page = Page(response.text)

    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert page.unbalanced == []
    assert page.text["section-1"] == "The call"
    assert page.tags.count("table") == page.tags.count("section") >= 6
    assert "not-reasonable-necessary" in response.text
    assert "The whole record as JSON" in response.text


@pytest.mark.parametrize("path", ["", "?format=json"])
@pytest.mark.parametrize("known", [True, False])
def test_no_copy_is_kept_and_nothing_runs(
    client: FlaskClient, dossier: Dossier, path: str, known: bool
) -> None:
    """It is a patient's, whatever is found."""
    response = client.get(f"/assertions/{dossier.asked if known else 'unknown'}{path}")

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY
    assert response.status_code == (200 if known else 404)


@pytest.mark.parametrize(
    ("query", "accept", "mimetype"),
    [
        ("", "*/*", "text/html"),
        ("", "", "text/html"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("", "application/json", "application/json"),
        ("?format=json", "text/html", "application/json"),
        ("?format=html", "application/json", "text/html"),
    ],
)
def test_json_is_given_to_who_asks_for_it(
    client: FlaskClient, dossier: Dossier, query: str, accept: str, mimetype: str
) -> None:
    """By the header, or in the address."""
    response = client.get(f"/assertions/{dossier.asked}{query}", headers={"Accept": accept})

    assert response.mimetype == mimetype
    assert (response.data == encode(dossier.to_json())) is (mimetype == "application/json")


def test_what_is_unknown_has_a_page_that_says_so(client: FlaskClient) -> None:
    """Which does not repeat what was asked for."""
    html = client.get("/assertions/%3Cscript%3E")
    given = client.get("/assertions/unknown?format=json")

    assert (html.status_code, "No such answer" in html.text) == (404, True)
    assert "<script>" not in html.text
    assert (given.status_code, decode(given.data)["issue"][0]["code"]) == (404, "not-found")


def hostile(value: Any) -> Any:
    """The same with hostile text in place of every text."""
    if isinstance(value, dict):
        return {name: hostile(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return HOSTILE if isinstance(value, str) else value


def test_nothing_in_a_record_becomes_markup(site: Blueprint, dossier: Dossier) -> None:
    """Whatever a client sent, an EHR gave or a clinician wrote."""
    feedback = {"feedback": {"card": HOSTILE, "overrideReason": {"userComment": HOSTILE}}}
    record = hostile(dossier.record)
    record["response"]["systemActions"] = dossier.record["response"]["systemActions"]
    spoiled = Dossier(
        asked="a",
        record=record,
        feedback=(feedback,),
        seal=Seal(number=1, checkpoint=2, signed=NOON),
        holds=(Hold(name=HOSTILE, value=HOSTILE, reason=HOSTILE, at=NOON),),
    )
    response = client_for(site, lambda _who, _identity: spoiled).get("/assertions/a")
    page = Page(response.text)

    assert {"script", "img"}.isdisjoint(page.tags)
    assert page.tags.count("title") == 1
    assert page.unbalanced == []
    sections = response.text.partition("<details>")[0]
    assert "\u202e" not in sections


def test_the_operator_is_who_reads(site: Blueprint, dossier: Dossier) -> None:
    """So that the reading is recorded under the name, and never without one."""
    readers: list[tuple[str, str]] = []

    def find(who: str, identity: str) -> Dossier:
        readers.append((who, identity))
        return dossier

    def nobody() -> str:
        raise Unauthorized("no-token")

    assert client_for(site, find).get("/assertions/a-1").status_code == 200
    assert client_for(site, find, nobody).get("/assertions/a-2").status_code == 401
    assert readers == [("ada", "a-1")]


@pytest.mark.parametrize("error", [NotRecorded("cannot be recorded"), AuditError("away")])
def test_what_cannot_be_recorded_or_read_is_not_shown(site: Blueprint, error: Exception) -> None:
    """It may be asked for again."""

    def find(_who: str, _identity: str) -> Dossier:
        raise error

    response = client_for(site, find).get("/assertions/a-1")

    assert (response.status_code, response.text) == (503, str(error))
