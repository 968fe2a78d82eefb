"""The command: one proof a subcommand; each ends with a table, and status 1 if it found a fault."""

import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from faults.database_away import take_away
from faults.kill_rounds import kill_in_rounds
from faults.ledger import Findings


@click.group()
def main() -> None:
    """Long proofs that no answer is lost, whatever ends or goes away."""


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=200, show_default=True)
@click.option("--database", help="a PostgreSQL, set up with `crd audit migrate`; default: SQLite")
@click.option("--seed", type=int, default=1, show_default=True)
def kill(rounds: int, database: str | None, seed: int) -> None:
    """Kill two workers under load, in rounds, and look for every answer in the store."""
    with TemporaryDirectory(prefix="crd-faults-") as directory:
        url = database or f"sqlite:///{directory}/crd.sqlite3"
        killed, findings = kill_in_rounds(Path(directory), url, rounds, click.echo, seed)
    click.echo(f"rounds        {killed.rounds}\ncalls         {killed.statuses}")
    _report(findings)


@main.command()
@click.option("--database", required=True)
@click.option("--stop", required=True, help="the command that stops the database")
@click.option("--start", required=True, help="the command that starts it again")
@click.option("--seconds", type=float, default=60.0, show_default=True)
def away(database: str, stop: str, start: str, seconds: float) -> None:
    """Stop a PostgreSQL under load, and start it again."""
    with TemporaryDirectory(prefix="crd-faults-") as directory:
        heard, findings = take_away(
            Path(directory),
            database,
            stop=shlex.split(stop),
            start=shlex.split(start),
            seconds=seconds,
            show=click.echo,
        )
    click.echo(f"calls         {heard.statuses}")
    _report(findings)


def _report(findings: Findings) -> None:
    click.echo(
        f"answers told  {findings.told}\nanswers kept  {findings.kept}\n"
        f"lost          {len(findings.lost)}\ndoubled       {len(findings.doubled)}"
    )
    raise SystemExit(0 if findings.is_sound else 1)
