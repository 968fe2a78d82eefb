"""`crd check`: a library compiled and its cases run."""

from collections.abc import Sequence
from pathlib import Path

import click

from cds_service.app import library_directories, utc_today
from cds_service.authoring.check import Report, check_library
from cds_service.cli.start import show_progress, start_errors
from cds_service.errors import ArtifactError
from cds_service.settings import Settings


@click.command()
@click.argument(
    "directories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def check(directories: tuple[Path, ...]) -> None:
    """Compile the built-in policies with those in DIRECTORIES, and run every policy's cases.

    All that is broken is named in one run, a line each; cases are run where nothing is. A text that
    sends a clinician to a portal is a finding too. Exit status 1 if anything is found; advice on
    how other engines read a policy is no finding.
    """
    with start_errors():
        searched = library_directories(Settings(library=directories))
        report = _check(searched)
    for finding in report.findings:
        click.echo(f"{finding.file}: {finding.where}: {finding.problem}")
    for advice in report.advice:
        click.echo(f"{advice.file}: {advice.where}: for other engines: {advice.words}", err=True)
    click.echo(f"{report.inventory}", err=True)
    click.echo(
        f"{report.policies} policies, {report.rules} rules, {report.cases} cases, "
        f"{len(report.findings)} findings",
        err=True,
    )
    raise SystemExit(1 if report.findings else 0)


def _check(directories: Sequence[Path]) -> Report:
    """What the check found; a library that cannot be compiled ends it with all that is broken."""
    try:
        return check_library(directories, utc_today(), show_progress)
    except ArtifactError as error:
        for fault in error.faults:
            click.echo(f"{fault}")
        click.echo(f"{len(error.faults)} findings; no case was run", err=True)
        raise SystemExit(1) from error
