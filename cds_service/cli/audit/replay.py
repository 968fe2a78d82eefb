"""`crd audit replay`: a recorded call answered again, by the policies of then and of now."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import indent

import click

from cds_service.app.service import build_service
from cds_service.audit.log import NoLog
from cds_service.audit.text_tables import text_table
from cds_service.authoring.replay import (
    Evaluate,
    Replay,
    Verdict,
    not_replayable,
    replay_as_it_is,
    replay_as_it_was,
)
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.options import with_some_settings
from cds_service.cli.progress import show_progress
from cds_service.errors import ArtifactError, AuditError
from cds_service.fhir.resource import JsonObject, encode, text
from cds_service.live.rerun import rerun_by
from cds_service.policy.library.snapshot import is_of, unpack
from cds_service.settings import Settings
from cds_service.version import VERSION

# The most that a service can be set to take: one that took the call may have been set so.
_DEEPEST = 500
_MOST_ENTRIES = 1_000_000
_STATUS = {Verdict.SAME: 0, Verdict.DIFFERS: 1, Verdict.NOT_REPLAYABLE: 2}  # exit status


@click.command()
@click.argument("identity", metavar="ASSERTION-ID")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="directory of policies, in place of those in --library",
)
@click.option("--json", "as_json", is_flag=True, help="print both replays as JSON")
@with_some_settings("data_dir", "database_url", "audit_key", "library", "builtin_library")
def replay(identity: str, against: tuple[Path, ...], as_json: bool, settings: Settings) -> None:
    """Answer a recorded call again: with the policies as they were, and as they are.

    The EHR's replies, the authorizations and the time are those of the record; what it does not
    hold is not guessed. Exit status 0 if both answers are the same, 1 if one differs, 2 if the call
    cannot be replayed. That it was replayed is recorded.
    """
    now = replace(settings, library=against) if against else settings
    with opened_desk(settings) as desk:
        dossier = desk.dossier("audit replay", identity)
        if dossier is None:
            raise AuditError("no record has this assertion id or id")
        record = dossier.record
        packed = desk.reader.library(text(record.get("library")))
        replays = _replay_both(record, packed, settings, now)
    _show(replays, as_json=as_json)
    raise SystemExit(max(_STATUS[found.verdict] for found in replays.values()))


def _replay_both(
    record: JsonObject, packed: bytes | None, then: Settings, now: Settings
) -> dict[str, Replay]:
    """Replays by the policies of the record, as they were packed, and by those of `now`."""
    with TemporaryDirectory(prefix="crd-replay-") as directory:
        was, why_not = _own_library(record, packed, then, Path(directory))
        return {
            "as it was": replay_as_it_was(record, was, program=VERSION)
            if was
            else not_replayable(why_not),
            "as it is": replay_as_it_is(record, _evaluator(now, record), was=was, program=VERSION),
        }


def _own_library(
    record: JsonObject, packed: bytes | None, settings: Settings, directory: Path
) -> tuple[Evaluate | None, str]:
    """What answers by the policies that a record was answered by; or None, and why not."""
    if packed is None:
        library = text(record.get("library")) or "of that time"
        return None, f"the library {library} is not kept in this store"
    if not is_of(packed, text(record.get("library"))):
        return None, "the policies of then were altered in this store; run `crd audit verify`"
    unpack(packed, directory)
    try:
        own = replace(settings, library=(directory,), builtin_library=False)
        return _evaluator(own, record), ""
    except ArtifactError as error:
        return None, f"this program cannot read the policies of then: {error}"


def _evaluator(settings: Settings, record: JsonObject) -> Evaluate:
    """What answers recorded calls by the policies in these settings.

    Its links lead where those of the record do. What was within the limits of then is within ours.
    """
    base_url = text(record.get("base")) or settings.base_url
    alone = replace(
        settings,
        authorizations="",
        base_url=base_url,
        max_depth=_DEEPEST,
        max_entries=_MOST_ENTRIES,
    )
    service = build_service(alone, ehr=None, log=NoLog(), progress=show_progress)
    return rerun_by(service.pipelines)


def _show(replays: Mapping[str, Replay], *, as_json: bool) -> None:
    if as_json:
        click.echo(encode({name: found.to_json() for name, found in replays.items()}))
        return
    for name, found in replays.items():
        click.echo(f"By the policies {name}: {found.verdict}")
        for line in (found.reason, *found.remarks):
            if line:
                click.echo(f"  {line}")
        if found.differences:
            rows = [(place.path, place.before, place.after) for place in found.differences]
            click.echo(indent(text_table(("Where", "Before", "After"), rows), "  "))
