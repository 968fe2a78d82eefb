"""`crd policy history`: what was put in service, when, by whom and why, and what is where."""

from collections.abc import Sequence

import click

from cds_service.audit.text_tables import text_table
from cds_service.cli.policy.instants import shown
from cds_service.cli.policy.opening import Room, opened_room, with_sets
from cds_service.cli.policy.waiting import arrived, served_table
from cds_service.fhir.resource import JsonObject, encode
from cds_service.live.activations import Activation, Plan, list_activations
from cds_service.live.kept_sets import short
from cds_service.live.serving import Served, list_served
from cds_service.settings import Settings

_HEADINGS = ("No.", "Begins", "State", "What", "Set", "Changes", "Who", "Why", "Approved by")


@click.command()
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=20, help="most rows shown  (default: 20)"
)
@click.option("--json", "as_json", is_flag=True, help="print both tables as JSON")
@with_sets
def history(limit: int, as_json: bool, settings: Settings) -> None:
    """Show the activations, and what went live where, the latest first.

    A process that is behind is there with its problem.
    """
    with opened_room(settings) as room:
        activations = list_activations(room.desk.engine, limit)
        served = list_served(room.desk.engine, limit)
        if as_json:
            click.echo(encode(_to_json(room, activations, served)))
            return
        plan, there = room.plan(), room.served()
        if activations:
            rows = [_row(room, plan, there, activation) for activation in activations]
            click.echo(text_table(_HEADINGS, rows))
        else:
            click.echo("Nothing was ever activated: each service follows its directories.")
        if served:
            click.echo("\nWhat went live where")
            click.echo(served_table(served))


def _row(
    room: Room, plan: Plan, there: Sequence[Served], activation: Activation
) -> tuple[str, ...]:
    order = activation.order
    return (
        str(activation.number),
        shown(activation.starts),
        _state(plan, there, activation),
        order.kind.value,
        short(order.digest),
        order.changes,
        order.who,
        order.why,
        ", ".join(room.approvers(activation)) if order.digest else "",
    )


def _state(plan: Plan, there: Sequence[Served], activation: Activation) -> str:
    if activation.cancelled:
        return "cancelled"
    if activation.starts > plan.now:
        return "planned" if activation.planned else "coming"
    if plan.current is None or plan.current.number != activation.number:
        return "past"
    have = sum(arrived(found, activation) for found in there)
    return f"in force, {have} of {len(there)}" if there else "in force"


def _to_json(room: Room, activations: Sequence[Activation], served: Sequence[Served]) -> JsonObject:
    plan, there = room.plan(), room.served()
    return {
        "activations": [
            {
                "number": activation.number,
                "kind": activation.order.kind.value,
                "set": activation.order.digest,
                "starts": activation.starts.isoformat(),
                "at": activation.at.isoformat(),
                "state": _state(plan, there, activation),
                "changes": activation.order.changes,
                "who": activation.order.who,
                "why": activation.order.why,
                "approved": list(room.approvers(activation)),
            }
            for activation in activations
        ],
        "served": [
            {
                "host": found.instance.host,
                "process": found.instance.process,
                "set": found.serving.digest,
                "source": found.serving.source,
                "since": found.serving.since.isoformat(),
                "seen": found.seen.isoformat(),
                "ended": found.ended.isoformat() if found.ended else None,
                "problem": found.serving.problem,
            }
            for found in served
        ],
    }
