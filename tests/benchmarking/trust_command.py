"""The command: its options, and where the findings go."""

import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

import click
from benchmarking.calls import call_bodies
from benchmarking.load import generator
from benchmarking.run import first_answer, tell
from benchmarking.servers import service
from benchmarking.trust_report import report, to_json
from benchmarking.trust_run import WAYS, Shares, faults, measure_by_turns
from benchmarking.trusted import everything

_CALLS = 64  # different bodies
_SLICE = 1.0  # seconds: processor time is counted in hundredths


@click.command()
@click.option(
    "--postgresql", help="URL of a server where databases may be made; without it SQLite alone"
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help=f"rounds of a slice of {_SLICE:g} s for each service under each of {len(WAYS)} loads",
)
@click.option("--quick", is_flag=True, help="3 rounds; its figures are rough")
@click.option(
    "--json",
    "written",
    type=click.Path(dir_okay=False, path_type=Path),
    help="write the findings here too",
)
def main(postgresql: str | None, rounds: int, quick: bool, written: Path | None) -> None:
    """Measure what letting clients in by tokens and keeping records durably cost a call."""
    signal.signal(signal.SIGTERM, _stop)  # so that every server and directory is cleared away
    with TemporaryDirectory(prefix="crd-benchmark-") as directory:
        shares = _measure(Path(directory), postgresql, 3 if quick else rounds)
    click.echo(report(shares))
    if written:
        written.write_text(json.dumps(to_json(shares), indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if faults(shares) else 0)


def _measure(directory: Path, postgresql: str | None, rounds: int) -> Shares:
    bodies = call_bodies(_CALLS)
    tell("a first answer, for the floor to return")
    answer = first_answer(service(directory / "first", None), bodies[0])
    tell("starting two workers of each service")
    with (
        generator(bodies) as run,
        everything(directory, answer, postgresql, tell) as services,
    ):
        return measure_by_turns(services, run, rounds=rounds, seconds=_SLICE, tell=tell)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)
