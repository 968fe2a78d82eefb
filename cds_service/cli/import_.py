"""`crd import`: someone else's policies, checked and put into a library directory."""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import click

from cds_service.app.clock import utc_today
from cds_service.app.libraries import library_directories
from cds_service.authoring.check import check_library
from cds_service.cli.import_report import in_plain, print_imported
from cds_service.cli.options import with_some_settings
from cds_service.cli.refused_start import start_errors
from cds_service.errors import ArtifactError, ExchangeError
from cds_service.exchange.incoming.choosing import Naming
from cds_service.exchange.incoming.delivery import Delivery, Fault
from cds_service.exchange.incoming.importing import Imported, ImportRequest, import_policies
from cds_service.exchange.incoming.reading import read_source
from cds_service.exchange.incoming.server_reading import read_server
from cds_service.settings import Settings

_SHOW_PROGRESS_EVERY = 500  # resources


@click.command("import")
@click.argument("source")
@click.option(
    "--into",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="library directory that takes them in; made if need be",
)
@click.option(
    "--canonical-base",
    "base",
    default="",
    metavar="URL",
    help="the base of their addresses that ours takes the place of; "
    "default: the one that an export of ours names",
)
@click.option("--replace", "replaces", is_flag=True, help="put them in place of those that differ")
@click.option(
    "--payer",
    metavar="ID",
    help="the Organization whose policies they are, where they name no payer of the library",
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="the day policies begin that state none",
)
@with_some_settings("library", "builtin_library", "policy_server", "ca_file")
def import_(
    source: str,
    into: Path,
    base: str,
    replaces: bool,
    payer: str | None,
    start: datetime | None,
    settings: Settings,
) -> None:
    """Take the policies in SOURCE into a library directory, all of them or none.

    SOURCE is a FHIR package (.tgz), a Bundle or one resource (.json), NDJSON, a directory of such,
    or the base address of a FHIR server that --policy-server lists. What comes in is checked
    together with the library and with what is in the directory, as `crd check` checks it; where
    anything is wrong nothing is written, and each finding is a line.

    Exit status 1 if there is a finding, or if policies came and none of them could be taken in.
    """
    try:
        with start_errors():
            request = ImportRequest(
                delivery=_read(source, settings),
                into=into,
                before=_before(into, settings),
                base=base,
                replaces=replaces,
                naming=Naming(payer=payer, start=start.date() if start else None),
            )
            imported = import_policies(request, find_faults)
    except ExchangeError as error:
        raise click.ClickException(in_plain(f"{error}")) from error
    print_imported(imported, into)
    raise SystemExit(1 if _has_failed(imported) else 0)


def _read(source: str, settings: Settings) -> Delivery:
    if source.startswith(("http://", "https://")):
        return read_server(
            source,
            allowed=settings.policy_server,
            ca_file=settings.ca_file,
            clock=time.monotonic,
            progress=_show_progress,
        )
    return read_source(Path(source))


def _show_progress(resources: int) -> None:
    if resources and resources % _SHOW_PROGRESS_EVERY == 0:
        click.echo(f"read {resources} resources", err=True)


def _before(into: Path, settings: Settings) -> tuple[Path, ...]:
    """The directories that the one which takes policies in overlays."""
    return tuple(
        directory
        for directory in library_directories(settings)
        if directory.resolve() != into.resolve()
    )


def find_faults(directories: Sequence[Path]) -> Iterable[Fault]:
    """What `crd check` finds in the library that these directories make."""
    try:
        report = check_library(directories, utc_today())
    except ArtifactError as error:
        return [Fault(f"{fault.path}", fault.where, fault.problem) for fault in error.faults]
    return [Fault(f"{found.file}", found.where, found.problem) for found in report.findings]


def _has_failed(imported: Imported) -> bool:
    return bool(imported.faults) or bool(imported.left_out and not imported.arriving)
