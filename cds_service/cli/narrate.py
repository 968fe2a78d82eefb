"""`crd narrate`: the narratives of a library's artifacts, generated and kept up to date."""

from pathlib import Path

import click

from cds_service.authoring.narrative.files import find_stale_narratives
from cds_service.cli.refused_start import start_errors
from cds_service.policy.library.artifacts import builtin_library


@click.command()
@click.argument(
    "directories", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--check", "checked", is_flag=True, help="change nothing; exit 1 if any is due")
def narrate(directories: tuple[Path, ...], checked: bool) -> None:
    """Write the narrative of every artifact in DIRECTORIES (default: the built-in library).

    One line for each file changed. A narrative that a person wrote, whose status is not
    `generated`, is left alone.
    """
    with start_errors():
        due = list(find_stale_narratives(directories or (builtin_library(),)))
    for narrative in due:
        if not checked:
            narrative.path.write_bytes(narrative.body)
        click.echo(f"{narrative.path}: narrative {'missing or stale' if checked else 'written'}")
    raise SystemExit(1 if checked and due else 0)
