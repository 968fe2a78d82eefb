"""The tables that a proof ends with."""

from collections.abc import Iterable, Sequence

from faults.callers import Heard
from faults.hindered import Phase
from faults.kill_rounds import Killed
from faults.ledger import Account, Findings

from cds_service.audit.text_tables import text_table

_SHOWN = 10  # of what is wrong


def kill_table(killed: Killed) -> str:
    """What was done to the workers."""
    rows = [
        ("rounds", str(killed.rounds)),
        ("kills", str(killed.kills)),
        ("rounds while a journal was moved", str(killed.draining)),
        ("of those, a journal was left", str(killed.left)),
        ("calls by status (0: no answer)", _statuses(killed.heard)),
    ]
    return text_table(("Done", "How many"), rows)


def phase_table(phases: Sequence[Phase]) -> str:
    """What callers heard in each phase, and what the workers said of themselves."""
    rows = [
        (
            phase.name,
            ", ".join(f"{status}: {calls}" for status, calls in sorted(phase.statuses.items())),
            f"{phase.longest:.1f}",
            str(phase.most_journaled),
            "; ".join(phase.not_ready) or "-",
        )
        for phase in phases
    ]
    return text_table(
        ("Phase", "Calls by status", "Slowest, s", "Journal, bytes", "Not ready"), rows
    )


def findings_table(findings: Findings) -> str:
    """What callers were told beside what the store holds, and what `crd audit verify` finds."""
    found = findings.verification
    return "\n\n".join(
        (
            text_table(
                ("Kind", "Told", "Kept", "Lost", "Doubled"),
                [_row("answers", findings.answers), _row("feedback", findings.feedback)],
            ),
            text_table(
                ("Verified", "How many"),
                [
                    ("records", str(found.records)),
                    ("records without a number", str(found.waiting)),
                    ("checkpoints, signatures and roots", str(found.checkpoints)),
                    ("checkpoints in the copy", str(found.copied)),
                    ("checkpoints not in the copy", str(found.uncopied)),
                    ("times the copy did anything but grow", str(findings.cut)),
                    ("findings", str(len(found.findings))),
                ],
            ),
            *_wrong(findings),
        )
    )


def _row(kind: str, account: Account) -> tuple[str, ...]:
    figures = (account.told, account.kept, len(account.lost), len(account.doubled))
    return (kind, *map(str, figures))


def _statuses(heard: Heard) -> str:
    return ", ".join(f"{status}: {calls}" for status, calls in sorted(heard.statuses.items()))


def _wrong(findings: Findings) -> Iterable[str]:
    for name, account in (("answer", findings.answers), ("feedback", findings.feedback)):
        yield from (f"LOST {name} {key}" for key in sorted(account.lost)[:_SHOWN])
        yield from (f"DOUBLED {name} {key}" for key in sorted(account.doubled)[:_SHOWN])
    yield from (f"FOUND {found}" for found in findings.verification.findings[:_SHOWN])
