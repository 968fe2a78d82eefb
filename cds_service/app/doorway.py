"""The doorway: who is registered, and who may come in, how often."""

import logging
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from cds_service.access.authentication import Authentication
from cds_service.access.clients import Clients
from cds_service.access.limits import CallLimits, Limit
from cds_service.access.shared_limits import SharedLimits
from cds_service.app.memory import Memory
from cds_service.app.service import Service
from cds_service.audit.identity import new_id
from cds_service.crd.request.caller import Caller
from cds_service.database.leases import StoreLeases
from cds_service.errors import SettingError
from cds_service.live.host_clock import HostClock
from cds_service.policy.run.index import PolicyIndex
from cds_service.settings import Settings
from cds_service.web.door import Door

_LOG = logging.getLogger("cds_service.app")


def read_everyone(settings: Settings, service: Service) -> Clients:
    """The clients and operators registered, each client for payers that are hosted."""
    everyone = _registered(Path(settings.clients).expanduser()) if settings.clients else Clients()
    check_hosted(everyone, service.index)
    if settings.auth == "jwt" and not everyone.operators:
        _LOG.warning("no operator is registered: nobody can read /metrics and /assertions")
    return everyone


def _registered(file: Path) -> Clients:
    """Everyone in the clients file; who has none does not wait for what reads it."""
    from cds_service.access.clients_file import read_clients  # noqa: PLC0415

    return read_clients(file)


def check_hosted(everyone: Clients, index: PolicyIndex) -> None:
    """Pass if every payer that a client is registered for is hosted.

    Raises:
        SettingError: one is not.
    """
    hosted = {payer.id for payer in index.payers.all}
    for client in everyone.all:
        if unknown := sorted((client.payers or frozenset()) - hosted):
            raise SettingError(
                "clients",
                f"[clients.{client.name}] payers: no such payer in the library: "
                f"{', '.join(unknown)}; there are {', '.join(sorted(hosted))}",
            )


def open_door(
    settings: Settings,
    everyone: Clients,
    authentication: Authentication,
    memory: Memory | None,
    clock: HostClock,
) -> Door:
    """Who may come in, and how often; without a memory, as far as this process knows."""
    usual = Limit(rate=settings.rate, concurrent=settings.concurrent)
    door = Door(
        authentication=authentication,
        call_limits=CallLimits(clock=time.monotonic),
        limit_of=partial(_limit_of, everyone, usual),
        operators=everyone.operators,
        base_url=settings.links_base,
        time_of_call=clock.time_of_call,
    )
    if memory is None:
        return door
    return replace(
        door,
        call_limits=SharedLimits(StoreLeases(memory.log.engine, new_id())),
        note_use=memory.log.write_use,
    )


def _limit_of(everyone: Clients, usual: Limit, caller: Caller) -> Limit:
    """What a client may call: as it is registered, else as is usual."""
    client = everyone.named(caller.name)
    if client is None:
        return usual
    return Limit(
        rate=usual.rate if client.rate is None else client.rate,
        concurrent=usual.concurrent if client.concurrent is None else client.concurrent,
    )
