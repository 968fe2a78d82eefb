"""`crd list`: what the policies determine, by payer, plan and code, as of a day."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest

import click

from cds_service.app.clock import utc_today
from cds_service.app.libraries import library_directories
from cds_service.cds_hooks.plain_text import plain
from cds_service.cli.options import with_some_settings
from cds_service.cli.progress import show_progress
from cds_service.cli.refused_start import start_errors
from cds_service.errors import InvalidRequest
from cds_service.pages.coverage.answer import answer_question
from cds_service.pages.coverage.fhir import write_fhir
from cds_service.pages.coverage.formats import Listing, write_csv, write_json
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.coverage.question import Question, parse_question
from cds_service.pages.coverage.rows import ANSWERS, CoverageRow
from cds_service.pages.coverage.search import search
from cds_service.pages.result_page import take_page
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.settings import Settings

_WIDTH = 100  # of a terminal
_COLUMNS = (("Code", 16), ("Payer and members", 22), ("Answer", 24), ("Rule", 32))
_GAP = "  "


@click.command("list")
@click.argument("words", nargs=-1)
@click.option("--payer", default="", help="one payer's rows, by its id or name")
@click.option("--plan", default="", help="rows that can be about a plan's members, by id or name")
@click.option("--code", "codes", multiple=True, help="a code; repeat it for others")
@click.option("--answer", type=click.Choice(list(ANSWERS)), help="rows of one answer alone")
@click.option("--as-of", "day", default="", help="the day, as 2026-11-27  (default: today)")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "fhir"]),
    default="table",
    help="how they are shown  (default: table)",
)
@with_some_settings("library", "builtin_library", "base_url")
def list_(
    words: tuple[str, ...],
    payer: str,
    plan: str,
    codes: tuple[str, ...],
    answer: str | None,
    day: str,
    form: str,
    settings: Settings,
) -> None:
    """List which services the policies call not covered, covered or conditional.

    And which need prior authorization or documents. WORDS are a question, such as: is 0600T covered
    by iCare
    """
    coverage = _read(settings)
    try:
        question = parse_question(
            coverage,
            utc_today(),
            words=" ".join([*words, *codes]),
            payer=payer,
            plan=plan,
            answer=answer or "",
            day=day,
        )
    except InvalidRequest as error:
        raise click.UsageError(str(error).replace("`date`", "--as-of")) from error
    _SHOWN[form](_list(coverage, question))


@start_errors()
def _read(settings: Settings) -> CoverageList:
    library = read_library(library_directories(settings), show_progress)
    return list_coverage(library, compile_library(library, base_url=settings.links_base))


def _list(coverage: CoverageList, question: Question) -> Listing:
    """All rows on one page."""
    found = search(coverage, question)
    return Listing(
        question=question,
        digest=coverage.digest,
        answers=answer_question(coverage, found),
        page=take_page(found.rows, 1, max(1, len(found.rows))),
    )


def _table(listing: Listing) -> None:
    """The answers, then a row of the table for each row of the list, nothing cut off."""
    for answer in listing.answers:
        click.echo(textwrap.fill(plain("".join(answer)), _WIDTH) + "\n")
    if listing.page.shown:
        click.echo("\n".join(_lines([name for name, _ in _COLUMNS])))
        click.echo(_GAP.join("-" * width for _, width in _COLUMNS))
        click.echo("\n\n".join("\n".join(_lines(_cells(row))) for row in listing.page.shown))
    count = f"{listing.page.found} {'row' if listing.page.found == 1 else 'rows'}"
    click.echo(f"{count} as of {listing.question.day}, policies {listing.digest}", err=True)


def _cells(row: CoverageRow) -> list[str]:
    known = f"{row.citation.number}, from {row.listed.policy.start}"
    until = f" until {row.last_day}" if row.last_day else ""
    return [
        row.code.shown,
        f"{row.listed.payer.brand}: {row.members}",
        "; ".join([*row.sentences, *filter(None, [row.verdict])]),
        f"{row.view.title} ({known}{until}){_when(row)}",
    ]


def _when(row: CoverageRow) -> str:
    """On what an answer depends, so that none reads as one for every order."""
    return f". {row.when}" if row.when else ""


def _lines(cells: Sequence[str]) -> Iterator[str]:
    """A row of the table as lines, each cell wrapped to its column."""
    widths = [width for _, width in _COLUMNS]
    wrapped = [textwrap.wrap(plain(cell), width) for cell, width in zip(cells, widths, strict=True)]
    for line in zip_longest(*wrapped, fillvalue=""):
        yield _GAP.join(map(str.ljust, line, widths)).rstrip()


def _csv(listing: Listing) -> None:
    click.echo(write_csv(listing).encode(), nl=False)


def _json(listing: Listing) -> None:
    click.echo(write_json(listing))


def _fhir(listing: Listing) -> None:
    click.echo(write_fhir(listing))


_SHOWN: Mapping[str, Callable[[Listing], None]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "fhir": _fhir,
}
