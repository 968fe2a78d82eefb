"""`crd audit purge`: what is older than it is kept goes."""

from collections.abc import Sequence
from datetime import datetime

import click

from cds_service.audit.desk import Desk
from cds_service.audit.purging import Due, find_due, purge_due
from cds_service.audit.record import Kind
from cds_service.audit.retention import parse_retention
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.options import with_some_settings
from cds_service.errors import SettingError
from cds_service.settings import Settings

_HEADINGS = ("Class", "Kept", "Purged before", "Records", "Oldest", "Newest", "Held")


@click.command()
@click.option("--dry-run", is_flag=True, help="show what would be purged, and purge nothing")
@click.option("--yes", is_flag=True, help="do not ask")
@with_some_settings("data_dir", "database_url", "audit_key", "retention")
def purge(dry_run: bool, yes: bool, settings: Settings) -> None:
    """Delete the records that are older than their class is kept (--retention), held ones aside.

    Their leaves stay, so the proofs of all other records hold; a record of the change names each
    that went. A class that no rule names is kept for ever.
    """
    with opened_desk(settings) as desk:
        periods = parse_retention(settings.retention)
        if not periods:
            raise SettingError(
                "retention", "all records are kept for ever; name a class: answer=10y"
            )
        desk.read("audit purge", {"subject": "", "rules": list(settings.retention)})
        due = find_due(desk.engine, periods.values(), desk.now())
        click.echo(text_table(_HEADINGS, map(_row, due)))
        count = sum(of_class.count for of_class in due)
        if dry_run or not count:
            return
        if not yes:
            click.confirm(f"Delete {count} records for ever?", abort=True)
        _purge(desk, due, count)


def _purge(desk: Desk, due: Sequence[Due], count: int) -> None:
    done = 0
    for of_class in due:
        what = {
            "command": "audit purge",
            "rule": of_class.period.rule,
            "before": of_class.before.isoformat(),
        }
        for many in purge_due(
            desk.engine,
            of_class,
            lambda identities, what=what: desk.note(  # type: ignore[misc]
                Kind.CHANGE, {**what, "purged": list(identities)}
            ),
        ):
            done += many
            click.echo(f"purged {done} of {count} records", err=True)


def _row(due: Due) -> tuple[str, ...]:
    return (
        due.period.kind.value,
        due.period.rule.partition("=")[2],
        _time(due.before),
        str(due.count),
        _time(due.oldest),
        _time(due.newest),
        str(due.held),
    )


def _time(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
