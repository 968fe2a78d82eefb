"""A revision: one set of policies ready to serve, with all that is read from it once."""

from dataclasses import dataclass
from datetime import datetime

from cds_service.app.service import Service
from cds_service.pages.routes import PolicyPages, read_pages
from cds_service.web.routes import Services, offer_services


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A service with what discovery and pages show of its policies; in service `since`."""

    service: Service
    since: datetime
    offered: Services
    pages: PolicyPages

    @property
    def digest(self) -> str:
        """What its set of policies is named by, in records too."""
        return self.service.recorder.library


def read_revision(service: Service, since: datetime) -> Revision:
    """All that is shown of a service's policies, read once."""
    return Revision(
        service=service,
        since=since,
        offered=offer_services(service.pipelines),
        pages=read_pages(service.library, service.index),
    )
