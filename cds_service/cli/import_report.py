"""What an import did, for people: artifacts a line each, then what was left out and why."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from cds_service.exchange.incoming.changes import Change
from cds_service.exchange.incoming.importing import Imported

_MOST_LINES = 40  # of what was passed over


def print_imported(imported: Imported, into: Path) -> None:
    """Print it: findings and written files on stdout, all else on stderr."""
    for renamed in imported.renamed:
        click.echo(in_plain(f"known here as {renamed.here}: {renamed.came}"), err=True)
    _print_notes("skipped", imported.passed_over[:_MOST_LINES])
    if more := len(imported.passed_over[_MOST_LINES:]):
        click.echo(f"skipped: {more} more", err=True)
    _print_notes("card left out", imported.remarks)
    _print_notes("NOT TAKEN IN", imported.left_out)
    if imported.faults:
        for fault in imported.faults:
            click.echo(in_plain(f"{fault.file}: {fault.where}: {fault.problem}"))
        click.echo(f"{len(imported.faults)} findings; {into} is as it was", err=True)
        return
    for artifact in imported.arriving:
        if artifact.change is not Change.SAME:
            click.echo(f"{artifact.change:<9} {into / artifact.file}")
    click.echo(f"{into}: {_counted(imported)}", err=True)


def _print_notes(head: str, notes: Iterable[tuple[str, str]]) -> None:
    for subject, why in notes:
        click.echo(in_plain(f"{head}: {subject}: {why}"), err=True)


def in_plain(words: str) -> str:
    """The words in one line, without what a terminal would obey: others wrote some of them."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in words
    )


def _counted(imported: Imported) -> str:
    changes = Counter(artifact.change for artifact in imported.arriving)
    left_out = {note.rule.split()[0] for note in imported.left_out}
    words = [f"{changes[change]} {change}" for change in Change]
    return f"{', '.join(words)}; {len(left_out)} policies not taken in"
