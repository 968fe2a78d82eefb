"""The command: one proof a subcommand; each ends with tables, and status 1 if it found a fault."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from faults import hindrances
from faults.hindered import Plan, hinder
from faults.hindrances import Hindrance
from faults.kill_rounds import kill_in_rounds
from faults.ledger import Findings
from faults.report import findings_table, kill_table, phase_table
from faults.site import Site, site_on

_DISK = "48m"  # of which most is filled
_NO_ROOM = 20_000  # bytes of a journal that is soon full

_Command = Callable[..., None]


def _on_a_server(command: _Command) -> _Command:
    return click.option(
        "--database",
        "server",
        metavar="URL",
        help="a PostgreSQL, or PgBouncer before it, that gives a new database; default: SQLite",
    )(command)


def _for_seconds(default: float) -> Callable[[_Command], _Command]:
    return click.option(
        "--seconds", type=float, default=default, show_default=True, help="how long it is hindered"
    )


@click.group()
def main() -> None:
    """Long proofs that no answer is lost, whatever ends or goes away."""


@main.command()
@_on_a_server
@click.option("--rounds", type=click.IntRange(1), default=200, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def kill(server: str | None, rounds: int, seed: int) -> None:
    """Kill two workers under load, in rounds, every other while they move a journal."""
    with _site(server) as site:
        killed, findings = kill_in_rounds(site, rounds, click.echo, seed)
    click.echo(kill_table(killed))
    _report(findings)


@main.command()
@click.option("--database", "server", required=True, metavar="URL", help="a PostgreSQL")
@click.option("--stop", required=True, envvar="POSTGRESQL_STOP", help="the command that stops it")
@click.option("--start", required=True, envvar="POSTGRESQL_START", help="… that starts it again")
@_for_seconds(60.0)
def away(server: str, stop: str, start: str, seconds: float) -> None:
    """Stop a PostgreSQL under load, and start it again."""
    _hinder(server, hindrances.stopped(shlex.split(stop), shlex.split(start)), seconds)


@main.command()
@_on_a_server
@_for_seconds(30.0)
def locked(server: str | None, seconds: float) -> None:
    """Hold the store locked under load, as another program does."""
    _hinder(server, hindrances.locked, seconds)


@main.command("full-journal")
@_on_a_server
@_for_seconds(10.0)
def full_journal(server: str | None, seconds: float) -> None:
    """The same with a journal that is soon full: 503, and afterwards all is well again."""
    _hinder(server, hindrances.locked, seconds, "--journal-max", str(_NO_ROOM))


@main.command("full-disk")
@click.option("--no-mount", is_flag=True, help="let no file grow instead, which needs no root")
@_for_seconds(10.0)
def full_disk(no_mount: bool, seconds: float) -> None:
    """Fill the file system of a SQLite store, its journal and its checkpoints, and empty it."""
    if no_mount:
        _hinder(None, hindrances.no_file_grows, seconds)
        return
    with (
        _directory() as directory,
        hindrances.small_disk(directory, _DISK) as disk,
        site_on(None, disk) as site,
    ):
        _hinder_site(site, hindrances.full_disk, seconds)


@main.command("no-descriptors")
@_on_a_server
@_for_seconds(10.0)
def no_descriptors(server: str | None, seconds: float) -> None:
    """Let the workers open nothing more: no connection, no file."""
    _hinder(server, hindrances.no_file_opens, seconds)


def _hinder(server: str | None, hindrance: Hindrance, seconds: float, *options: str) -> None:
    with _site(server) as site:
        _hinder_site(site, hindrance, seconds, *options)


def _hinder_site(site: Site, hindrance: Hindrance, seconds: float, *options: str) -> None:
    workers = [site.worker(*options) for _ in range(2)]
    plan = Plan(hindrance=hindrance, workers=workers, meanwhile=seconds)
    _, phases, findings = hinder(site, plan, click.echo)
    click.echo(phase_table(phases))
    _report(findings)


@contextmanager
def _site(server: str | None) -> Iterator[Site]:
    with _directory() as directory, site_on(server, directory) as site:
        yield site


@contextmanager
def _directory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="crd-faults-") as name:
        yield Path(name)


def _report(findings: Findings) -> None:
    click.echo(f"\n{findings_table(findings)}")
    raise SystemExit(0 if findings.is_sound else 1)
