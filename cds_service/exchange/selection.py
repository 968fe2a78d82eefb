"""Which artifacts leave together: a choice of payers or policies, with everything that it needs.

A part of a library must not say more than the whole does. A version of a policy ends where its next
one begins, and which plan a member has hangs on what other plans the payer has: so all versions and
all plans come along.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from cds_service.crd.request.membership import Identifier, read_identifiers
from cds_service.errors import ExchangeError
from cds_service.exchange.dependencies import Catalog
from cds_service.fhir.reference import ResourceKey, parse_reference, read_key
from cds_service.fhir.resource import JsonObject, first, follow, text
from cds_service.policy.library.artifacts import Library

_POLICY, _PAYER = "PlanDefinition", "Organization"


def select(library: Library, payers: Sequence[str], policies: Sequence[str]) -> Library:
    """The part of a library that has the policies of these payers, and these policies.

    `payers` are ids of Organizations, `policies` of PlanDefinitions; with none of either it is the
    whole library.

    Raises:
        ExchangeError: the library has none with such an id; names those that it has.
    """
    _check_known(library, _PAYER, "payer", payers)
    _check_known(library, _POLICY, "policy", policies)
    if not payers and not policies:
        return library
    ties = ties_in(library)
    named = {ResourceKey(_PAYER, payer) for payer in payers}
    chosen = named | {ResourceKey(_POLICY, policy) for policy in policies}
    chosen |= {policy for policy, owners in ties.payers_of.items() if owners & named}
    return sublibrary(library, ties.closure(chosen | ties.unnamed_code_systems()))


def sublibrary(library: Library, keys: Collection[ResourceKey]) -> Library:
    """The library of these artifacts alone."""
    kept = {key: artifact for key, artifact in library.by_key.items() if key in keys}
    by_canonical = {
        name: artifact
        for name, artifact in library.by_canonical.items()
        if read_key(artifact.resource) in kept
    }
    return Library(kept, by_canonical)


def ties_in(library: Library) -> "Ties":
    """Who belongs together in a library."""
    return Ties(artifact.resource for artifact in library.by_key.values())


class Ties:
    """Who belongs together in a set of artifacts.

    Everything with what it names, policies with their payers and versions, payers with their plans.
    """

    def __init__(self, resources: Iterable[JsonObject]) -> None:
        self._catalog = Catalog(resources)
        self._plans = _plans_by_owner(self._catalog)
        payers = _payers_by_identifier(self._catalog)
        self.payers_of: Mapping[ResourceKey, frozenset[ResourceKey]] = {
            key: frozenset(_payers_of(resource, payers))
            for key, resource in self._catalog.by_key.items()
            if key.type == _POLICY
        }

    def closure(self, chosen: Iterable[ResourceKey]) -> frozenset[ResourceKey]:
        """These artifacts and everything that they need, and that needs in turn."""
        found: set[ResourceKey] = set()
        due = list(chosen)
        while due:
            key = due.pop()
            if key not in found:
                found.add(key)
                due.extend(self._catalog.needs(self._catalog.by_key[key]))
                due.extend(self._go_with(key))
        return frozenset(found)

    def unnamed_code_systems(self) -> frozenset[ResourceKey]:
        """Code systems that no artifact names: the service does, as the reasons on its cards."""
        by_key = self._catalog.by_key
        named: set[ResourceKey] = set()
        for resource in by_key.values():
            named |= self._catalog.needs(resource)
        return frozenset(key for key in by_key if key.type == "CodeSystem") - named

    def _go_with(self, key: ResourceKey) -> Iterator[ResourceKey]:
        """What goes with an artifact though it does not name it."""
        if key.type == _POLICY:
            yield from self._catalog.versions(self._catalog.by_key[key])
            yield from self.payers_of[key]
        yield from self._plans.get(key, ())


def _plans_by_owner(catalog: Catalog) -> Mapping[ResourceKey, list[ResourceKey]]:
    plans: dict[ResourceKey, list[ResourceKey]] = defaultdict(list)
    for key, resource in catalog.by_key.items():
        owner = parse_reference(text(first(resource.get("ownedBy")).get("reference")))
        if key.type == "InsurancePlan" and owner:
            plans[owner].append(key)
    return plans


def _payers_by_identifier(catalog: Catalog) -> Mapping[Identifier, ResourceKey]:
    return {
        identifier: key
        for key, resource in catalog.by_key.items()
        if key.type == _PAYER
        for identifier in read_identifiers(resource.get("identifier"))
    }


def _payers_of(
    policy: JsonObject, payers: Mapping[Identifier, ResourceKey]
) -> Iterator[ResourceKey]:
    """The payers that its contexts name by an identifier, as the compiler finds them."""
    for coding in follow(policy, ("useContext", "valueCodeableConcept", "coding")):
        identifier = Identifier(text(coding.get("system")).rstrip("/"), text(coding.get("code")))
        if identifier in payers:
            yield payers[identifier]


def _check_known(library: Library, kind: str, word: str, ids: Sequence[str]) -> None:
    known = sorted(key.id for key in library.by_key if key.type == kind)
    unknown = [identity for identity in ids if identity not in known]
    if unknown:
        names = ", ".join(known) or "none at all"
        raise ExchangeError(
            f"--{word} {unknown[0]}: the library has no such {word}; it has {names}"
        )
