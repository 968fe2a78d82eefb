"""Orders: what the store demands that a service serves, from its start on."""

from dataclasses import dataclass
from pathlib import Path

from cds_service.app.garbage import set_aside
from cds_service.app.memory import Memory
from cds_service.app.service import Service, assemble_service, build_service, keep_library
from cds_service.database.engine import SETTING
from cds_service.ehr.client import Ehr
from cds_service.errors import ArtifactError, NotThereYet, SetRefused, SettingError, StartError
from cds_service.live.activations import Activation
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.live.host_clock import read_store_clock
from cds_service.live.kept_sets import read_kept, short
from cds_service.live.permits import Permits, check_permit, find_begun
from cds_service.live.store_clock import StoreClock
from cds_service.policy.library.artifacts import Progress, no_progress
from cds_service.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What may go live here, by which clock, and which activation is in force; None before any."""

    permits: Permits
    clock: StoreClock
    begun: Activation | None

    @property
    def digest(self) -> str:
        """The set to begin with; empty for the directories."""
        return self.begun.order.digest if self.begun else ""

    @property
    def source(self) -> Source:
        """By whose word that is."""
        return Source.ACTIVATION if self.digest else Source.DIRECTORIES

    @property
    def number(self) -> int:
        """The number of the activation; 0 before any."""
        return self.begun.number if self.begun else 0


def orders_of_nobody() -> Orders:
    """For a service that begins with its directories, and may serve any set."""
    return Orders(permits=Permits(needed=0), clock=StoreClock(), begun=None)


def open_permits(settings: Settings) -> Permits:
    """What may go live by these settings.

    Raises:
        SettingError: fewer operators can approve than have to, or the clients file is unusable.
    """
    if not settings.clients:
        return Permits(needed=settings.approvals)
    from cds_service.access.clients_file import read_clients  # noqa: PLC0415  # slow to import

    everyone = read_clients(Path(settings.clients).expanduser())
    return Permits(needed=settings.approvals, operators=everyone.operators)


def read_orders(settings: Settings, memory: Memory) -> Orders:
    """What the store demands now.

    Raises:
        SettingError: the store is away, or too few operators can approve.
    """
    permits = open_permits(settings)
    try:
        begun = find_begun(memory.log.engine, permits)
        clock = read_store_clock(memory.log.engine)
    except NotThereYet as error:
        raise SettingError(SETTING, str(error)) from error
    return Orders(permits=permits, clock=clock, begun=begun)


def begin_service(
    orders: Orders,
    settings: Settings,
    memory: Memory,
    *,
    ehr: Ehr | None,
    progress: Progress = no_progress,
) -> Service:
    """The service of the set that the store demands, else of the directories; the set is kept.

    Raises:
        StartError: a setting or the set is unusable, or the set is not approved.
    """
    if orders.begun and orders.digest:
        with set_aside():
            policies = _ordered_set(orders.begun, memory)
            return assemble_service(
                policies.library, settings, ehr=ehr, log=memory.answers, audit_key=memory.audit_key
            )
    service = build_service(
        settings, ehr=ehr, log=memory.answers, audit_key=memory.audit_key, progress=progress
    )
    keep_library(service, memory.log)
    _check_approved(orders, service, memory)
    return service


def _ordered_set(activation: Activation, memory: Memory) -> PolicySet:
    """The set of the activation in force: no other may be served in its place."""
    try:
        return read_kept(memory.log.engine, activation.order.digest)
    except (ArtifactError, NotThereYet, SetRefused) as error:
        raise StartError(
            f"activation {activation.number} demands a set of policies that cannot be served: "
            f"{error}; activate another (`crd policy history`), or use the program that could"
        ) from error


def _check_approved(orders: Orders, service: Service, memory: Memory) -> None:
    """Pass directories whose set is approved; it is kept by now, so that it can be."""
    digest = service.recorder.library
    candidate = Candidate(read=lambda: PolicySet(service.library), source=Source.DIRECTORIES)
    try:
        check_permit(memory.log.engine, orders.permits, digest, candidate)
    except (NotThereYet, SetRefused) as error:
        raise SettingError(
            "approvals",
            f"the set {short(digest)} in the directories of policies may not go live: {error}; "
            "then start again",
        ) from error
