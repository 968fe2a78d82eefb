"""Waiting for an activation: who serves it by now, and who does not, with the reason."""

import time
from collections.abc import Sequence
from datetime import timedelta

import click

from cds_service.audit.text_tables import text_table
from cds_service.cli.policy.instants import shown
from cds_service.cli.policy.opening import Room
from cds_service.live.activations import Activation, Plan
from cds_service.live.candidate import Source
from cds_service.live.kept_sets import short
from cds_service.live.serving import Served, find_served

_EVERY = 0.5  # seconds between two looks
_PATIENCE = timedelta(seconds=30)  # after the instant, for a host that is slow
_HEADINGS = ("Host", "Process", "Serves", "By", "Since", "Seen", "Problem")


def wait_for(room: Room, activation: Activation) -> bool:
    """Whether every process that is there has it in service in the end; shows a table of them."""
    before = ""
    while True:
        plan = room.plan()
        if activation.number not in {found.number for found in plan.activations}:
            click.echo("It was cancelled, or a later one took its place: `crd policy history`.")
            return False
        served = find_served(room.desk.engine, plan.now)
        if plan.now >= activation.starts and not served:
            click.echo("No service runs on this store just now; the next that starts serves it.")
            return True
        words = _progress(activation, served, plan)
        if words != before:
            click.echo(words, err=True)
        before = words
        behind = [found for found in served if not arrived(found, activation)]
        is_over = plan.now > activation.starts + _PATIENCE or all(map(_has_failed, behind))
        if plan.now >= activation.starts and is_over:
            click.echo(served_table(served))
            _tell_behind(behind)
            return not behind
        time.sleep(_EVERY)


def arrived(served: Served, activation: Activation) -> bool:
    """Whether a process serves what an activation asks for."""
    serving, wanted = served.serving, activation.order.digest
    if not wanted:
        return serving.source == Source.DIRECTORIES
    return serving.digest == wanted and serving.source == Source.ACTIVATION


def served_table(served: Sequence[Served]) -> str:
    """What went live where, a row for each set and process."""
    return text_table(_HEADINGS, map(_row, served))


def _row(found: Served) -> tuple[str, ...]:
    serving = found.serving
    return (
        found.instance.host,
        str(found.instance.process),
        short(serving.digest),
        serving.source,
        shown(serving.since),
        f"until {shown(found.ended)}" if found.ended else shown(found.seen),
        serving.problem,
    )


def _has_failed(found: Served) -> bool:
    return bool(found.serving.problem)


def _progress(activation: Activation, served: Sequence[Served], plan: Plan) -> str:
    if plan.now < activation.starts:
        failing = sum(map(_has_failed, served))
        warned = f", {failing} of them cannot take it up" if failing else ""
        processes = "1 process makes" if len(served) == 1 else f"{len(served)} processes make"
        return f"{processes} it ready{warned} …"
    there = sum(arrived(found, activation) for found in served)
    return f"in service on {there} of {len(served)}"


def _tell_behind(behind: Sequence[Served]) -> None:
    for found in behind:
        why = found.serving.problem or "it has not taken it up yet; `crd policy history` shows it"
        click.echo(f"{found.instance.host}, process {found.instance.process}: {why}", err=True)
