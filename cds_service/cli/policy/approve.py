"""`crd policy approve`: an operator's signature under a set of policies."""

from datetime import datetime
from pathlib import Path

import click

from cds_service.access.approval_keys import read_approval_key
from cds_service.access.approvals import check_approval, find_approvers, sign_approval
from cds_service.audit.record import Kind
from cds_service.cli.policy.instants import Instant, shown
from cds_service.cli.policy.opening import Room, opened_room, with_sets
from cds_service.cli.policy.placing import show_changes
from cds_service.live.approvals_store import save_approval
from cds_service.live.kept_sets import find_kept, short
from cds_service.settings import Settings


@click.command()
@click.argument("chosen", metavar="DIGEST")
@click.option("--as", "name", required=True, help="the operator who approves, by name")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="file with the operator's private key",
)
@click.option("--at", type=Instant(), help="approve this instant alone  (default: any)")
@click.option("--yes", is_flag=True, help="do not ask")
@with_sets
def approve(
    chosen: str, name: str, key: Path, at: datetime | None, yes: bool, settings: Settings
) -> None:
    """Approve a kept set: shows how it differs from the one in service, asks, and signs its digest.

    The signature is kept in the store. Each process checks it by its own clients file (--clients),
    where the operator's approval_key stands; `crd policy keys new` makes one.
    """
    with opened_room(settings) as room:
        digest = find_kept(room.desk.engine, chosen)
        private = read_approval_key(key)
        approval = sign_approval(private, digest=digest, approver=name, starts=at)
        check_approval(approval, room.permits.operators)
        show_changes(digest, room.changes_to(room.resources(digest)))
        when = f"from {shown(at)} on" if at else "at any time"
        if not yes:
            click.confirm(f"Approve that this set goes live {when}?", abort=True)
        what = {
            "command": "policy approve",
            "set": digest,
            "approver": name,
            "starts": at.isoformat() if at else "",
        }
        room.desk.note(Kind.CHANGE, what)
        save_approval(room.desk.engine, approval, room.plan().now)
        _tell(room, digest, at)


def _tell(room: Room, digest: str, at: datetime | None) -> None:
    by = find_approvers(room.approvals(digest), room.permits.operators, digest, at)
    needed = room.needed
    click.echo(f"Set {short(digest)} is approved by {', '.join(by)}: {len(by)} of {needed}.")
    if len(by) >= needed:
        with_instant = f" --at {at.isoformat()}" if at else ""
        click.echo(f"Put it in service with `crd policy activate {short(digest)}{with_instant}`.")
