"""FHIR packages (FHIR Package Specification): a .tgz with the same bytes for the same set.

`package/package.json` says what it is, `package/.index.json` what is in it, and an
ImplementationGuide the same as FHIR; each resource has a file of its own, `Type-id.json`.
"""

import gzip
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO

from cds_service.errors import ExchangeError
from cds_service.exchange.facts import SetFacts
from cds_service.exchange.outgoing.implementation_guide import package_id, write_guide
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, encode

_LONGEST_PATH = 100  # bytes: some writers and readers rename what is longer
_MODE = 0o644
_COMPRESSION = 9
# The members that an index has, where they are strings (package specification, .index.json).
_INDEXED = ("resourceType", "id", "url", "version", "kind", "type", "supplements", "content")


def write_package(resources: Sequence[JsonObject], facts: SetFacts) -> bytes:
    """The bytes of the package of a set, manifest and all.

    Raises:
        ExchangeError: the name of a file would be longer than every reader takes, or the canonical
            base gives no package a name.
    """
    guide = write_guide(resources, facts)
    files = {f"{_name(resource)}.json": resource for resource in (guide, *resources)}
    texts: dict[str, bytes] = {
        "package.json": encode(_package_json(facts)),
        ".index.json": encode(_index(files)),
        **{name: encode(files[name]) for name in sorted(files)},
    }
    return gzip.compress(_archive(texts, facts), compresslevel=_COMPRESSION, mtime=0)


def _name(resource: JsonObject) -> str:
    return f"{read_key(resource)}".replace("/", "-")


def _archive(texts: Mapping[str, bytes], facts: SetFacts) -> bytes:
    """A tar file in which nothing is of this machine or this moment."""
    moment = int(datetime.fromisoformat(facts.date).replace(tzinfo=UTC).timestamp())
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, body in texts.items():
            entry = tarfile.TarInfo(_checked(f"package/{name}"))
            entry.size, entry.mtime, entry.mode = len(body), moment, _MODE
            archive.addfile(entry, BytesIO(body))
    return written.getvalue()


def _checked(path: str) -> str:
    if len(path.encode()) > _LONGEST_PATH:
        raise ExchangeError(
            f"{path}: longer than the {_LONGEST_PATH} bytes that every reader of packages takes; "
            "give the artifact a shorter id, or export a Bundle"
        )
    return path


def _package_json(facts: SetFacts) -> JsonObject:
    """What the package is; without a licence, since that is the publisher's to give."""
    return {
        "name": package_id(facts.base),
        "version": facts.version,
        "type": "IG",
        "title": facts.title,
        "description": f"Coverage policies as FHIR R4 artifacts, made from the set {facts.digest}.",
        "author": facts.publisher,
        "canonical": facts.base,
        "url": facts.base,
        "date": f"{facts.date.replace('-', '')}000000",
        "jurisdiction": "urn:iso:std:iso:3166#US",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
        **({"copyright": facts.copyright} if facts.copyright else {}),
    }


def _index(files: Mapping[str, JsonObject]) -> JsonObject:
    listed = [{"filename": name, **_indexed(files[name])} for name in sorted(files)]
    return {"index-version": 2, "files": listed}


def _indexed(resource: JsonObject) -> JsonObject:
    return {name: resource[name] for name in _INDEXED if isinstance(resource.get(name), str)}
