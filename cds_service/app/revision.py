"""A revision: one set of policies ready to serve, with what is shown of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from cds_service.app.read_models import ReadModels
from cds_service.app.service import Service
from cds_service.web.routes import Services, offer_services
from cds_service.web.well_known import NamedPayers, read_payers


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A service with what discovery and pages show of its policies; in service `since`.

    `shown` is made when it is first looked at.
    """

    service: Service
    since: datetime
    offered: Services
    shown: ReadModels
    payers: NamedPayers

    @property
    def digest(self) -> str:
        """What its set of policies is named by, in records too."""
        return self.service.recorder.library

    def beginning(self, at: datetime) -> "Revision":
        """The same in service since `at`: it may have waited long since it was read."""
        return replace(self, since=at, shown=ReadModels(self.service, at))

    def joined(self, service: Service) -> "Revision":
        """The same set with its service joined to another world (see `Service.joined`)."""
        return replace(self, service=service, offered=offer_services(service.pipelines))


def read_revision(service: Service, since: datetime) -> Revision:
    """A service's policies as they are in service since an instant."""
    return Revision(
        service=service,
        since=since,
        offered=offer_services(service.pipelines),
        shown=ReadModels(service, since),
        payers=read_payers(service.library, [payer.id for payer in service.index.payers.all]),
    )
