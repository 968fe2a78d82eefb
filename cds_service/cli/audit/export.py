"""`crd audit export`: records in a file."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from cds_service.audit.export import FORMATS, whole, without_patients
from cds_service.audit.record import Kind
from cds_service.cli.audit.find import in_time
from cds_service.cli.audit.opening import opened_desk, with_store
from cds_service.settings import Settings

_SHOW_EVERY = 10_000  # records


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="ndjson",
    help="a JSON a line, or Parquet  (default: ndjson)",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="the file to make; one that is there is not replaced",
)
@in_time
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in Kind]),
    multiple=True,
    help="which records; default: all",
)
@click.option(
    "--without-patients", "impersonal", is_flag=True, help="leave out all that is a patient's"
)
@with_store
def export(
    form: str,
    output: Path,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str],
    impersonal: bool,
    settings: Settings,
) -> None:
    """Write records to a file, the oldest first; that they were exported is recorded.

    Without --without-patients the file holds all that patients' records hold; only its owner can
    read it.
    """
    wanted = frozenset(kinds or [kind.value for kind in Kind])
    bounds = {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at}
    with opened_desk(settings) as desk:
        what = {"subject": "", **bounds, "kinds": sorted(wanted), "patients": not impersonal}
        stored = desk.read("audit export", what).all_records(since, until)
        leave = without_patients if impersonal else whole
        records = (leave(record) for record in stored if record.kind in wanted)
        done = 0
        for done in FORMATS[form](records, output):
            if done % _SHOW_EVERY == 0:
                click.echo(f"exported {done} records", err=True)
        click.echo(f"exported {done} records to {output}", err=True)
