"""`crd clients`: its commands."""

import click

from cds_service.cli.clients.check import check
from cds_service.cli.clients.new import new


@click.group(commands=[check, new])
def clients() -> None:
    """Try out and register the clients that may call (see --clients)."""
