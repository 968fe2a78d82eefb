"""`crd audit purge`: what is older than it is kept goes."""

from collections.abc import Sequence
from datetime import datetime

import click

from cds_service.audit.checkpoint import verify_checkpoint
from cds_service.audit.desk import Desk
from cds_service.audit.numbering import last_note
from cds_service.audit.purge_note import purge_of
from cds_service.audit.purging import Due, find_due, purge_due
from cds_service.audit.record import Kind
from cds_service.audit.retention import parse_retention
from cds_service.audit.signed_note import Signer
from cds_service.audit.signing_key import read_signer
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.audit.trust import key_path
from cds_service.cli.options import with_some_settings
from cds_service.database.engine import erase_deleted
from cds_service.errors import SettingError, TamperError
from cds_service.settings import Settings

_HEADINGS = ("Class", "Kept", "Purged before", "Records", "Oldest", "Newest", "Held")


@click.command()
@click.option("--dry-run", is_flag=True, help="show what would be purged, and purge nothing")
@click.option("--yes", is_flag=True, help="do not ask")
@with_some_settings("data_dir", "database_url", "audit_key", "checkpoint_key", "retention")
def purge(dry_run: bool, yes: bool, settings: Settings) -> None:
    """Delete the records that are older than their class is kept (--retention), held ones aside.

    Their leaves stay, so the proofs of all other records hold; a record of the change names each
    that went, signed with the key of the checkpoints (--checkpoint-key), so that nobody else can
    pass a deletion for a purge. A class that no rule names is kept for ever.
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
        signer = _signer(desk, settings)
        if not yes:
            click.confirm(f"Delete {count} records for ever?", abort=True)
        _purge(desk, due, count, signer)
        erase_deleted(desk.engine)


def _signer(desk: Desk, settings: Settings) -> Signer:
    """The key that this store's checkpoints are signed with: a purge by another would be none.

    Raises:
        SettingError: it is not at hand.
    """
    signer = read_signer(key_path(settings))
    try:
        verify_checkpoint(last_note(desk.engine), [signer.verifier])
    except TamperError as error:
        raise SettingError(
            "checkpoint_key",
            f"{key_path(settings)} is not the key that this store's checkpoints are signed with, "
            "and a purge is signed with the same",
        ) from error
    return signer


def _purge(desk: Desk, due: Sequence[Due], count: int, signer: Signer) -> None:
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
                Kind.CHANGE, {**what, **purge_of(identities, signer)}
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
