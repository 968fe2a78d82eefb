"""The set of one artifact: itself and all that it needs, as CRMI's `$package` gives it."""

from cds_service.crd.codes import CANONICAL_BASE
from cds_service.exchange.facts import read_facts
from cds_service.exchange.manifest import write_manifest
from cds_service.exchange.order import in_order_of_need
from cds_service.exchange.outgoing.bundles import collection
from cds_service.exchange.selection import sublibrary, ties_in
from cds_service.fhir.reference import read_key
from cds_service.fhir.resource import JsonObject
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.snapshot import digest


class Packages:
    """The packages of a library's artifacts; what belongs together in it is found once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._ties = ties_in(library)

    def of(self, resource: JsonObject) -> JsonObject:
        """A collection Bundle of one artifact of the library with all that it needs.

        The manifest comes first: its `composed-of` names the artifact, its `depends-on` everything
        else. Of a policy come all versions, since each ends where the next begins, and its payers
        with all their plans, since which plan a member has depends on the others.

        Raises:
            ExchangeError: the package would hold an artifact with the manifest's own key.
        """
        about = frozenset(filter(None, [read_key(resource)]))
        chosen = sublibrary(self._library, self._ties.closure(about))
        resources = in_order_of_need(artifact.resource for artifact in chosen.by_key.values())
        facts = read_facts(resources, base=CANONICAL_BASE, digest=digest(chosen), view="library")
        return collection((write_manifest(resources, facts, about), *resources), facts)
