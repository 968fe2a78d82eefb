"""Wiring: the only place that joins the parts: the service, its memory, and what the web sees."""

from cds_service.app.memory import Memory, open_memory
from cds_service.app.orders import Orders, begin_service, read_orders
from cds_service.app.reloads import Workplace
from cds_service.app.service import (
    Service,
    build_service,
    keep_library,
    library_directories,
    make_cards,
    utc_today,
)
from cds_service.app.site import Site, open_site

__all__ = [
    "Memory",
    "Orders",
    "Service",
    "Site",
    "Workplace",
    "begin_service",
    "build_service",
    "keep_library",
    "library_directories",
    "make_cards",
    "open_memory",
    "open_site",
    "read_orders",
    "utc_today",
]
