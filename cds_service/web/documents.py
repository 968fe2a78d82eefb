"""Documents: what hardly ever changes and anybody may read, with what caches need to keep it."""

from hashlib import sha256

from flask import Response, request

_SECONDS = 300  # that a cache may give it again without asking


def give_document(body: bytes, mimetype: str = "application/json") -> Response:
    """A public document; 304 for whoever has it already."""
    response = Response(body, mimetype=mimetype)
    response.set_etag(sha256(body).hexdigest()[:32])
    response.headers["Cache-Control"] = f"public, max-age={_SECONDS}"
    response.make_conditional(request)
    return response
