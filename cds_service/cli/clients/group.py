"""The group `crd clients`: a command is a module beside this one and a loader here."""

# ruff: noqa: PLC0415  # each is imported when it is called (see `lazy`)

import click

from cds_service.cli.lazy import LazyGroup


def _check() -> click.Command:
    """Try out the configuration of the client NAME, or of all clients."""
    from cds_service.cli.clients.check import check

    return check


def _new() -> click.Command:
    """Register the client NAME, or with --operator the operator NAME, in the clients file."""
    from cds_service.cli.clients.new import new

    return new


@click.group(
    cls=LazyGroup,
    loaders=[
        _check,
        _new,
    ],
)
def clients() -> None:
    """Try out and register the clients that may call (see --clients)."""
