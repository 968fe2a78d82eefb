"""Representations: how a resource of the library leaves over HTTP (FHIR R4, http).

Each has an ETag of its own bytes, so a cache can always ask whether they are still the same; it is
weak, for what is packed with gzip means the same. Packed or not, nothing is kept: ten thousand
policies written twice would be much to hold for what takes a moment to write.
"""

import gzip
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType

import msgspec
from flask import Response, request

from cds_service.errors import InvalidSearch
from cds_service.fhir.resource import JsonObject, encode
from cds_service.rest.formats import FHIR_JSON, check_format
from cds_service.rest.parameters import Pairs

_WORTH_PACKING = 1_000  # bytes
_LEVEL = 5  # of gzip: nine tenths of what 9 saves, in a third of the time
_ETAG = 32  # hexadecimal digits
_BOOLEANS: Mapping[str, bool] = MappingProxyType({"true": True, "false": False, "": False})


def represent(resource: JsonObject, parameters: Pairs, since: datetime | None = None) -> Response:
    """A resource as the caller asks for it with `parameters` and headers; 304 if it has it.

    `since` is the moment from which on this service has given it: its Last-Modified.

    Raises:
        InvalidSearch: `_pretty` is no boolean.
        NotAcceptable: the caller takes no FHIR R4 as JSON.
    """
    controls = dict(parameters)
    check_format(controls.get("_format", ""))
    body = _write(resource, is_pretty=_is_pretty(controls.get("_pretty", "")))
    response = Response(body, mimetype=FHIR_JSON)
    response.set_etag(sha256(body).hexdigest()[:_ETAG], weak=True)
    if since:
        response.last_modified = since
    # Kept by caches, who ask each time: the day a policy changes, its page must.
    response.headers["Cache-Control"] = "public, no-cache"
    response.headers["Vary"] = "Accept, Accept-Encoding, Prefer"
    if len(body) >= _WORTH_PACKING and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(body, compresslevel=_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    response.make_conditional(request)
    return response


def _is_pretty(asked: str) -> bool:
    if asked not in _BOOLEANS:
        raise InvalidSearch("`_pretty` is true or false")
    return _BOOLEANS[asked]


def _write(resource: JsonObject, *, is_pretty: bool) -> bytes:
    body = encode(resource)
    return msgspec.json.format(body, indent=2) + b"\n" if is_pretty else body
