"""`crd export`: the policies as FHIR, for other servers and other tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cds_service.app.libraries import library_directories
from cds_service.cli.options import with_some_settings
from cds_service.cli.progress import show_progress
from cds_service.cli.refused_start import start_errors
from cds_service.crd.codes import CANONICAL_BASE
from cds_service.errors import ExchangeError
from cds_service.exchange.canonicals import checked_base
from cds_service.exchange.outgoing.exporting import SINGLE_FILES, ExportedSet, make_set, ndjson_of
from cds_service.exchange.outgoing.hurdles import find_hurdles
from cds_service.exchange.outgoing.writing import (
    check_directory_place,
    check_file_place,
    write_directory,
    write_file,
)
from cds_service.exchange.portable.view import PortableView, portable_view
from cds_service.exchange.selection import select
from cds_service.policy.library.artifacts import Library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.library.snapshot import digest
from cds_service.settings import Settings

_NDJSON = "ndjson"
_STDOUT = "-"
_PORTABLE = "portable"
_MOST_NAMED = 6  # artifacts in a line about a kind of hurdle


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([*SINGLE_FILES, _NDJSON]),
    required=True,
    help="transaction: a Bundle that a server stores; collection: a Bundle to read; package: a "
    "FHIR package (.tgz); ndjson: a directory with a file for each type",
)
@click.option(
    "--output", required=True, metavar="PATH", help="the file or directory; - is standard output"
)
@click.option(
    "--canonical-base",
    default=CANONICAL_BASE,
    metavar="URL",
    help=f"the address the artifacts are published under, in place of {CANONICAL_BASE}",
)
@click.option(
    "--view",
    type=click.Choice(["library", _PORTABLE]),
    default="library",
    help="library: the artifacts as they are; portable: rewritten for servers that do not know "
    "this service's extensions  (default: library)",
)
@click.option("--payer", "payers", multiple=True, metavar="ID", help="policies of this payer alone")
@click.option("--policy", "policies", multiple=True, metavar="ID", help="this policy alone")
@with_some_settings("library", "builtin_library", "base_url")
def export(
    form: str,
    output: str,
    canonical_base: str,
    view: str,
    payers: tuple[str, ...],
    policies: tuple[str, ...],
    settings: Settings,
) -> None:
    """Write the policies as FHIR R4: for another server, a registry, or a review.

    What is chosen comes with everything that it needs: payers, plans, code sets, extensions, all
    versions of a policy. The same policies give the same bytes.
    """
    with _refusals():
        checked_base(canonical_base)
        _check_place(form, output)
        whole = _read(settings)
        library = select(whole, payers, policies)
        viewed = _view(whole, library, view, settings)
        named = digest(library)
        exported = make_set(viewed.resources, digest=named, base=canonical_base, view=view)
        _write(exported, form, output)
    for left_out in viewed.left_out:
        click.echo(f"left out: {left_out.rule}: {left_out.why}", err=True)
    _summarize(exported, form, output)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ExchangeError as error:
        raise click.ClickException(f"{error}") from error


@start_errors()
def _read(settings: Settings) -> Library:
    return read_library(library_directories(settings), show_progress)


@start_errors()
def _view(whole: Library, library: Library, view: str, settings: Settings) -> PortableView:
    """The resources that leave; what cannot be served here is not given to others either.

    What travels in the portable view hangs on what the policies that stay here say of its codes.
    """
    if view == _PORTABLE:
        index = compile_library(whole, base_url=settings.links_base)
        chosen = [key.id for key in library.by_key if key.type == "PlanDefinition"]
        return portable_view(whole, index, chosen)
    compile_library(library, base_url=settings.links_base)
    return PortableView(tuple(artifact.resource for artifact in library.by_key.values()), ())


def _check_place(form: str, output: str) -> None:
    """Pass if the output can be written: before minutes of work, not after them."""
    if form == _NDJSON and output == _STDOUT:
        raise ExchangeError("--output -: ndjson is a directory of files; name one")
    if form == _NDJSON:
        check_directory_place(Path(output))
    elif output != _STDOUT:
        check_file_place(Path(output))


def _write(exported: ExportedSet, form: str, output: str) -> None:
    if form == _NDJSON:
        write_directory(Path(output), ndjson_of(exported))
    elif output == _STDOUT:
        click.echo(SINGLE_FILES[form](exported), nl=False)
    else:
        write_file(Path(output), SINGLE_FILES[form](exported))


def _summarize(exported: ExportedSet, form: str, output: str) -> None:
    """On stderr: what was written, and what another server may stumble over."""
    for hurdle in find_hurdles(exported.resources):
        named = ", ".join(map(str, hurdle.keys[:_MOST_NAMED]))
        more = len(hurdle.keys) - _MOST_NAMED
        others = f" and {more} more" if more > 0 else ""
        click.echo(f"for other servers: {named}{others}: {hurdle.words}", err=True)
    policies = sum(resource["resourceType"] == "PlanDefinition" for resource in exported.resources)
    click.echo(
        f"{form} of {policies} policies, {len(exported.resources)} artifacts and a manifest; "
        f"version {exported.facts.version}; set {exported.facts.digest}; "
        f"under {exported.facts.base}" + ("" if output == _STDOUT else f"; written to {output}"),
        err=True,
    )
