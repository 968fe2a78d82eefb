"""`crd policy show`: what a set of policies holds, and how it differs from the one in service."""

from collections import Counter
from collections.abc import Iterable, Sequence

import click

from cds_service.audit.text_tables import text_table
from cds_service.cli.policy.choosing import read_directories
from cds_service.cli.policy.opening import Room, opened_room, with_sets
from cds_service.cli.policy.placing import show_changes
from cds_service.errors import AuditError
from cds_service.fhir.resource import JsonObject, first, text
from cds_service.live.kept_sets import find_kept, is_digest
from cds_service.policy.library.snapshot import digest
from cds_service.settings import Settings

_HEADINGS = ("Policy", "Number", "Title", "Version", "Status", "From", "Until")


@click.command()
@click.argument("chosen", metavar="[DIGEST | DIRECTORY …]", nargs=-1)
@with_sets
def show(chosen: tuple[str, ...], settings: Settings) -> None:
    """List the policies of a set, who has approved it, and how it differs from the one in service.

    The set is a kept one, by the first digits of its digest, or that of the built-in policies with
    those in each DIRECTORY; without any, the one in service.
    """
    with opened_room(settings) as room:
        name, resources = _find(room, chosen)
        click.echo(f"Policies of set {name}")
        click.echo(text_table(_HEADINGS, _policies(resources)))
        click.echo(f"and {_others(resources)}")
        _show_approvals(room, name)
        if chosen:
            show_changes(name, room.changes_to(resources))


def _find(room: Room, chosen: Sequence[str]) -> tuple[str, Sequence[JsonObject]]:
    """The digest and the artifacts of the set that is named."""
    if not chosen:
        name = room.present()
        if not name:
            raise AuditError("no process has written yet which set it serves; name one")
        return name, room.resources(name)
    if len(chosen) == 1 and is_digest(chosen[0]):
        name = find_kept(room.desk.engine, chosen[0])
        return name, room.resources(name)
    library = read_directories(room, chosen).library
    return digest(library), [artifact.resource for artifact in library.by_key.values()]


def _policies(resources: Iterable[JsonObject]) -> list[tuple[str, ...]]:
    plans = (found for found in resources if found["resourceType"] == "PlanDefinition")
    return sorted(map(_row, plans))


def _row(policy: JsonObject) -> tuple[str, ...]:
    period = first(policy.get("effectivePeriod"))
    return (
        text(policy["id"]),
        text(first(policy.get("identifier")).get("value")),
        text(policy.get("title")),
        text(policy.get("version")),
        text(policy.get("status")),
        text(period.get("start")),
        text(period.get("end")),
    )


def _others(resources: Iterable[JsonObject]) -> str:
    """How many artifacts of each other type."""
    counts = Counter(text(found["resourceType"]) for found in resources)
    del counts["PlanDefinition"]
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _show_approvals(room: Room, name: str) -> None:
    for approval in room.approvals(name):
        limit = f" for {approval.starts.isoformat()} alone" if approval.starts else ""
        click.echo(f"Signed by {approval.approver}{limit}")
    if needed := room.needed:
        click.echo(f"{needed} approvals are needed")
