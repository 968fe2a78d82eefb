"""`crd policy activate`: a set of policies in service on all processes, from one instant on."""

from datetime import datetime

import click

from cds_service.cli.policy.choosing import choose
from cds_service.cli.policy.opening import opened_room, with_sets
from cds_service.cli.policy.placing import place, with_placing
from cds_service.live.activations import Kind
from cds_service.settings import Settings


@click.command()
@click.argument("chosen", metavar="[DIGEST | DIRECTORY …]", nargs=-1)
@with_placing
@with_sets
def activate(
    chosen: tuple[str, ...], at: datetime | None, why: str, wait: bool, settings: Settings
) -> None:
    """Put a set in service on every process of the store, all at one instant.

    The set is a kept one, by the first digits of its digest, or that of the built-in policies with
    those in each DIRECTORY, else in --library. It is read, compiled, run against its cases and kept
    in the store; then each process proves it for itself, and one that cannot stays with what it
    has. From then on changes in directories have no effect: `crd policy follow` returns to them.
    Exit status 1 if a process does not have it in service in the end.
    """
    with opened_room(settings) as room:
        place(room, Kind.ACTIVATE, choose(room, chosen), at=at, why=why, wait=wait)
