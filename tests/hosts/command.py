"""The command: three hosts under load; ends with tables, and status 1 if it found a fault."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
from hosts.report import ledger_tables
from hosts.site import host_site
from hosts.trial import Trial


@click.command()
@click.option("--database", "server", required=True, metavar="URL", help="a PostgreSQL")
@click.option("--seconds", type=float, default=8.0, show_default=True, help="of each phase")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="of a host")
@click.option("--rate", type=click.IntRange(1), default=20, show_default=True)
def main(server: str, seconds: float, workers: int, rate: int) -> None:
    """Three hosts behind a proxy: one killed, one cut from the database, one with a wrong clock."""
    with (
        TemporaryDirectory(prefix="crd-hosts-") as name,
        host_site(server, Path(name), workers=workers, rate=rate) as site,
    ):
        click.echo(f"three hosts of {workers} processes each are ready behind HAProxy")
        ledger = Trial(site=site, seconds=seconds, show=click.echo).run()
    click.echo(f"\n{ledger_tables(ledger)}")
    raise SystemExit(0 if ledger.is_sound else 1)
