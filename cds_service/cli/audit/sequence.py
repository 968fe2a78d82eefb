"""`crd audit sequence`: one round of the sequencer, for a store that no service is running on."""

from functools import partial

import click

from cds_service.audit.sequencer import open_sequencer
from cds_service.audit.store import open_store
from cds_service.cli.options import with_some_settings
from cds_service.cli.refused_start import start_errors
from cds_service.outbound.posting import post
from cds_service.settings import Settings


@click.command()
@with_some_settings("data_dir", "database_url", "checkpoint_key", "checkpoints", "ca_file")
def sequence(settings: Settings) -> None:
    """Number the records that wait, sign the tree and publish what is due.

    A running service does so every second; this is for what commands recorded while none ran. Exit
    status 1 if something is left to do.
    """
    with start_errors():
        engine = open_store(settings.database)
        sequencer = open_sequencer(
            engine,
            key=settings.checkpoint_key,
            checkpoints=settings.checkpoints,
            data=settings.data_path,
            post=partial(post, ca_file=settings.ca_file),
        )
    sequencer.run_round(is_last=True)
    engine.dispose()
    health = sequencer.health()
    if health.why:
        raise click.ClickException(health.why)
    click.echo(f"{health.last_size} records numbered and signed; all checkpoints published")
