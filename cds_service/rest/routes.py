"""The FHIR API over HTTP: metadata, read, search (FHIR R4, http)."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from cds_service.errors import InvalidSearch, UnsupportedKind
from cds_service.fhir.resource import JsonObject
from cds_service.rest.cross_origin import open_to_all
from cds_service.rest.history import history_bundle, read_resource, read_version
from cds_service.rest.library import RestLibrary
from cds_service.rest.metadata import capability_statement
from cds_service.rest.parameters import Pairs, posted_parameters, query_parameters
from cds_service.rest.representation import represent
from cds_service.rest.search.bundles import search_bundle
from cds_service.rest.search.escapes import split_at
from cds_service.rest.search.reading import read_kinds, read_query
from cds_service.rest.subset import read_subset
from cds_service.version import VERSION

PREFIX = "/fhir"


def create_rest(read: Callable[[], RestLibrary], base_url: str) -> Blueprint:
    """The library as a FHIR API under /fhir; `base_url` is where this service is found.

    `read` gives the policies that are in service at the moment; a request looks once.
    """
    rest = Blueprint("rest", __name__, url_prefix=PREFIX)
    rest.after_request(open_to_all)
    base = f"{base_url.rstrip('/')}{PREFIX}"

    @rest.get("/metadata", strict_slashes=False)
    def metadata() -> Response:
        library = read()
        return _shown(capability_statement(library, base, VERSION), query_parameters(), library)

    _add_reads(rest, read, base)
    _add_searches(rest, read, base)

    @rest.get("/<path:path>")
    def nothing(**_path: str) -> Response:
        raise UnsupportedKind(f"nothing is served here; {base}/metadata lists what is")

    return rest


def _add_reads(rest: Blueprint, read: Callable[[], RestLibrary], base: str) -> None:
    """Resources by type and id, with their versions."""

    @rest.get("/<kind>/<identity>", strict_slashes=False)
    def instance(kind: str, identity: str) -> Response:
        library = read()
        if identity.startswith("$"):
            raise UnsupportedKind(f"no such operation; {base}/metadata lists those there are")
        return _subset(read_resource(library, kind, identity), library)

    @rest.get("/<kind>/<identity>/_history/<version_id>", strict_slashes=False)
    def instance_version(kind: str, identity: str, version_id: str) -> Response:
        library = read()
        return _subset(read_version(library, kind, identity, version_id), library)

    @rest.get("/<kind>/<identity>/_history", strict_slashes=False)
    def instance_history(kind: str, identity: str) -> Response:
        library = read()
        resource = read_resource(library, kind, identity)
        return _shown(history_bundle(resource, base, library.since), query_parameters(), library)


def _add_searches(rest: Blueprint, read: Callable[[], RestLibrary], base: str) -> None:
    """Searches of a type or of all, by GET, or by POST of a form."""

    @rest.get("", strict_slashes=False)
    def search_all() -> Response:
        library, pairs = read(), query_parameters()
        return _found(library, read_kinds(pairs, library), pairs, base, base)

    @rest.post("/_search", strict_slashes=False)
    def search_all_posted() -> Response:
        library, pairs = read(), posted_parameters()
        return _found(library, read_kinds(pairs, library), pairs, base, base)

    @rest.get("/<kind>", strict_slashes=False)
    def search(kind: str) -> Response:
        library = read()
        library.shelf(kind)
        return _found(library, (kind,), query_parameters(), base, f"{base}/{kind}")

    @rest.post("/<kind>/_search", strict_slashes=False)
    def search_posted(kind: str) -> Response:
        library = read()
        library.shelf(kind)
        return _found(library, (kind,), posted_parameters(), base, f"{base}/{kind}")


def _found(
    library: RestLibrary, kinds: tuple[str, ...], pairs: Pairs, base: str, url: str
) -> Response:
    query = read_query(pairs, library, kinds, base)
    if query.ignored and _is_strict():
        raise InvalidSearch("; ".join(query.ignored))
    return _shown(search_bundle(query, library, base, url), pairs, library)


def _is_strict() -> bool:
    """Whether the caller would rather have no answer than one to less than asked (R4, search)."""
    preferences = request.headers.get("Prefer", "").replace(";", ",").split(",")
    return "handling=strict" in [preference.strip().lower() for preference in preferences]


def _subset(resource: JsonObject, library: RestLibrary) -> Response:
    """A resource, or what of it `_summary` and `_elements` ask for."""
    pairs = query_parameters()
    asked = dict(pairs)
    elements = split_at(",", asked.get("_elements", ""))
    return _shown(read_subset(asked.get("_summary", ""), elements).of(resource), pairs, library)


def _shown(resource: JsonObject, pairs: Pairs, library: RestLibrary) -> Response:
    return represent(resource, pairs, library.since)
