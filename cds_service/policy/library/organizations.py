"""Payers and plans of the library: its Organizations and InsurancePlans."""

from collections import defaultdict

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.request.membership import Identifier, Payer, Plan, read_identifiers
from cds_service.errors import ArtifactError
from cds_service.fhir.coding import read_codings
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, follow, text
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.payers import Payers


def compile_payers(library: Library) -> Payers:
    """The payers of the library: Organizations with an identifier of ours or of the deployer's, and their plans."""
    plans: dict[str, list[Plan]] = defaultdict(list)
    for artifact in library.of_type("InsurancePlan"):
        owner = parse_reference(text(first(artifact.resource.get("ownedBy")).get("reference")))
        if owner is None or owner not in library.by_key:
            raise ArtifactError(artifact.path, "$.ownedBy", "names no Organization of the library")
        plans[owner.id].append(_plan(artifact.resource))
    organizations = list(library.of_type("Organization"))
    payers = [_payer(one, tuple(plans[text(one.resource["id"])])) for one in organizations]
    _check_identifiers(organizations, payers)
    return Payers(payers)


def _check_identifiers(organizations: list[Artifact], payers: list[Payer]) -> None:
    """One identifier is one payer's: else a member would get another payer's policies."""
    owners: dict[Identifier, str] = {}
    for artifact, payer in zip(organizations, payers, strict=True):
        for identifier in payer.identifiers:
            if owners.setdefault(identifier, payer.id) != payer.id:
                raise artifact.broken(
                    "$.identifier",
                    f"{identifier.value} is also Organization/{owners[identifier]}'s",
                )


def _payer(artifact: Artifact, plans: tuple[Plan, ...]) -> Payer:
    resource = artifact.resource
    aliases = [text(alias) for alias in resource.get("alias", ())]
    identifiers = frozenset(read_identifiers(resource.get("identifier")))
    if not identifiers:
        raise ArtifactError(
            artifact.path, "$.identifier", "a payer needs an identifier with system and value"
        )
    brand = next(iter(aliases), "") or text(resource.get("name"))
    if not plain(brand):
        raise artifact.broken("$.name", "a payer needs a name to sign its cards with")
    return Payer(id=text(resource["id"]), brand=brand, identifiers=identifiers, plans=plans)


def _plan(resource: JsonObject) -> Plan:
    areas = follow(resource, ("contained",))
    states = (text(name).upper() for area in areas for name in (area.get("name"), _state(area)))
    return Plan(
        id=text(resource["id"]),
        name=text(resource.get("name")),
        identifiers=frozenset(one.value for one in read_identifiers(resource.get("identifier"))),
        types=frozenset(coding.key for coding in read_codings(resource.get("type"))),
        states=frozenset(state for state in states if state)
        if "coverageArea" in resource
        else frozenset(),
        resource=resource,
    )


def _state(location: JsonObject) -> str:
    return text(first(location.get("address")).get("state"))
