"""Endpoint discovery: where each payer's Da Vinci endpoints are (HRex, Endpoint Discovery).

A payer tells the address of this file with a member's eligibility (X12 271) or on a Coverage, and
the file tells the rest. It names one payer; where several are hosted each has a file of its own,
and the one at the root names none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response

from cds_service.crd.request.membership import Identifier
from cds_service.crd.request.version import VERSIONS
from cds_service.errors import UnknownArtifact
from cds_service.fhir.resource import JsonObject, encode, objects, text
from cds_service.policy.library.artifacts import Library
from cds_service.web.documents import give_document

PATH = "/.well-known/davinci-configuration"
# HRex, hrex-endpoint-discovery: an endpoint's name, `#`, and the version in two parts.
_CRD = "davinci_crd_hook_endpoint"


@dataclass(frozen=True, slots=True)
class NamedPayers:
    """The identifier that each hosted payer is named by, by the id of its Organization."""

    by_id: Mapping[str, Identifier]

    @property
    def only(self) -> Identifier | None:
        """That of the one payer that is hosted; None if there are several."""
        return next(iter(self.by_id.values())) if len(self.by_id) == 1 else None


def read_payers(library: Library, payer_ids: Iterable[str]) -> NamedPayers:
    """The payers with these ids, each named by the first identifier that its Organization has."""
    hosted = set(payer_ids)
    return NamedPayers(
        {
            artifact.resource["id"]: identifier
            for artifact in library.of_type("Organization")
            if artifact.resource["id"] in hosted
            for identifier in _first_identifier(artifact.resource)
        }
    )


def _first_identifier(organization: JsonObject) -> Iterator[Identifier]:
    """One, or none; HRex has it say in which system its value stands."""
    for identifier in objects(organization.get("identifier")):
        system, value = text(identifier.get("system")), text(identifier.get("value"))
        if system and value:
            yield Identifier(system, value)
            return


def create_well_known(read: Callable[[], NamedPayers], base_url: str) -> Blueprint:
    """`/.well-known/davinci-configuration`, and the same below `/payers/{Organization id}`.

    `read` gives the payers of the policies in service; `base_url` is what clients call us under.
    Anybody may ask, over plain TLS (HRex ep-2).
    """
    well_known = Blueprint("well_known", __name__)

    @well_known.get(PATH)
    def configuration() -> Response:
        return give_document(encode(_configuration(base_url, read().only)))

    @well_known.get(f"/payers/<payer_id>{PATH}")
    def payer_configuration(payer_id: str) -> Response:
        identifier = read().by_id.get(payer_id)
        if identifier is None:
            raise UnknownArtifact("no payer with this id is hosted here")
        return give_document(encode(_configuration(base_url, identifier)))

    return well_known


def _configuration(base_url: str, payer: Identifier | None) -> JsonObject:
    """What HRexWellknownDefinition has; DTR and PAS are not offered here."""
    named = {"identifier": payer._asdict()} if payer else {}
    return {**named, "endpoints": {f"{_CRD}#{version}": base_url for version in VERSIONS}}
