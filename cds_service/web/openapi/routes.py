"""GET /openapi.json and the same as a page, /openapi."""

from functools import cache

from flask import Blueprint, Response, current_app, render_template

from cds_service.fhir.resource import JsonObject, encode
from cds_service.web.documents import give_document
from cds_service.web.openapi.document import Access, write_document
from cds_service.web.openapi.page import read_page

# The page holds all that it shows: no script, no image, nothing from elsewhere.
CONTENT_SECURITY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def create_openapi(base_url: str, access: Access) -> Blueprint:
    """The document of all that the application offers, at `base_url`, and the page; free to read.

    `access` says whose tokens the application asks for.
    """
    openapi = Blueprint("openapi", __name__, template_folder="templates")

    @cache  # what an application offers stays as it is from its first request on
    def write() -> JsonObject:
        rules = sorted({rule.rule for rule in current_app.url_map.iter_rules()})
        return write_document(rules, base_url, access)

    @cache
    def write_json() -> bytes:
        return encode(write())

    @cache
    def write_html() -> bytes:
        return render_template("openapi.html", page=read_page(write())).encode()

    @openapi.get("/openapi.json")
    def document() -> Response:
        return give_document(write_json())

    @openapi.get("/openapi")
    def page() -> Response:
        response = give_document(write_html(), "text/html")
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY
        return response

    return openapi
