"""`crd policy cancel`: a planned activation taken back."""

import click

from cds_service.audit.desk import writable
from cds_service.audit.record import Kind
from cds_service.cli.policy.instants import shown
from cds_service.cli.policy.opening import opened_room, with_sets
from cds_service.live.activations import cancel_activation
from cds_service.settings import Settings


@click.command()
@click.argument("number", type=click.IntRange(1))
@click.option("--why", default="", help="for the record: no patient's data")
@with_sets
def cancel(number: int, why: str, settings: Settings) -> None:
    """Cancel an activation that has not begun, by its NUMBER in `crd policy history`."""
    with opened_room(settings) as room:
        what = {"command": "policy cancel", "activation": number, "reason": writable(why)}
        room.desk.note(Kind.CHANGE, what)
        cancelled = cancel_activation(room.desk.engine, number)
        click.echo(f"Cancelled: activation {number}, which was to begin {shown(cancelled.starts)}")
