"""The OpenAPI document as a page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from whole_site import whole_site

from cds_service.pages.routes import CONTENT_SECURITY


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a site that offers everything."""
    with whole_site(Path(tmp_path_factory.mktemp("site"))) as app:
        yield app.test_client()


def test_the_page_shows_every_operation(client: FlaskClient) -> None:
    """With method, path and summary, at an anchor of its own."""
    document = client.get("/openapi.json").get_json()
    html = client.get("/openapi").get_data(as_text=True)
    for path, methods in document["paths"].items():
        for described in methods.values():
            assert f'id="{described["operationId"]}"' in html
            assert f"<code>{path}</code>" in html


def test_every_link_of_the_page_leads_somewhere(client: FlaskClient) -> None:
    """To an anchor that is there."""
    html = client.get("/openapi").get_data(as_text=True)
    anchors = set(re.findall(r'id="([^"]+)"', html))

    assert set(re.findall(r'href="#([^"]+)"', html)) <= anchors


def test_the_page_needs_no_script_and_nothing_from_elsewhere(client: FlaskClient) -> None:
    """As the other pages."""
    response = client.get("/openapi")
    html = response.get_data(as_text=True)

    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY
    assert "<script" not in html
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)
    assert response.mimetype == "text/html"


def test_the_page_shows_the_example(client: FlaskClient) -> None:
    """Of a call."""
    assert "&#34;order-sign&#34;" in client.get("/openapi").get_data(as_text=True)
