"""The tables that the trial ends with."""

from collections import Counter
from collections.abc import Iterator

from faults.report import findings_table
from hosts.trial import Ledger

from cds_service.audit.text_tables import text_table

_SHOWN = 5  # of what is wrong, of each kind


def ledger_tables(ledger: Ledger) -> str:
    """What was done, what clients heard, and what must not be and how often it was found."""
    phases = text_table(
        ("Phase", "Seconds", "Calls by status", "Of the limited client", "Seen"),
        [
            (
                phase.name,
                f"{phase.seconds:.1f}",
                _statuses(phase.statuses),
                _statuses(phase.limited),
                phase.seen or "-",
            )
            for phase in ledger.phases
        ],
    )
    found = text_table(
        ("What must hold", "Looked at", "Against it"),
        [
            ("every answer is the expected one", str(ledger.answers), str(len(ledger.wrong))),
            ("every answer has its record", str(ledger.answers), str(len(ledger.lost))),
            ("… exactly one", str(ledger.answers), str(len(ledger.doubled))),
            (
                "what has been used is refused on every host",
                _statuses(ledger.replays),
                str(len(ledger.replays_let_in)),
            ),
            (
                "a host with a wrong clock answers nothing",
                "2 jumps",
                str(len(ledger.answered_by_wrong_clock)),
            ),
            ("no record has another time", "all records", str(ledger.out_of_time)),
            ("no new token is refused", "all calls under load", str(ledger.tokens_refused)),
            (
                "the limit of a client holds over all hosts",
                f"{len(ledger.phases)} phases",
                str(len(ledger.over_limit)),
            ),
        ],
    )
    return "\n\n".join((phases, found, findings_table(ledger.store), *_wrong(ledger)))


def _statuses(statuses: Counter[int]) -> str:
    return ", ".join(f"{status}: {calls}" for status, calls in sorted(statuses.items())) or "-"


def _wrong(ledger: Ledger) -> Iterator[str]:
    kinds = {
        "WRONG": ledger.wrong,
        "LOST": ledger.lost,
        "DOUBLED": ledger.doubled,
        "LET IN": ledger.replays_let_in,
        "WRONG CLOCK": ledger.answered_by_wrong_clock,
        "LIMIT": ledger.over_limit,
    }
    for kind, texts in kinds.items():
        yield from (f"{kind} {text}" for text in texts[:_SHOWN])
