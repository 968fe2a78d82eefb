"""`crd policy rollback`: back to the set that was in service before."""

from datetime import datetime

import click

from cds_service.cli.policy.choosing import prove_kept
from cds_service.cli.policy.opening import opened_room, with_sets
from cds_service.cli.policy.placing import place, with_placing
from cds_service.live.activations import Kind
from cds_service.live.kept_sets import short
from cds_service.live.rolling_back import find_previous
from cds_service.settings import Settings


@click.command()
@with_placing
@with_sets
def rollback(at: datetime | None, why: str, wait: bool, settings: Settings) -> None:
    """Go back to the set that was in service before the present one, on every process at once.

    It goes back one step: a rollback is not rolled back, so that two persons who do it at once do
    not undo each other. To go further, activate a set by its digest.
    """
    with opened_room(settings) as room:
        present, former = find_previous(room.desk.engine, room.plan())
        click.echo(f"Rolling back from {short(present)} to {short(former)}.")
        place(room, Kind.ROLLBACK, prove_kept(room, former), at=at, why=why, wait=wait)
