"""Formats: what the library is written in, and what a caller takes (FHIR R4, http, mime types).

It is FHIR R4 as JSON and nothing else. A browser, which asks for HTML, gets that too.
"""

from flask import request
from werkzeug.http import parse_options_header

from cds_service.errors import NotAcceptable

FHIR_JSON = "application/fhir+json"
FHIR_VERSION = "4.0"
_JSON = ("json", FHIR_JSON, "application/json", "application/json+fhir", "text/json")
_ANY = ("*/*", "application/*", "text/*", "text/html", "application/xhtml+xml", "text/plain")


def check_format(asked: str) -> None:
    """Pass a caller that takes FHIR R4 as JSON; `asked` is its `_format`, which goes before Accept.

    Raises:
        NotAcceptable: the caller takes other formats, or other FHIR versions, alone.
    """
    if asked:
        name, semicolon, options = asked.partition(";")
        # A `+` in a URL is a blank.
        acceptable = _is_taken(f"{name.replace(' ', '+')}{semicolon}{options}", _JSON)
    else:
        ranges = [accepted for accepted, quality in request.accept_mimetypes if quality > 0]
        acceptable = not request.headers.get("Accept", "").strip() or any(
            _is_taken(accepted, (*_JSON, *_ANY)) for accepted in ranges
        )
    if not acceptable:
        raise NotAcceptable(
            f"the library is served as {FHIR_JSON} of FHIR {FHIR_VERSION} and as nothing else: "
            "ask for that with Accept or `_format`, or for no format"
        )


def _is_taken(media_range: str, taken: tuple[str, ...]) -> bool:
    name, options = parse_options_header(media_range)
    version = options.get("fhirversion", FHIR_VERSION)
    return name in taken and version in (FHIR_VERSION, "4.0.1")
