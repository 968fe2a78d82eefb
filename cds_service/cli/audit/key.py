"""`crd audit key`: the public key of the log."""

import click

from cds_service.audit.signing_key import find_signer
from cds_service.cli.options import with_some_settings
from cds_service.cli.refused_start import start_errors
from cds_service.settings import Settings


@click.command()
@with_some_settings("data_dir", "checkpoint_key")
def key(settings: Settings) -> None:
    """Print the public key that checkpoints are verified with.

    Give it to whoever checks proofs, by a way of its own. The private key is made in the data
    directory if there is none and no other file is set.
    """
    with start_errors():
        click.echo(str(find_signer(settings.checkpoint_key, settings.data_path).verifier))
