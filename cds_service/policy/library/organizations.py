"""Payers and plans of the library: its Organizations and InsurancePlans."""

from collections import defaultdict

from cds_service.cds_hooks.plain_text import plain
from cds_service.crd.request.membership import Identifier, Payer, Plan, read_identifiers
from cds_service.fhir.coding import read_codings
from cds_service.fhir.reference import parse_reference
from cds_service.fhir.resource import JsonObject, first, follow, text
from cds_service.policy.library.artifacts import Artifact, Library
from cds_service.policy.payers import Payers


def compile_payers(library: Library) -> Payers:
    """The payers of the library, Organizations with an identifier, each with the plans it owns.

    Raises:
        ArtifactError: an Organization or InsurancePlan cannot be used.
    """
    plans: dict[str, list[Plan]] = defaultdict(list)
    for artifact in library.of_type("InsurancePlan"):
        owner = parse_reference(text(first(artifact.resource.get("ownedBy")).get("reference")))
        if owner is None or owner not in library.by_key:
            raise artifact.broken("$.ownedBy", "names no Organization of the library")
        plans[owner.id].append(_plan(artifact.resource))
    organizations = list(library.of_type("Organization"))
    payers = [
        _payer(artifact, tuple(plans[text(artifact.resource["id"])])) for artifact in organizations
    ]
    _check_identifiers(organizations, payers)
    return Payers(payers)


def _check_identifiers(organizations: list[Artifact], payers: list[Payer]) -> None:
    """One identifier is one payer's: else a member would get another payer's policies."""
    owners: dict[Identifier, str] = {}
    for artifact, payer in zip(organizations, payers, strict=True):
        for identifier in payer.identifiers:
            owner = owners.setdefault(identifier, payer.id)
            if owner != payer.id:
                raise artifact.broken(
                    "$.identifier", f"{identifier.value} is also Organization/{owner}'s"
                )


def _payer(artifact: Artifact, plans: tuple[Plan, ...]) -> Payer:
    resource = artifact.resource
    aliases = [text(alias) for alias in resource.get("alias", ())]
    identifiers = frozenset(read_identifiers(resource.get("identifier")))
    if not identifiers:
        raise artifact.broken("$.identifier", "a payer needs an identifier with system and value")
    brand = next(iter(aliases), "") or text(resource.get("name"))
    if not plain(brand):
        raise artifact.broken("$.name", "a payer needs a name to sign its cards with")
    return Payer(id=text(resource["id"]), brand=brand, identifiers=identifiers, plans=plans)


def _plan(resource: JsonObject) -> Plan:
    identifiers = read_identifiers(resource.get("identifier"))
    return Plan(
        id=text(resource["id"]),
        name=text(resource.get("name")),
        identifiers=frozenset(identifier.value for identifier in identifiers),
        types=frozenset(coding.key for coding in read_codings(resource.get("type"))),
        states=_states(resource) if "coverageArea" in resource else frozenset(),
        resource=resource,
    )


def _states(plan: JsonObject) -> frozenset[str]:
    """The states of the plan's coverage areas, by name and by postal code, in capitals."""
    states: set[str] = set()
    for area in follow(plan, ("contained",)):
        address = first(area.get("address"))
        states |= {text(area.get("name")).upper(), text(address.get("state")).upper()}
    return frozenset(states - {""})
