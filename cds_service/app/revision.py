"""A revision: one set of policies ready to serve, with all that is read from it once."""

from dataclasses import dataclass, replace
from datetime import datetime

from cds_service.app.service import Service
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.routes import PolicyPages, read_pages
from cds_service.rest.library import RestLibrary, read_rest
from cds_service.rest.operations.library import OperationsLibrary
from cds_service.web.routes import Services, offer_services
from cds_service.web.well_known import NamedPayers, read_payers


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A service with what discovery and pages show of its policies; in service `since`."""

    service: Service
    since: datetime
    offered: Services
    pages: PolicyPages
    coverage_list: CoverageList
    rest: RestLibrary
    operations: OperationsLibrary
    payers: NamedPayers

    @property
    def digest(self) -> str:
        """What its set of policies is named by, in records too."""
        return self.service.recorder.library

    def beginning(self, at: datetime) -> "Revision":
        """The same in service since `at`: it may have waited long since it was read."""
        coverage_list, rest = replace(self.coverage_list, since=at), replace(self.rest, since=at)
        return replace(self, since=at, coverage_list=coverage_list, rest=rest)


def read_revision(service: Service, since: datetime) -> Revision:
    """All that is shown of a service's policies, read once."""
    library, digest = service.library, service.recorder.library
    return Revision(
        service=service,
        since=since,
        offered=offer_services(service.pipelines),
        pages=read_pages(library, service.index),
        coverage_list=list_coverage(library, service.index, name=digest, since=since),
        rest=read_rest(library, digest, since),
        operations=OperationsLibrary(library, digest),
        payers=read_payers(library, [payer.id for payer in service.index.payers.all]),
    )
