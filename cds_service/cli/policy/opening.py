"""The store opened for a command about sets of policies, with what these settings ask for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cds_service.access.approvals import Approval, find_approvers
from cds_service.app.orders import open_permits
from cds_service.audit.desk import Desk
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.options import with_some_settings
from cds_service.errors import AuditError, NotThereYet, SetRefused
from cds_service.fhir.resource import JsonObject
from cds_service.live.activations import Activation, Plan, find_plan
from cds_service.live.approvals_store import find_approvals
from cds_service.live.kept_sets import read_resources
from cds_service.live.permits import Permits
from cds_service.live.serving import Served, find_served, list_served, present_digests
from cds_service.live.set_changes import Change, set_changes
from cds_service.settings import Settings

# Those of `crd serve` that decide which set it is, whether it is fit, and who has to approve it.
SETTINGS = (
    "data_dir",
    "database_url",
    "audit_key",
    "library",
    "builtin_library",
    "authorizations",
    "clients",
    "approvals",
    "base_url",
)
with_sets = with_some_settings(*SETTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The store, and what is asked of a set before it goes live."""

    desk: Desk
    settings: Settings
    permits: Permits

    def plan(self) -> Plan:
        """The activations, with the time at the store."""
        return find_plan(self.desk.engine)

    def served(self) -> tuple[Served, ...]:
        """What the processes that are there serve."""
        return find_served(self.desk.engine, self.plan().now)

    @property
    def needed(self) -> int:
        """How many have to approve: as these settings ask, and the processes that are there."""
        asked = (found.serving.approvals for found in self.served())
        return max(self.permits.needed, *asked, 0)

    def approvals(self, digest: str) -> tuple[Approval, ...]:
        """What is kept of a set, whether or not it counts."""
        return find_approvals(self.desk.engine, [digest])

    def approvers(self, activation: Activation) -> Sequence[str]:
        """Who has approved the set of an activation, by the clients file of these settings."""
        digest, starts = activation.order.digest, activation.starts
        return find_approvers(self.approvals(digest), self.permits.operators, digest, starts)

    def present(self) -> str:
        """The digest of the set in service, most often where several are; empty if unknown."""
        if digests := present_digests(self.served()):
            return digests[0]
        current = self.plan().current
        if current and current.order.digest:
            return current.order.digest
        latest = list_served(self.desk.engine, 1)
        return latest[0].serving.digest if latest else ""

    def changes_to(self, resources: Sequence[JsonObject]) -> tuple[Change, ...] | None:
        """How a set differs from the one in service; from nothing, where that is unknown.

        None if the store does not have that one whole: it stands in nobody's way to another.
        """
        try:
            present = self.resources(self.present())
        except SetRefused:
            return None
        return set_changes(present, resources)

    def resources(self, digest: str) -> Sequence[JsonObject]:
        """The artifacts of a kept set, proved to be what the digest names; of none, none."""
        return read_resources(self.desk.engine, digest) if digest else ()


@contextmanager
def opened_room(settings: Settings) -> Iterator[Room]:
    """The store of these settings; what goes wrong ends the command with one line."""
    with opened_desk(settings) as desk:
        try:
            yield Room(desk=desk, settings=settings, permits=open_permits(settings))
        except (NotThereYet, SetRefused) as error:
            raise AuditError(str(error)) from error


def in_directories(settings: Settings, directories: Sequence[Path]) -> Settings:
    """The settings with these directories of policies in place of their own, if there are any."""
    return replace(settings, library=tuple(directories)) if directories else settings
