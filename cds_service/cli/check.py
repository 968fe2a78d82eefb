"""`crd check`: a library compiled and its cases run."""

from collections.abc import Sequence
from pathlib import Path

import click

from cds_service.app.clock import utc_today
from cds_service.app.libraries import library_directories
from cds_service.authoring.check import Report, check_library
from cds_service.cli.progress import show_progress
from cds_service.cli.refused_start import start_errors
from cds_service.errors import ArtifactError
from cds_service.policy.library.sealing import ANY_MODELS, check_seal, write_seal
from cds_service.settings import Settings


@click.command()
@click.argument(
    "directories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--seal",
    "seals",
    is_flag=True,
    help="Where nothing is found, seal DIRECTORIES (the built-in policies where none is named): "
    "`crd serve` does not prove again what is unchanged.",
)
def check(directories: tuple[Path, ...], *, seals: bool) -> None:
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
    if report.findings:
        if seals:
            click.echo("nothing is sealed while there are findings", err=True)
        raise SystemExit(1)
    if seals:
        # What comes with the program is proved with whatever it is installed with, by its tests.
        _seal(directories or searched, report, models="" if directories else ANY_MODELS)
    else:
        _describe_seals(searched, report)


def _describe_seals(directories: Sequence[Path], report: Report) -> None:
    for directory in directories:
        if description := check_seal(directory, report.proved):
            click.echo(description, err=True)


@start_errors()
def _seal(directories: Sequence[Path], report: Report, *, models: str) -> None:
    for directory in directories:
        click.echo(f"sealed: {write_seal(directory, report.proved, models=models)}", err=True)


def _check(directories: Sequence[Path]) -> Report:
    """What the check found; a library that cannot be compiled ends it with all that is broken."""
    try:
        return check_library(directories, utc_today(), show_progress)
    except ArtifactError as error:
        for fault in error.faults:
            click.echo(f"{fault}")
        click.echo(f"{len(error.faults)} findings; no case was run", err=True)
        raise SystemExit(1) from error
