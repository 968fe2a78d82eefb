"""`crd audit hold`: records that must not be purged."""

import click

from cds_service.audit.desk import writable
from cds_service.audit.holds import HELD_BY, list_holds, put_hold, release_hold
from cds_service.audit.mentions import HASHED, mention
from cds_service.audit.record import Kind
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.opening import opened_desk, with_store
from cds_service.settings import Settings


@click.command()
@click.option("--member", help="a member id, as the Coverage has it")
@click.option("--patient", help="a patient's id at the EHR")
@click.option("--order", help="an order, such as ServiceRequest/1")
@click.option("--assertion", help="a coverage-assertion-id")
@click.option("--reason", help="why, for whoever sees it later: never a patient's data")
@click.option("--release", is_flag=True, help="end the hold")
@with_store
def hold(reason: str | None, release: bool, settings: Settings, **mentioned: str | None) -> None:
    """Keep records from being purged: of one member, patient, order or answer; or list the holds.

    A hold is on records that come later too, and on the feedback to what it holds. That it was put
    or released is recorded.
    """
    named = [(name, value) for name in HELD_BY if (value := mentioned[name])]
    if not named:
        _list(settings)
        return
    if len(named) > 1 or bool(reason) is release:
        raise click.UsageError(
            "name one of --member, --patient, --order and --assertion, "
            "with --reason to hold it or --release"
        )
    [(name, value)] = named
    with opened_desk(settings, needs_key=name in HASHED) as desk:
        about = mention(name, writable(value), desk.recorder.audit_key)
        done = "release" if release else "hold"
        by = [about.name, about.value]
        desk.note(Kind.CHANGE, {"command": f"audit {done}", "by": by, "reason": reason or ""})
        if release:
            release_hold(desk.engine, about)
        else:
            put_hold(desk.engine, about, writable(reason or ""), desk.now())
        click.echo(f"{'released' if release else 'held'}: records of this {name}")


def _list(settings: Settings) -> None:
    with opened_desk(settings) as desk:
        desk.read("audit hold", {"subject": ""})
        rows = [
            (held.name, held.value, held.at.isoformat(timespec="seconds"), held.reason)
            for held in list_holds(desk.engine)
        ]
        headings = ("Held by", "Value or hash", "Since", "Reason")
        click.echo(text_table(headings, rows) if rows else "Nothing is held.")
