"""Progress on a long read, as commands show it."""

import click

_SHOW_PROGRESS_FROM = 500  # files


def show_progress(done: int, of: int) -> None:
    """A line for every so many files of a large library, on stderr."""
    if of >= _SHOW_PROGRESS_FROM and (done % _SHOW_PROGRESS_FROM == 0 or done == of):
        click.echo(f"read {done} of {of} library files", err=True)
