"""Other sites: what a page of theirs may ask of the FHIR API (the Fetch standard, CORS)."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response

# Any site, with no credentials of a browser: the policies are public. Beside what browsers always
# send, a page may send conditions and preferences; it may read by what to ask again.
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
        "Access-Control-Allow-Headers": (
            "Accept, Authorization, Content-Type, If-Modified-Since, If-None-Match, Prefer"
        ),
        "Access-Control-Expose-Headers": "ETag, Last-Modified",
        "Access-Control-Max-Age": "86400",
    }
)


def open_to_all(response: Response) -> Response:
    """Any page may read the answer."""
    response.headers.update(_HEADERS)
    return response
