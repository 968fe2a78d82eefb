"""The command: its options, and where the findings go."""

import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NoReturn

import click
from benchmarking.policies import BUILT_IN
from benchmarking.report import report, to_json
from benchmarking.run import Extent, measure_everything

_SHORTEST, _LONGEST = 1.0, 600.0  # seconds on one server
_SHORTEST_SLICE = 0.5  # seconds: processor time is counted in hundredths
_MOST_ROUNDS = 12


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(_SHORTEST, _LONGEST),
    help="load on each server, floor and connections",
)
@click.option(
    "--libraries", help="numbers of policies, the built-in 2 among them, such as 2,1000,10000"
)
@click.option(
    "--soak",
    "soaked",
    type=click.IntRange(0, 10_000_000),
    help="requests to watch memory over; 0 for none",
)
@click.option("--quick", is_flag=True, help="a look in about a minute; its figures are rough")
@click.option(
    "--json",
    "written",
    type=click.Path(dir_okay=False, path_type=Path),
    help="write the findings here too",
)
def main(
    seconds: float | None,
    libraries: str | None,
    soaked: int | None,
    quick: bool,
    written: Path | None,
) -> None:
    """Measure the service beside a floor: the same server and framework, only decoding the body."""
    signal.signal(signal.SIGTERM, _stop)  # so that every server and directory is cleared away
    seconds = seconds or (3.0 if quick else 18.0)
    extent = Extent(
        seconds=seconds,
        rounds=min(_MOST_ROUNDS, int(seconds / _SHORTEST_SLICE)),
        starts=1 if quick else 3,
        libraries=_numbers(libraries or ("2,200" if quick else "2,1000,10000")),
        soak=soaked if soaked is not None else (5_000 if quick else 100_000),
        phases=500 if quick else 3_000,
    )
    with TemporaryDirectory(prefix="crd-benchmark-") as directory:
        found = measure_everything(extent, Path(directory))
    click.echo(report(found))
    if written:
        written.write_text(json.dumps(to_json(found), indent=2) + "\n", encoding="utf-8")
    sys.exit(1 if found.faults else 0)


def _numbers(given: str) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(number) for number in given.split(",")}))
    except ValueError as error:
        raise click.BadParameter(
            f"`{given}` is not a list of numbers", param_hint="--libraries"
        ) from error
    if numbers[0] < BUILT_IN:
        raise click.BadParameter(
            f"{BUILT_IN} policies are built in, so fewer cannot be", param_hint="--libraries"
        )
    return numbers


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)
