"""What an artifact leads to on a FHIR server, as searches and reads.

A server that does not know a search parameter may ignore it and answer with all there is (FHIR R4
search.html#errors), so each query comes with a test of what was meant.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import quote

from cds_service.crd.request.membership import Identifier, read_identifiers
from cds_service.exchange.br_payer.program import contexts_of
from cds_service.exchange.dependencies import addresses_in, references_in
from cds_service.exchange.incoming.arrival import ARTIFACT_TYPES
from cds_service.fhir.coding import read_codings
from cds_service.fhir.reference import parse_reference, read_key
from cds_service.fhir.resource import JsonObject, first, objects, resource_type, text

_CANONICAL = re.compile(r"(?P<url>[^|]+/(?P<type>[A-Z][A-Za-z]+)/[^/|]+)(\|(?P<version>.+))?")
# Standards that everybody has; a server may hold thousands of their artifacts.
_STANDARDS = ("http://hl7.org/fhir/", "http://terminology.hl7.org/")


class Wanted(NamedTuple):
    """A query, and whether a resource is what it asks for.

    With `all_or_none`, some of what is meant must not come in without the rest.
    """

    query: str
    is_meant: Callable[[JsonObject], bool]
    all_or_none: bool = False


def wanted_by(resource: JsonObject) -> Iterator[Wanted]:
    """The queries for what a resource leads to."""
    for reference in references_in(resource):
        key = parse_reference(reference)
        if key and key.type in ARTIFACT_TYPES:
            yield Wanted(f"{key}", lambda _found: True)
    for address in sorted(addresses_in(resource)):
        parts = _CANONICAL.fullmatch(address)
        if parts and not address.startswith(_STANDARDS) and parts["type"] in ARTIFACT_TYPES:
            yield _by_address(parts["type"], parts["url"], parts["version"] or "")
    if resource_type(resource) == "PlanDefinition":
        yield from _payers(resource)
    if resource_type(resource) == "Organization":
        yield _plans(resource)


def _by_address(kind: str, url: str, version: str) -> Wanted:
    if kind == "NamingSystem":
        return Wanted(f"{kind}?value={quote(url, safe='')}", lambda found: url in _names(found))
    versioned = f"&version={quote(version, safe='')}" if version else ""
    return Wanted(
        f"{kind}?url={quote(url, safe='')}{versioned}",
        lambda found: text(found.get("url")) == url and version in ("", text(found.get("version"))),
    )


def _names(naming_system: JsonObject) -> list[str]:
    return [text(name.get("value")) for name in objects(naming_system.get("uniqueId"))]


def _payers(policy: JsonObject) -> Iterator[Wanted]:
    for context in contexts_of(policy, "program"):
        for coding in read_codings(context.get("valueCodeableConcept")):
            yield _by_identifier(coding.system, coding.code)


def _by_identifier(system: str, value: str) -> Wanted:
    identifier = Identifier(system.rstrip("/"), value)
    return Wanted(
        f"Organization?identifier={quote(system, safe='')}|{quote(value, safe='')}",
        lambda found: identifier in read_identifiers(found.get("identifier")),
    )


def _plans(payer: JsonObject) -> Wanted:
    """The plans of a payer: which one a member has depends on all of them."""
    owner = read_key(payer)
    return Wanted(
        f"InsurancePlan?owned-by={owner}",
        lambda found: parse_reference(text(first(found.get("ownedBy")).get("reference"))) == owner,
        all_or_none=True,
    )
