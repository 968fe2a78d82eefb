"""`crd metrics`: the measures that the CRD guide suggests, from the store (CRD metric-1)."""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import click

from cds_service.audit.desk import Desk, feedback_on
from cds_service.audit.measures import BY, Group, measure
from cds_service.audit.metric_data import metric_data
from cds_service.audit.record import Kind
from cds_service.audit.text_tables import text_table
from cds_service.cli.audit.find import in_time
from cds_service.cli.audit.opening import opened_desk, with_store
from cds_service.fhir.resource import JsonObject, decode, encode, first, text
from cds_service.settings import Settings

_SHOW_EVERY = 10_000  # records
_HEADINGS = ("No.", "Measure", "Volume", "Of", "%")
_NOTE = (
    "Measures 8 and 9 of the guide are these by payer, client and hook: --by. "
    "Percentages are of all orders of calls answered with 200; of 3 and 4, of those that need it."
)


@click.command()
@in_time
@click.option(
    "--by",
    callback=lambda _context, _parameter, value: _parse_by(value),
    default="",
    help=f"groups, such as hook,payer; of {', '.join(BY)}",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help="how they are shown  (default: table)",
)
@click.option(
    "--data", is_flag=True, help="a CRDMetricData instance for each call instead, one a line"
)
@with_store
def metrics(
    since: datetime | None,
    until: datetime | None,
    by: tuple[str, ...],
    form: str,
    data: bool,
    settings: Settings,
) -> None:
    """Show the guide's measures over the recorded calls; that they were read is recorded."""
    bounds = {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at}
    with opened_desk(settings) as desk:
        desk.read("metrics", {"subject": "", **bounds, "by": list(by), "data": data})
        calls = _calls(desk, since, until)
        if data:
            for call in calls:
                click.echo(encode(metric_data(call, _outcomes(desk, call))))
        else:
            _SHOWN[form](measure(calls, by), by)


def _parse_by(value: str) -> tuple[str, ...]:
    names = tuple(filter(None, (name.strip() for name in value.split(","))))
    for name in names:
        if name not in BY or names.count(name) > 1:
            raise click.BadParameter(f"`{value}` is no list of {', '.join(BY)}, each once at most")
    return names


def _calls(desk: Desk, since: datetime | None, until: datetime | None) -> Iterator[JsonObject]:
    """The payloads of all records of calls, one at a time."""
    for number, stored in enumerate(desk.reader.all_records(since, until), start=1):
        if number % _SHOW_EVERY == 0:
            click.echo(f"read {number} records", err=True)
        if stored.kind == Kind.ANSWER:
            yield decode(stored.payload)


def _outcomes(desk: Desk, call: JsonObject) -> dict[str, str]:
    """What clinicians did with the cards of a call, by uuid; the last feedback counts."""
    bodies = (first(record.get("feedback")) for record in feedback_on(desk.reader, call))
    return {text(body.get("card")): text(body.get("outcome")) for body in bodies}


def _rows(groups: Sequence[Group]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        for found in group.measures:
            counts = ("" if count is None else str(count) for count in (found.volume, found.of))
            yield (*group.values, found.number, found.name, *counts, found.percent)


def _table(groups: Sequence[Group], by: Sequence[str]) -> None:
    headings = (*(name.capitalize() for name in by), *_HEADINGS)
    click.echo(text_table(headings, list(_rows(groups))))
    click.echo(_NOTE, err=True)


def _csv(groups: Sequence[Group], by: Sequence[str]) -> None:
    written = csv.writer(sys.stdout)
    written.writerow([*by, "number", "measure", "volume", "of", "percent"])
    written.writerows(_rows(groups))


def _json(groups: Sequence[Group], by: Sequence[str]) -> None:
    click.echo(encode([_group_json(group, by) for group in groups]))


def _group_json(group: Group, by: Sequence[str]) -> JsonObject:
    measures = [
        {
            "number": found.number,
            "measure": found.name,
            "volume": found.volume,
            "of": found.of,
            "percent": found.percent or None,
        }
        for found in group.measures
    ]
    return {**dict(zip(by, group.values, strict=True)), "measures": measures}


_SHOWN: Mapping[str, Callable[[Sequence[Group], Sequence[str]], None]] = {
    "table": _table,
    "json": _json,
    "csv": _csv,
}
