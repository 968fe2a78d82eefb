"""Versions of a resource: there is one of each, known by its business version (R4, http, vread)."""

from datetime import datetime

from cds_service.errors import UnknownArtifact
from cds_service.fhir.resource import JsonObject, text
from cds_service.rest.library import RestLibrary


def read_resource(library: RestLibrary, kind: str, identity: str) -> JsonObject:
    """The resource of this type and id.

    Raises:
        UnknownArtifact: the set does not hold it. Whether another one did is not remembered.
        UnsupportedKind: no resource of this type is served.
    """
    library.shelf(kind)
    resource = library.find(kind, identity)
    if resource is None:
        raise UnknownArtifact(f"the library has no {kind} with this id")
    return resource


def read_version(library: RestLibrary, kind: str, identity: str, version: str) -> JsonObject:
    """The resource of this type and id, if its business version is this one.

    Raises:
        UnknownArtifact: the set does not hold it; the message names the versions that it holds.
        UnsupportedKind: no resource of this type is served.
    """
    resource = read_resource(library, kind, identity)
    if not version or text(resource.get("version")) != version:
        raise UnknownArtifact(f"not this version of {kind}/{identity}: {_held(library, resource)}")
    return resource


def _held(library: RestLibrary, resource: JsonObject) -> str:
    url = text(resource.get("url"))
    versions = library.find_canonical(url) if url else ()
    held = [
        f"{version['version']} is {version['resourceType']}/{version['id']}"
        for version in versions
        if version.get("version")
    ]
    return f"version {'; version '.join(held)}" if held else "it has no versions"


def history_bundle(resource: JsonObject, base: str, since: datetime) -> JsonObject:
    """The history of a resource: the one version in service, since it came into service here."""
    path = f"{resource['resourceType']}/{resource['id']}"
    moment = since.isoformat(timespec="seconds")
    return {
        "resourceType": "Bundle",
        "type": "history",
        "total": 1,
        "link": [{"relation": "self", "url": f"{base}/{path}/_history"}],
        "entry": [
            {
                "fullUrl": f"{base}/{path}",
                "resource": resource,
                "request": {"method": "PUT", "url": path},
                "response": {"status": "200", "lastModified": moment},
            }
        ],
    }
