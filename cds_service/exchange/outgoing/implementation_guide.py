"""The ImplementationGuide of a package: what the package is and holds, as FHIR (R4)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from cds_service.errors import ExchangeError
from cds_service.exchange.facts import SetFacts
from cds_service.exchange.narrative import narrative
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject, text

_LABEL = re.compile(r"[a-z][a-z0-9-]*")
_LAST_LABEL = "crd"
_LONGEST_ID = 64


def package_id(base: str) -> str:
    """The name of the package of a set: the host of its base backwards, such as `org.example.crd`.

    Raises:
        ExchangeError: the host gives no such name: it is an address of digits, or too long.
    """
    labels = [*reversed((urlsplit(base).hostname or "").split(".")), _LAST_LABEL]
    name = ".".join(labels)
    if not all(map(_LABEL.fullmatch, labels)) or len(name) > _LONGEST_ID:
        raise ExchangeError(
            f"canonical base {base}: a package is named after its host, in parts that begin with "
            f"a letter, of {_LONGEST_ID} letters in all; choose another base, or export a Bundle"
        )
    return name


def write_guide(resources: Sequence[JsonObject], facts: SetFacts) -> JsonObject:
    """The guide that lists the resources of a set, in the order given.

    Raises:
        ExchangeError: the canonical base gives no package a name.
    """
    name = package_id(facts.base)
    return {
        "resourceType": "ImplementationGuide",
        "id": name,
        "text": narrative(f"{facts.title}, version {facts.version}."),
        "url": f"{facts.base}/ImplementationGuide/{name}",
        "version": facts.version,
        "name": "CoveragePolicies",
        "title": facts.title,
        "status": "active",
        "experimental": False,
        "date": facts.date,
        "publisher": facts.publisher,
        "description": f"Coverage policies as FHIR artifacts, made from the set {facts.digest}.",
        **({"copyright": facts.copyright} if facts.copyright else {}),
        "packageId": name,
        "fhirVersion": ["4.0.1"],
        "definition": {"resource": [_listed(resource) for resource in resources]},
    }


def _listed(resource: JsonObject) -> JsonObject:
    title = text(resource.get("title")) or text(resource.get("name"))
    return {
        "reference": {"reference": f"{read_key(resource)}"},
        **({"name": title} if title else {}),
        "exampleBoolean": False,
    }
