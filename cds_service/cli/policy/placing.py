"""An order placed: recorded, written with its instant, and watched until it is in service."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import click

from cds_service.access.approvals import find_approvers
from cds_service.audit.desk import writable
from cds_service.audit.record import Kind as RecordKind
from cds_service.cli.policy.choosing import Chosen
from cds_service.cli.policy.instants import Instant, shown, shown_span
from cds_service.cli.policy.opening import Room
from cds_service.cli.policy.waiting import wait_for
from cds_service.errors import AuditError
from cds_service.live.activations import Activation, Kind, Order, add_activation
from cds_service.live.kept_sets import short
from cds_service.live.set_changes import Change, in_one_line

# Each process looks once a second, and then takes about as long to prove the set as we did.
_LEAST_LEAD = 4.0  # seconds
_TIMES = 3  # what proving took here, for a slower host
_LONGEST_WATCHED = timedelta(minutes=2)

_Command = Callable[..., None]


def with_placing(command: _Command) -> _Command:
    """The command with the options of an order."""
    for option in (
        click.option("--wait/--no-wait", default=True, help="until it is in service  (default)"),
        click.option("--why", default="", help="for whoever reads the history: no patient's data"),
        click.option(
            "--at",
            type=Instant(),
            help="the instant it begins, with its zone, such as 2026-12-01T06:00:00Z; "
            "by the clock of the database's host  (default: as soon as all can be ready)",
        ),
    ):
        command = option(command)
    return command


def check_approved(room: Room, digest: str, at: datetime | None) -> None:
    """Pass a set that enough operators have approved, for this instant.

    Raises:
        AuditError: not enough have; the message names the command by which they do.
    """
    needed = room.needed
    by = find_approvers(room.approvals(digest), room.permits.operators, digest, at)
    if len(by) >= needed:
        return
    raise AuditError(
        f"set {short(digest)} is kept, and not activated: it has {len(by)} of {needed} approvals"
        f"{_named(by)}; each operator approves it with "
        f"`crd policy approve {short(digest)} --as NAME --key FILE`, "
        f"then `crd policy activate {short(digest)}`"
    )


def _named(by: Sequence[str]) -> str:
    return f" ({', '.join(by)})" if by else ""


def place(
    room: Room, kind: Kind, chosen: Chosen | None, *, at: datetime | None, why: str, wait: bool
) -> None:
    """Record and write an order for a set, or for the directories, and show what comes of it.

    Raises:
        AuditError: it cannot be written, or too few have approved the set.
        NotRecorded: that it is written could not be recorded, so it is not.
    """
    digest = chosen.digest if chosen else ""
    changes = None
    if digest:
        changes = room.changes_to(room.resources(digest))
        show_changes(digest, changes)
        check_approved(room, digest, at)
    order = Order(
        kind=kind,
        digest=digest,
        who=room.desk.who,
        why=writable(why),
        changes=in_one_line(changes or ()),
    )
    _record(room, order, at)
    lead = timedelta(seconds=_LEAST_LEAD + _TIMES * (chosen.seconds if chosen else 1.0))
    activation = add_activation(room.desk.engine, order, lead=lead, at=at)
    _tell(room, activation)
    if wait and activation.starts - activation.at <= _LONGEST_WATCHED:
        raise SystemExit(0 if wait_for(room, activation) else 1)


def show_changes(digest: str, changes: tuple[Change, ...] | None) -> None:
    """How a set differs from the one in service; None: it cannot be told."""
    if changes is None:
        words = "cannot be compared: the store does not have the set in service whole"
    else:
        words = "differs from the set in service:" if changes else "is the set in service"
    click.echo(f"Set {digest} {words}")
    for change in changes or ():
        click.echo(f"  {change}")


def _record(room: Room, order: Order, at: datetime | None) -> None:
    what = {
        "command": f"policy {order.kind}",
        "set": order.digest,
        "starts": at.isoformat() if at else "",
        "reason": order.why,
        "changes": order.changes,
    }
    room.desk.note(RecordKind.CHANGE, what)


def _tell(room: Room, activation: Activation) -> None:
    span = shown_span(activation.starts - activation.at)
    where = f"set {short(activation.order.digest)}" if activation.order.digest else "directories"
    click.echo(
        f"Activation {activation.number}: {where}, from {shown(activation.starts)} (in {span})"
    )
    planned = [found for found in room.plan().coming if found.number != activation.number]
    for found in planned:
        click.echo(
            f"Planned as before: activation {found.number}, from {shown(found.starts)}; "
            f"`crd policy cancel {found.number}` ends that",
            err=True,
        )
