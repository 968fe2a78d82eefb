"""The manifest of a set: a Library that names what is in it and what that needs (CRMI).

Its type is `asset-collection`. `composed-of` names what the set is about, pinned as `url|version`,
and `depends-on` what those need, in the set and outside it, as it is pinned there. It holds the
digest of the set too. It is about artifacts and is none itself, so an import leaves it out.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cds_service.errors import ExchangeError
from cds_service.exchange.dependencies import addresses_in
from cds_service.exchange.facts import SetFacts
from cds_service.exchange.narrative import narrative
from cds_service.fhir.reference import ResourceKey, read_key
from cds_service.fhir.resource import JsonObject, text

MANIFEST_ID = "crd-manifest"
MANIFEST = ResourceKey("Library", MANIFEST_ID)

_TAIL = f"/Library/{MANIFEST_ID}"
_DIGEST_TAIL = "/NamingSystem/library-digest"
_LIBRARY_TYPES = "http://terminology.hl7.org/CodeSystem/library-type"
# Addresses of artifacts; what every R4 server has by itself is not worth a line.
_CANONICAL = re.compile(
    r"https?://(?!hl7\.org/fhir/StructureDefinition/)\S+/"
    r"(?:ActivityDefinition|CodeSystem|ConceptMap|Library|PlanDefinition|Questionnaire"
    r"|StructureDefinition|ValueSet)/[^/\s]+"
)


def write_manifest(
    resources: Sequence[JsonObject],
    facts: SetFacts,
    about: frozenset[ResourceKey] | None = None,
) -> JsonObject:
    """The manifest of a set of resources, already under the base that the facts name.

    The set is about all of them, or only about those named by `about`.

    Raises:
        ExchangeError: one of them has the key that the manifest has.
    """
    keys = {key for resource in resources if (key := read_key(resource))}
    if MANIFEST in keys:
        raise ExchangeError(f"the library has {MANIFEST} itself; the manifest needs that id")
    inside = {_pinned(resource, facts.base): read_key(resource) for resource in resources}
    composed = [name for name, key in inside.items() if about is None or key in about]
    needed = (inside.keys() - set(composed)) | (_outside(resources) - inside.keys())
    return {
        "resourceType": "Library",
        "id": MANIFEST_ID,
        "text": narrative(_in_words(facts, len(resources))),
        "url": f"{facts.base}{_TAIL}",
        "identifier": [{"system": f"{facts.base}{_DIGEST_TAIL}", "value": facts.digest}],
        "version": facts.version,
        "name": "CoveragePoliciesManifest",
        "title": facts.title,
        "status": "active",
        "experimental": False,
        "type": {"coding": [{"system": _LIBRARY_TYPES, "code": "asset-collection"}]},
        "date": facts.date,
        "publisher": facts.publisher,
        "description": "What this set of coverage policies holds, and what it depends on.",
        **({"copyright": facts.copyright} if facts.copyright else {}),
        "relatedArtifact": [
            *({"type": "composed-of", "resource": name} for name in sorted(composed)),
            *({"type": "depends-on", "resource": name} for name in sorted(needed)),
        ],
    }


def is_manifest(resource: JsonObject) -> bool:
    """Whether a resource is the manifest of an export, under whatever base it was made."""
    return read_key(resource) == MANIFEST and text(resource.get("url")).endswith(_TAIL)


def base_of(manifest: JsonObject) -> str:
    """The canonical base that the set of this manifest was exported under."""
    return text(manifest.get("url")).removesuffix(_TAIL)


def _pinned(resource: JsonObject, base: str) -> str:
    """`url|version`; what has no url in R4 is named by its address in the set."""
    url, version = text(resource.get("url")), text(resource.get("version"))
    if not url:
        return f"{base}/{read_key(resource)}"
    return f"{url}|{version}" if version else url


def _outside(resources: Sequence[JsonObject]) -> set[str]:
    """The artifacts and code systems that the set names and does not hold, as they are pinned."""
    held = {text(resource.get("url")) for resource in resources} - {""}
    named: set[str] = set()
    for resource in resources:
        named |= {name for name in addresses_in(resource) if _CANONICAL.fullmatch(name)}
        named |= set(_code_systems(resource))
    pinned = {name.split("|")[0] for name in named if "|" in name}
    return {name for name in named - pinned if name.split("|")[0] not in held}


def _code_systems(value: Any) -> Iterator[str]:
    """The system of each coding, filter and list of codes, with its version where it has one."""
    if isinstance(value, list):
        for member in value:
            yield from _code_systems(member)
    elif isinstance(value, dict):
        if "system" in value and not value.keys().isdisjoint(("code", "concept", "filter")):
            version = text(value.get("version"))
            yield f"{text(value['system'])}|{version}" if version else text(value["system"])
        for member in value.values():
            yield from _code_systems(member)


def _in_words(facts: SetFacts, count: int) -> str:
    return f"{facts.title}, version {facts.version}: {count} artifacts, digest {facts.digest}."
