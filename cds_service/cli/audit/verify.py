"""`crd audit verify`: the store against what was signed."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from cds_service.audit.signed_note import Verifier
from cds_service.audit.text_tables import text_table
from cds_service.audit.verification import Verification, VerificationRequest, verify_log
from cds_service.cli.audit.opening import opened_desk
from cds_service.cli.audit.trust import (
    find_copy,
    known_keys,
    notes_in,
    unusable_errors,
    with_public_keys,
)
from cds_service.cli.options import with_given
from cds_service.settings import Settings, read_settings

_SHOWN = 20  # findings
_EVERY = 2.0  # seconds between two lines of progress


@click.command()
@with_public_keys
@with_given("data_dir", "database_url", "audit_key", "checkpoint_key", "checkpoints")
def verify(public_keys: tuple[str, ...], given: Mapping[str, str]) -> None:
    """Find the first record that was altered, is missing or is extra.

    Every record is compared with its leaf hash, its columns and what it is found by; the leaves
    with every signed checkpoint; the checkpoints with the copy outside the database (--checkpoints
    FILE). Exit status 0 if all is as it was signed, 1 if anything is not, 2 if it cannot be
    checked.
    """
    with unusable_errors():
        settings = read_settings(os.environ, given)
        is_sound = show_verification(settings, public_keys, datetime.now(UTC))
    raise SystemExit(0 if is_sound else 1)


def show_verification(settings: Settings, public_keys: Sequence[str], now: datetime) -> bool:
    """Verify the store as it should be at `now`, and print what is found; whether nothing is.

    Raises:
        AuditError: no key is known, or the copy of the checkpoints is not there.
        SettingError: the signing key cannot be used.
    """
    verifiers, copy = known_keys(settings, public_keys), find_copy(settings)
    verification = _verify(settings, verifiers, copy, now)
    click.echo(text_table(("Checked", "How many", "How"), _rows(verification, verifiers, copy)))
    click.echo(_verdict(verification))
    return not verification.findings


def _verify(
    settings: Settings, verifiers: Sequence[Verifier], copy: Path | None, now: datetime
) -> Verification:
    with opened_desk(settings) as desk:
        request = VerificationRequest(
            verifiers=verifiers,
            audit_key=desk.recorder.audit_key or None,
            copied=notes_in(copy),
            now=now,
        )
        return verify_log(desk.engine, request, _progress(time.monotonic))


def _progress(clock: Callable[[], float]) -> Callable[[int, int], None]:
    """A line on stderr every two seconds."""
    due = clock() + _EVERY

    def show(done: int, of: int) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + _EVERY
            click.echo(f"checked {done} of {of} records", err=True)

    return show


def _rows(
    found: Verification, verifiers: Sequence[Verifier], copy: Path | None
) -> list[tuple[str, str, str]]:
    mentions = "payload, columns and mentions against the leaf hash"
    if not found.has_key:
        mentions += "; mentions of patients and members not, for want of --audit-key"
    compared = f"against {copy}" if copy else "NOT compared: name a copy with --checkpoints FILE"
    return [
        ("records", str(found.records - found.purged), mentions),
        ("purged records", str(found.purged), "named by a signed record of their purge"),
        ("records without a number yet", str(found.waiting), "like the others"),
        (
            "checkpoints in the database",
            str(found.checkpoints),
            f"signature by {', '.join(verifier.name for verifier in verifiers)}; root of the tree",
        ),
        ("checkpoints in the copy", str(found.copied), compared),
        (
            "checkpoints not in the copy yet",
            str(found.uncopied if copy else 0),
            "only the database vouches for them",
        ),
    ]


def _verdict(verification: Verification) -> str:
    findings = verification.findings
    if not findings and verification.is_copied:
        return "All records are as they were signed."
    if not findings:
        return (
            "All records are as they were signed; whether the database was put back to an older "
            "state, only a copy of the checkpoints can tell."
        )
    lines = [f"FOUND: {findings[0]}", *(f"  then: {found}" for found in findings[1:_SHOWN])]
    if len(findings) > _SHOWN:
        lines.append(f"  … and {len(findings) - _SHOWN} more")
    return "\n".join(lines)
