"""The command: its options, and where the findings go."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NoReturn

import click
from benchmarking.contenders import OPEN, TOKENS
from benchmarking.kinds import KINDS
from benchmarking.load import LoadFailed
from benchmarking.matrix import Turns
from benchmarking.policies import BUILT_IN
from benchmarking.report import report, to_json, to_markdown, to_text
from benchmarking.run import Plan, WrongAnswer, measure_everything, tell
from benchmarking.servers import NotServing
from benchmarking.services import has_option

_PARTS = ("calls", "counts", "starts")
_FILE = click.Path(dir_okay=False, path_type=Path)
_ENVIRONMENT = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--quick", is_flag=True, help="a look in two minutes; its figures are rough")
@click.option("--part", "parts", type=click.Choice(_PARTS), multiple=True, help="only this part")
@click.option(
    "--call", "kinds", type=click.Choice(tuple(KINDS)), multiple=True, help="only these calls"
)
@click.option("--connections", help="such as 1,8,32")
@click.option("--workers", help="such as 1,2")
@click.option(
    "--trust", "trusts", type=click.Choice((OPEN, TOKENS)), multiple=True, help="only so let in"
)
@click.option("--postgresql", default="", help="URL of a server where databases may be made")
@click.option(
    "--healthchain",
    type=_ENVIRONMENT,
    help="environment that has HealthChain, to measure it too: "
    "`python3 -m venv DIR && DIR/bin/pip install healthchain`",
)
@click.option("--rounds", type=click.IntRange(1, 100), help="slices of each cell")
@click.option("--seconds", type=click.FloatRange(0.3, 60), help="a slice")
@click.option("--policies", help="libraries to start with, such as 2,1000,10000")
@click.option(
    "--soak", type=click.IntRange(0, 10_000_000), default=0, help="calls to watch memory over"
)
@click.option("--markdown", type=_FILE, help="write the tables here too, in Markdown")
@click.option("--json", "written", type=_FILE, help="write the findings here too")
def main(markdown: Path | None, written: Path | None, **given: Any) -> None:
    """Measure the service beside the floors, and show which aims hold.

    Exit status 0 if all of them hold, 1 if not, 2 if it could not be measured.
    """
    signal.signal(signal.SIGTERM, _stop)  # so that every server and directory is cleared away
    plan = make_plan(**given)
    try:
        with TemporaryDirectory(prefix="crd-benchmark-") as directory:
            found = measure_everything(plan, Path(directory))
    except (LoadFailed, NotServing, WrongAnswer) as error:
        click.echo(f"given up: {error}", err=True)
        sys.exit(2)
    tables = report(found)
    click.echo(to_text(tables))
    if markdown:
        markdown.write_text(to_markdown(tables), encoding="utf-8")
    if written:
        written.write_text(json.dumps(to_json(found), indent=2) + "\n", encoding="utf-8")
    sys.exit(0 if all(aim.holds for aim in found.aims()) else 1)


def make_plan(
    *,
    quick: bool,
    parts: Sequence[str],
    connections: str | None,
    workers: str | None,
    policies: str | None,
    rounds: int | None,
    seconds: float | None,
    kinds: Sequence[str],
    trusts: Sequence[str],
    **others: Any,
) -> Plan:
    """What the options ask for.

    Raises:
        click.BadParameter: a list of numbers is none, or there are no such.
    """
    parts = parts or _PARTS
    by = _numbers("workers", workers or "1,2", 1)
    if max(by) > 1 and not has_option("serve", "--workers"):
        tell("this checkout has no `crd serve --workers` yet: one worker")
        by = (1,)
    turns = Turns(
        connections=_numbers("connections", connections or ("1,8" if quick else "1,8,32"), 1),
        rounds=rounds or (2 if quick else 3),
        seconds=seconds or (0.5 if quick else 1.5),
    )
    sizes = _numbers("policies", policies or ("2,200" if quick else "2,1000,10000"), BUILT_IN)
    return Plan(
        turns=turns if "calls" in parts else None,
        counts="counts" in parts,
        policies=sizes if "starts" in parts else (),
        workers=by,
        trusts=trusts or (OPEN, TOKENS),
        kinds=kinds or tuple(KINDS),
        **others,
    )


def _numbers(option: str, given: str, least: int) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(number) for number in given.split(",")}))
    except ValueError as error:
        raise click.BadParameter(
            f"`{given}` is not a list of numbers", param_hint=f"--{option}"
        ) from error
    if numbers[0] < least:
        raise click.BadParameter(f"`{given}`: not below {least}", param_hint=f"--{option}")
    return numbers


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)
