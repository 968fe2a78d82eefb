"""A start as commands have it: what prevents it in one line, and progress while it lasts."""

from cds_service.app.memory import Memory
from cds_service.app.orders import Orders, begin_service
from cds_service.app.service import Service, build_service
from cds_service.audit.log import NoLog
from cds_service.cli.progress import show_progress
from cds_service.cli.refused_start import start_errors
from cds_service.ehr.client import Ehr
from cds_service.settings import Settings


@start_errors()
def start_service(settings: Settings) -> Service:
    """The service of these settings, with progress shown; it asks no EHR and keeps nothing."""
    return build_service(settings, ehr=None, log=NoLog(), progress=show_progress)


@start_errors()
def start_in_service(
    orders: Orders, settings: Settings, memory: Memory, ehr: Ehr | None
) -> Service:
    """The service that the store demands, else that of the settings, with progress shown."""
    return begin_service(orders, settings, memory, ehr=ehr, progress=show_progress)
