"""`crd policy shadow`: a set to come answers silently, and how its answers would differ."""

from collections.abc import Sequence

import click

from cds_service.audit.record import Kind
from cds_service.audit.text_tables import text_table
from cds_service.cli.policy.choosing import choose
from cds_service.cli.policy.opening import Room, opened_room, with_sets
from cds_service.live.kept_sets import short
from cds_service.live.shadow_store import CountedEffect, read_effects, read_shadow, set_shadow
from cds_service.settings import Settings

_END = "end"
_COLUMNS = ("Effect", "Orders", "Payer", "Codes", "Now", "Then", "A call")


@click.command()
@click.argument("chosen", metavar="[DIGEST | DIRECTORY … | end]", nargs=-1)
@with_sets
def shadow(chosen: tuple[str, ...], settings: Settings) -> None:
    """Have a set answer silently beside the one in service, or show how it would differ.

    With a kept set, by the first digits of its digest, or the built-in policies with those in each
    DIRECTORY, every process answers each call a second time by it, from the record of the call and
    after the answer has left: nobody waits, no EHR is asked, nothing of it is sent. `end` ends it.

    With neither, what differs is listed: looser answers first, then stricter ones, then other
    words, each kind with the number of orders and one call to look at (`crd audit show`).
    """
    with opened_room(settings) as room:
        if chosen == (_END,):
            _set(room, "")
            click.echo("No set answers silently any more.")
        elif chosen:
            digest = choose(room, chosen).digest
            _set(room, digest)
            click.echo(f"Set {short(digest)} answers silently within seconds.")
            click.echo("`crd policy shadow` lists what differs; `crd policy activate` takes it.")
        else:
            _list(room)


def _set(room: Room, digest: str) -> None:
    room.desk.note(Kind.CHANGE, {"command": "policy shadow", "library": digest or "none"})
    set_shadow(room.desk.engine, digest, room.desk.who)


def _list(room: Room) -> None:
    digest = read_shadow(room.desk.engine)
    if not digest:
        click.echo("No set answers silently; name one: `crd policy shadow DIRECTORY`.")
        return
    kinds = read_effects(room.desk.engine, digest)
    click.echo(f"Set {short(digest)} answers silently. {_summed(kinds)}")
    if kinds:
        click.echo(text_table(_COLUMNS, [_row(kind) for kind in kinds]))


def _summed(kinds: Sequence[CountedEffect]) -> str:
    """How many orders would be answered otherwise."""
    if not kinds:
        return (
            "No difference is counted so far; how many calls were compared is "
            "`crd_policy_shadow_total` at /metrics."
        )
    counts: dict[str, int] = {}
    for kind in kinds:
        counts[kind.effect] = counts.get(kind.effect, 0) + kind.count
    return f"Orders: {', '.join(f'{count} {effect}' for effect, count in counts.items())}."


def _row(kind: CountedEffect) -> tuple[str, ...]:
    codes = ", ".join(code.rpartition("|")[2] for code in kind.codes)
    return (
        kind.effect,
        str(kind.count),
        kind.payer or "unknown",
        codes or "none",
        kind.before,
        kind.after,
        kind.record,
    )
