"""`crd audit find`: records by whom and what they are about."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from cds_service.audit.desk import Search
from cds_service.audit.dossier import decisions_of, texts_of
from cds_service.audit.mentions import HASHED
from cds_service.audit.reading import StoredRecord
from cds_service.audit.record import Kind
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.opening import opened_desk, with_store
from cds_service.fhir.resource import JsonObject, decode, objects, text
from cds_service.settings import Settings

_HEADINGS = ("At", "Kind", "Hook", "Client", "Status", "Order", "Codes", "Determined", "Assertion")
_MENTIONED = ("member", "patient", "order", "code", "payer", "plan", "date")
_DAYS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z")

_Command = Callable[..., None]


def in_time(command: _Command) -> _Command:
    """The command with options for a stretch of time, in UTC where no zone is named."""
    kind = click.DateTime(_DAYS)
    since = click.option("--since", type=kind, callback=_utc, help="from then on")
    until = click.option("--until", type=kind, callback=_utc, help="before then")
    return since(until(command))


def _utc(_context: Any, _parameter: Any, value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


@click.command()
@click.option("--member", help="a member id, as the Coverage has it")
@click.option("--patient", help="a patient's id at the EHR")
@click.option("--order", help="an order, such as ServiceRequest/1")
@click.option("--code", help="a code as system|code, such as http://www.ama-assn.org/go/cpt|0600T")
@click.option("--date", help="a day of service, such as 2026-12-01")
@click.option("--payer", help="the id of a payer in the library")
@click.option("--plan", help="the id of a plan in the library")
@click.option("--client", help="the name of a client")
@click.option("--hook", help="such as order-sign")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default="answer",
    help="which records  (default: answer)",
)
@in_time
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, help="most that are shown (default: 50)"
)
@click.option("--json", "as_json", is_flag=True, help="print whole records, one JSON a line")
@with_store
def find(
    client: str | None,
    hook: str | None,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    settings: Settings,
    **mentioned: str | None,
) -> None:
    """Find records that match all that is named, the latest first.

    Members and patients are found by their hash under the audit key (--audit-key). That the store
    was searched is recorded.
    """
    if mentioned["code"] and "|" not in mentioned["code"]:
        raise click.UsageError(
            "a --code is system|code, such as http://www.ama-assn.org/go/cpt|0600T"
        )
    named = tuple((name, value) for name in _MENTIONED if (value := mentioned[name]))
    search = Search(mentions=named, client=client, hook=hook, kind=kind, since=since, until=until)
    with opened_desk(settings, needs_key=any(name in HASHED for name, _ in named)) as desk:
        found = list(desk.find("audit find", search, limit=limit + 1))
        _show(found[:limit], as_json=as_json)
        if len(found) > limit:
            words = f"there are more than these {limit}; name more, or a larger --limit"
            click.echo(words, err=True)


def _show(found: Sequence[StoredRecord], *, as_json: bool) -> None:
    if as_json:
        for stored in found:
            click.echo(stored.payload)
        return
    rows = [row for stored in found for row in _rows(stored)]
    click.echo(text_table(_HEADINGS, rows) if rows else "Nothing was found.")


def _rows(stored: StoredRecord) -> list[tuple[str, ...]]:
    """A row for each decision of a record; one for a record without decisions."""
    record: JsonObject = decode(stored.payload)
    called = (
        stored.at.isoformat(timespec="seconds"),
        stored.kind,
        stored.hook,
        stored.client,
        str(stored.status or ""),
    )
    decided = [_decided(decision) for decision in decisions_of(record)]
    return [(*called, *row) for row in decided or [("", "", "", f"record {stored.id}")]]


def _decided(decision: JsonObject) -> tuple[str, ...]:
    determined = (text(found.get("covered")) for found in objects(decision.get("determined")))
    codes = (code.rpartition("|")[2] for code in texts_of(decision.get("codes")))
    return (
        text(decision.get("order")),
        ", ".join(codes),
        ", ".join(determined),
        text(decision.get("assertion")),
    )
