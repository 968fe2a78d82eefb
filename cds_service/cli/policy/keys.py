"""`crd policy keys`: the keys that operators approve sets of policies with."""

from pathlib import Path

import click

from cds_service.access.approval_keys import make_approval_key
from cds_service.cli.audit.opening import command_errors


@click.group()
def keys() -> None:
    """Look after the keys that sets of policies are approved with."""


@keys.command()
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def new(name: str, file: Path) -> None:
    """Make a key for the operator NAME: the private half in FILE, the public half printed.

    Each operator makes their own, where nobody else has it.
    """
    with command_errors():
        public = make_approval_key(file)
    click.echo(f"The private key is in {file}, readable by its owner alone: keep it to yourself.")
    click.echo(f"Put this line below [operators.{name}] in the clients file of every service:")
    click.echo(f'approval_key = "{public}"')
