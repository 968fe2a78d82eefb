"""`crd policy follow`: back to the directories."""

from datetime import datetime

import click

from cds_service.cli.policy.opening import opened_room, with_sets
from cds_service.cli.policy.placing import place, with_placing
from cds_service.live.activations import Kind
from cds_service.settings import Settings


@click.command()
@with_placing
@with_sets
def follow(at: datetime | None, why: str, wait: bool, settings: Settings) -> None:
    """Have each process serve the directories that it was started with, and follow them again."""
    with opened_room(settings) as room:
        place(room, Kind.FOLLOW, None, at=at, why=why, wait=wait)
