"""The coverage list as CSV and JSON: the same columns, in one table.

Their names are a contract: none is renamed or taken away, and new ones come last.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.fhir.resource import JsonObject, encode
from cds_service.pages.coverage.answer import Sentence
from cds_service.pages.coverage.question import Question
from cds_service.pages.coverage.rows import CoverageRow
from cds_service.pages.result_page import ResultPage

Value = str | list[str] | None

# What a spreadsheet would take for a formula, and where a cell could be made to look like one.
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_BETWEEN = " | "  # several values in one cell

# What the list is, and what it is not; on the page and in every format.
NOTES = (
    "This is what the policies loaded here determine, by the same rules that answer orders. It is "
    "no guarantee of coverage or payment. A rule holds where its conditions do; where one of them "
    "cannot be told for an order, the answer depends on further information. The member's "
    "contract, eligibility on the date of service and the law come first.",
    "A service that is not on the list is one that no policy loaded here addresses. It is not "
    "covered by being absent, nor free of prior authorization.",
    "US payers have to publish, each year, all items and services other than drugs that need prior "
    "authorization, with how they decided requests (CMS-0057-F; for Medicare Advantage 42 CFR "
    "422.122, for plans on the federal exchanges 45 CFR 156.223). This list can serve as the list "
    "of items and services as far as the payer's policies are loaded; it has drugs too where a "
    "policy is about them, and no numbers of decisions.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of what a question leads to, with all that a format says of it.

    `address` is that of this page, `following` that of the next; both are empty where there is
    none.
    """

    question: Question
    digest: str
    answers: tuple[Sentence, ...]
    page: ResultPage[CoverageRow]
    address: str = ""
    following: str = ""


def write_csv(listing: Listing) -> str:
    """The rows as RFC 4180 has them, one header row first; formulas are made plain text."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow([*COLUMNS, "as_of", "library"])
    shared = (listing.question.day.isoformat(), listing.digest)
    for row in listing.page.shown:
        writer.writerow([*map(_cell, _values(row)), *shared])
    return written.getvalue()


def write_json(listing: Listing) -> bytes:
    """The page as one JSON object; its rows have the members that CSV has columns."""
    page, question = listing.page, listing.question
    selection = question.selection
    asked = {"q": question.words, **selection._asdict()}
    return encode(
        {
            "as_of": question.day.isoformat(),
            "library": listing.digest,
            "question": {name: value for name, value in asked.items() if value},
            "answers": ["".join(sentence) for sentence in listing.answers],
            "total": page.found,
            "page": page.number,
            "pages": page.last,
            "next": listing.following or None,
            "notes": list(NOTES),
            "rows": [_json(row) for row in page.shown],
        }
    )


def _json(row: CoverageRow) -> JsonObject:
    """One row as a JSON object, a member for each column."""
    return dict(zip(COLUMNS, _values(row), strict=True))


def _values(row: CoverageRow) -> Iterator[Value]:
    return (read(row) for read in COLUMNS.values())


def _cell(value: Value) -> str:
    """A value in a cell of CSV; what a spreadsheet would run is kept from being run."""
    shown = _BETWEEN.join(value) if isinstance(value, list) else value or ""
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def _codes(codes: Iterable[str]) -> list[str]:
    return sorted(map(str, codes))


def _members(row: CoverageRow) -> list[str]:
    members = row.listed.members
    return [] if members.everyone else [plan.id for plan in members.plans]


def _last_day(row: CoverageRow) -> str | None:
    return row.last_day.isoformat() if row.last_day else None


def _pa_needed(row: CoverageRow) -> str | None:
    needed = row.determination.pa_needed
    return str(needed) if needed else None


COLUMNS: Mapping[str, Callable[[CoverageRow], Value]] = {
    "payer": lambda row: row.listed.payer.brand,
    "payer_id": lambda row: row.listed.payer.id,
    "members": lambda row: row.members,
    "plan_ids": _members,
    "order_kind": lambda row: row.order_kind,
    "code_system": lambda row: row.code.system or None,
    "code_system_name": lambda row: row.code.system_name or None,
    "code": lambda row: row.code.code or None,
    "code_kind": lambda row: str(row.code.kind),
    "code_label": lambda row: row.code.label or None,
    "covered": lambda row: str(row.determination.covered),
    "pa_needed": _pa_needed,
    "doc_needed": lambda row: _codes(row.determination.doc_needed),
    "doc_purpose": lambda row: _codes(row.determination.doc_purpose),
    "info_needed": lambda row: _codes(row.determination.info_needed),
    "answer": lambda row: list(row.sentences),
    "verdict": lambda row: row.verdict or None,
    "reasons": lambda row: list(row.reasons),
    "rule": lambda row: row.view.title,
    "when": lambda row: row.when,
    "conditions": lambda row: list(row.view.conditions),
    "plan_unknown": lambda row: row.plan_unknown or None,
    "to_do": lambda row: list(row.to_do),
    "effective_from": lambda row: row.listed.policy.start.isoformat(),
    "effective_until": _last_day,
    "policy_number": lambda row: row.citation.number,
    "policy_title": lambda row: row.citation.policy_title,
    "policy_section": lambda row: row.view.section or None,
    "policy": lambda row: row.citation.canonical,
    "rule_id": lambda row: row.view.id,
    "policy_page": lambda row: row.citation.page_url,
    "payer_document": lambda row: row.citation.document_url or None,
}
